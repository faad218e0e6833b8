function tile(name, value, note, unit) {
  return el("div", { class: "tile" }, el("div", { class: "name" }, name),
    el("div", { class: "value" }, value, unit ? el("small", {}, ` ${unit}`) : null), note ? el("div", { class: "note" }, note) : null);
}

/** The run in a few figures. */
function tiles() {
  const list = [], accuracy = points("eval_accuracy", "eval_accuracy_low", "eval_accuracy_high");
  if (accuracy.length) {
    const [, begin] = accuracy[0], [, end, low, high] = accuracy[accuracy.length - 1];
    const best = accuracy.reduce((a, b) => (b[1] > a[1] ? b : a));
    list.push(tile("Held-out accuracy", percent(end), low !== null ? `95 % interval ${percent(low)} to ${percent(high)}` : ""));
    list.push(tile("Change", `${end >= begin ? "+" : "−"}${Math.abs((end - begin) * 100).toFixed(1)}`,
      `from ${percent(begin)}; best ${percent(best[1])} at step ${best[0]}`, "points"));
  }
  if (has("reward")) list.push(tile("Reward", short(last("reward")), `began at ${short(first("reward"))}`));
  if (has("eval_loss")) list.push(tile("Held-out loss", short(last("eval_loss")), `began at ${short(first("eval_loss"))}`));
  if (has("completions/mean_length")) list.push(tile("Completion length", short(last("completions/mean_length")), `began at ${short(first("completions/mean_length"))}`, "tokens"));
  const seconds = column("step_time").reduce((sum, value) => sum + (value || 0), 0) * data.metrics.every;
  if (seconds) list.push(tile("Time in steps", duration(seconds), has("tokens_per_second") ? `${short(median(column("tokens_per_second")))} tokens/s` : ""));
  if (has("num_tokens")) list.push(tile("Tokens", short(last("num_tokens")), "prompts and completions"));
  return el("div", { class: "tiles" }, list);
}

function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : NaN;
}

/** The curves in the order in which one wants to see them: [title, metrics, options]. */
function plans() {
  const ending = (pattern) => names.filter((name) => pattern.test(name));
  const part = (name) => name.replace(/^rewards\//, "").replace(/\/mean$/, "");
  const clip = ending(/^clip_ratio\/|_clip_ratio$/);
  return [
    ["Held-out accuracy", [["eval_accuracy", "accuracy", "eval_accuracy_low", "eval_accuracy_high"],
      ...ending(/^eval_(pass|maj|avg)_at_\d+$/).map((name) => [name, name.slice(5)])], { format: (v) => percent(v, 0), dots: true }],
    ["Held-out loss", [["eval_loss", "loss"]], { dots: true }],
    ["Reward", [["reward", "mean of the step"]], {}],
    ["Spread of the reward", [["reward_std", "standard deviation"]], { zero: true }],
    ["Reward parts", ending(/^rewards\/.+\/mean$/).map((name) => [name, part(name)]), {}],
    ["Failed rewards", ending(/^rewards\/.+\/failed$/).map((name) => [name, part(name).replace("/failed", "")]), { zero: true }],
    ["Completion length", [["completions/mean_length", "mean", "completions/min_length", "completions/max_length"]], { zero: true, note: "tokens; the band is the shortest to the longest" }],
    ["Entropy", [["entropy", "entropy"]], { zero: true, note: "nats a token" }],
    ["KL to the reference", [["kl", "kl"]], { zero: true, note: "nats a token" }],
    ["Clip fractions", clip.map((name) => [name, name.replace("clip_ratio/", "")]), { zero: true }],
    ["Groups and ends", [["frac_reward_zero_std", "groups that teach nothing"], ["completions/clipped_ratio", "completions cut off"]], { format: (v) => percent(v, 0), zero: true }],
    ["Gradient norm", [["grad_norm", "before clipping"]], { zero: true }],
    ["Loss", [["loss", "loss"]], {}],
    ["Learning rate", [["learning_rate", "learning rate"]], { zero: true, smooth: false }],
    ["Tokens a second", [["tokens_per_second", "tokens/s"]], { zero: true }],
  ];
}

const isConstant = (name) => new Set(column(name).filter((value) => value !== null)).size < 2;

section("overview", "Overview", () => {
  const shown = new Set(), still = [], figures = [];
  for (const [title, wanted, options] of plans()) {
    const lines = wanted.filter(([name]) => has(name));
    lines.forEach(([name, , low, high]) => [name, low, high].forEach((n) => shown.add(n)));
    const moving = lines.filter(([name]) => !isConstant(name) || (options.dots && points(name).length));
    still.push(...lines.filter((line) => !moving.includes(line)).map(([name]) => name));
    if (!moving.length) continue;
    figures.push(chart({ title, ...options, series: moving.map(([name, label, low, high]) => ({ label, dots: options.dots, points: points(name, low, high) })) }));
  }
  const rest = names.filter((name) => !isConstant(name));
  const holder = el("div", {});
  const pick = el("select", { onchange: () => holder.replaceChildren(chart({ title: pick.value, height: 260, series: [{ label: pick.value, points: points(pick.value) }] })) },
    rest.map((name) => el("option", { selected: !shown.has(name) && !rest.slice(0, rest.indexOf(name)).some((n) => !shown.has(n)) }, name)));
  const smoothing = el("input", { type: "range", min: 0, max: 0.95, step: 0.05, value: 0, oninput: () => {
    chart.weight = Number(smoothing.value);
    chart.all.forEach((redraw) => redraw());
  } });
  if (rest.length) pick.dispatchEvent(new Event("change"));
  return [tiles(),
    el("h2", {}, "Curves"),
    el("div", { class: "toolbar" }, el("label", {}, "Smoothing", smoothing)),
    el("div", { class: "grid" }, figures),
    still.length ? el("p", { class: "muted", style: { marginTop: "12px" } }, "The same in all steps: ",
      still.map((name) => `${name} ${short(last(name))}`).join(", ")) : null,
    rest.length ? [el("h2", {}, "Any metric"), el("div", { class: "toolbar" }, el("label", {}, "Metric", pick)), holder] : null];
});
