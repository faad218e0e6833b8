/** A block of text that came from outside. */
const block = (text) => el("div", { class: "text", tabindex: "0" }, el("pre", { dir: "auto" }, text));

const rewardBadge = (record) => el("span", { class: "badge" + (record.w === null ? " warn" : ""), title: "weighted reward" },
  record.w === null ? "no reward" : `reward ${short(record.w)}`);

/** A reward part of a completion: its score, that it does not apply, or why it failed. */
function partBadge(name, outcome) {
  if (typeof outcome === "number") return el("span", { class: "badge " + (outcome >= 1 ? "good" : outcome <= 0 ? "bad" : "") }, `${name} ${short(outcome)}`);
  if (outcome === null) return el("span", { class: "badge" }, `${name} n/a`);
  return el("span", { class: "badge warn", title: outcome }, `${name} failed`);
}

function badges(record, withStep = true) {
  return el("div", { class: "badges" }, withStep ? el("span", { class: "badge" }, record.h ? `held-out, step ${record.s}` : `step ${record.s}`) : null,
    rewardBadge(record), Object.entries(record.r).map(([name, outcome]) => partBadge(name, outcome)),
    el("span", { class: "badge" }, `${record.n} tokens`),
    record.f && record.f !== "stop" ? el("span", { class: "badge warn" }, record.f === "length" ? "cut off" : record.f) : null,
    record.a !== null ? el("span", { class: "badge", title: "advantage" }, `advantage ${short(record.a)}`) : null);
}

/** A prompt without the marks of the usual chat templates, for lists; the side-by-side view shows it as it is. */
function question(text) {
  return text.replace(/<\|im_start\|>assistant\n(<think>\n\n<\/think>\n\n)?$/, "").replace(/<\|im_start\|>(\w+)\n/g, "$1: ").replace(/<\|im_end\|>\n?/g, "\n").trim();
}

function card(record, withPrompt = true) {
  return el("article", { class: "card" }, badges(record),
    withPrompt ? el("div", { class: "prompt" }, el("pre", { dir: "auto", title: "prompt" }, question(data.prompts[record.p]))) : null, block(record.c));
}

section("completions", "Completions", () => {
  const all = data.completions.slice().sort((a, b) => b.s - a.s), kinds = [...new Set(all.map((record) => record.h))];
  const partNames = [...new Set(all.flatMap((record) => Object.keys(record.r)))];
  const stepList = [...new Set(all.map((record) => record.s))].sort((a, b) => a - b);
  const option = (value, text) => el("option", { value }, text);
  const text = el("input", { type: "search", placeholder: "Search in prompts and completions", "aria-label": "Search" });
  const source = el("select", {}, option("all", "all"), option("train", "training"), option("held", "held-out"));
  const step = el("select", {}, option("all", "all"), stepList.map((s) => option(s, s)));
  const only = el("select", {}, option("all", "all"), option("cut", "cut off"), option("unscored", "without a reward"),
    partNames.flatMap((name, i) => [option(`1${i}`, `${name}: full score`), option(`0${i}`, `${name}: no score`), option(`f${i}`, `${name}: failed`)]));
  const order = el("select", {}, option("high", "highest reward"), option("low", "lowest reward"), option("new", "newest"), option("old", "oldest"),
    option("long", "longest"), option("short", "shortest"), option("advantage", "largest advantage"));
  const count = el("p", { class: "muted", role: "status" }), list = el("div", { class: "stack", style: { marginTop: "12px" } });
  const more = el("button", { onclick: () => fill(false) }, "Show more");
  let found = [], shown = 0;
  const outcome = (record, key) => record.r[partNames[Number(key.slice(1))]];
  const passes = (record) => {
    const key = only.value, words = text.value.toLowerCase();
    if (source.value !== "all" && (source.value === "held") !== record.h) return false;
    if (step.value !== "all" && record.s !== Number(step.value)) return false;
    if (key === "cut" && record.f !== "length") return false;
    if (key === "unscored" && record.w !== null) return false;
    if (/^1\d/.test(key) && !(outcome(record, key) >= 1)) return false;
    if (/^0\d/.test(key) && !(typeof outcome(record, key) === "number" && outcome(record, key) <= 0)) return false;
    if (/^f\d/.test(key) && typeof outcome(record, key) !== "string") return false;
    return !words || record.c.toLowerCase().includes(words) || data.prompts[record.p].toLowerCase().includes(words);
  };
  const by = (of) => (a, b) => of(b) - of(a);
  const orders = { high: by((r) => r.w ?? -Infinity), low: by((r) => -(r.w ?? Infinity)), new: by((r) => r.s), old: by((r) => -r.s), long: by((r) => r.n),
    short: by((r) => -r.n), advantage: by((r) => Math.abs(r.a ?? 0)) };
  const fill = (restart) => {
    if (restart) { found = all.filter(passes).sort(orders[order.value]); shown = 0; list.replaceChildren(); }
    const next = found.slice(shown, shown + 20);
    list.append(...next.map((record) => card(record)));
    shown += next.length;
    more.hidden = shown >= found.length;
    count.textContent = `${found.length} of the ${all.length} completions in this page` + (data.omitted ? `; ${data.omitted} more are in the run's folder` : "");
  };
  for (const control of [text, source, step, only, order]) control.addEventListener("input", () => fill(true));
  fill(true);
  if (!all.length) return el("p", { class: "muted" }, "The run has recorded no completions.");
  return [el("div", { class: "toolbar" }, el("div", { class: "grow" }, text), kinds.length > 1 ? el("label", {}, "From", source) : null,
    el("label", {}, "Step", step), el("label", {}, "Only", only), el("label", {}, "First", order)), count, list, el("p", { style: { marginTop: "14px" } }, more)];
});
