section("audit", "Audit", () => {
  const audit = data.audit, series = (line) => audit.steps.map((step, i) => [step, line[i], null, null]).filter((p) => p[1] !== null);
  const findings = el("div", { class: "card", style: { padding: "6px 0" } }, audit.findings.map((finding) =>
    el("div", { class: "finding" }, el("span", { class: `sign ${finding.sign}` }, { warn: "look", fine: "fine", note: "note" }[finding.sign]),
      el("strong", { style: { fontWeight: "600" } }, finding.title), el("p", {}, finding.text))));
  const figures = [];
  const both = [["reward", "training reward"], ["eval_accuracy", "held-out accuracy", "eval_accuracy_low", "eval_accuracy_high"]].filter(([name]) => has(name));
  if (both.length === 2) figures.push(chart({ title: "Training reward against held-out accuracy", note: "A reward that rises while accuracy does not is being gamed.",
    series: both.map(([name, label, low, high]) => ({ label, dots: name !== "reward", points: points(name, low, high) })) }));
  const parts = Object.entries(audit.parts);
  if (parts.length) figures.push(chart({ title: "What the reward's spread is made of", zero: true, format: (v) => percent(v, 0),
    note: "Share of each part in the differences within groups, which are all that is learned from.", series: parts.map(([label, line]) => ({ label, points: series(line) })) }));
  figures.push(chart({ title: "Length and reward", note: "Correlation over a step's completions: far from 0, length itself pays.", series: [{ label: "correlation", points: series(audit.length) }] }));
  if (has("completions/mean_length")) figures.push(chart({ title: "Drift of length", zero: true, series: [{ label: "mean tokens", points: points("completions/mean_length") }] }));
  figures.push(chart({ title: "Near-duplicate completions", zero: true, format: (v) => percent(v, 0), note: "Completions that nearly repeat one to another prompt of the step.", series: [{ label: "share", points: series(audit.duplicates) }] }));
  const clusters = audit.clusters.map((cluster) => el("article", { class: "card" }, el("div", { class: "badges" },
    el("span", { class: "badge warn" }, `${cluster.count} alike, to ${cluster.prompts} prompts`), el("span", { class: "badge" }, `step ${cluster.step}`),
    cluster.reward === null ? null : el("span", { class: "badge" }, `mean reward ${short(cluster.reward)}`)), block(cluster.text)));
  const holder = el("div", { class: "stack" });
  let shown = 0;
  const more = el("button", { onclick: () => {
    holder.append(...audit.top.slice(shown, shown + 6).map((record) => card(record)));
    shown += 6;
    more.hidden = shown >= audit.top.length;
  } }, "Show more");
  more.click();
  return [el("p", { class: "muted", style: { marginBottom: "12px" } }, "Signs that the reward is gamed, not proofs: read the completions below before you trust a number."), findings,
    el("h2", {}, "Curves"), el("div", { class: "grid" }, figures.filter((figure) => figure.querySelector(".legend span"))),
    clusters.length ? [el("h2", {}, "Largest families of near-duplicates"), el("div", { class: "stack" }, clusters)] : null,
    audit.top.length ? [el("h2", {}, "Highest rewards"), holder, el("p", { style: { marginTop: "14px" } }, more)] : null];
});
