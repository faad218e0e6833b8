/** The names of phases: those with time_ if there are any, else those with time/. */
function phases() {
  const fine = names.filter((name) => name.startsWith("time_"));
  return fine.length ? fine : names.filter((name) => name.startsWith("time/"));
}

/** Phases that are told in parts: what the parts leave is the rest. */
const wholes = { generate: ["prefill", "decode"], update: ["forward", "backward", "optimizer"] };

/** Each phase with its seconds at every step, without overlaps; idle time lies within the others. */
function phaseLines() {
  const lines = new Map(phases().map((name) => [name.slice(5), column(name)]));
  for (const [whole, parts] of Object.entries(wholes)) {
    const told = parts.filter((part) => lines.has(part));
    if (!told.length || !lines.has(whole)) continue;
    const rest = lines.get(whole).map((value, i) => (value === null ? null : Math.max(0, value - told.reduce((sum, part) => sum + (lines.get(part)[i] || 0), 0))));
    lines.delete(whole);
    lines.set(`${whole}, rest`, rest);
  }
  const idle = lines.get("idle");
  lines.delete("idle");
  return { lines, idle };
}

section("time", "Time", () => {
  const { lines: found, idle } = phaseLines(), total = (values) => values.reduce((sum, value) => sum + (value || 0), 0) * data.metrics.every;
  const list = [...found].map(([name, values]) => ({ label: name.replaceAll("_", " "), values, total: total(values) }))
    .filter((phase) => phase.total > 0).sort((a, b) => b.total - a.total);
  if (!list.length) return el("p", { class: "muted" }, "The run has no times.");
  const sum = list.reduce((all, phase) => all + phase.total, 0);
  const lines = list.map((phase, i) => ({ label: phase.label, color: color(i), points: steps.map((step, at) => [step, phase.values[at], null, null]).filter((p) => p[1] !== null) }));
  return [el("div", { class: "card" }, el("h3", {}, `Where ${duration(sum)} went`),
    el("div", { class: "bar", "aria-hidden": "true" }, list.map((phase, i) => el("span", { style: { width: `${(phase.total / sum) * 100}%`, background: color(i) } }))),
    el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "Phase"), el("th", { class: "number" }, "Share"), el("th", { class: "number" }, "In all"), el("th", { class: "number" }, "A step"))),
      el("tbody", {}, list.map((phase, i) => el("tr", {}, el("td", {}, el("span", { class: "swatch", style: { background: color(i) } }), phase.label),
        el("td", { class: "number" }, percent(phase.total / sum)), el("td", { class: "number" }, duration(phase.total)), el("td", { class: "number" }, duration(median(phase.values))))))),
    idle ? el("p", { class: "muted", style: { marginTop: "10px" } }, `The compute threads had nothing to do for ${duration(total(idle))}, within the phases above: waiting, and code that runs on one thread.`) : null),
  el("h2", {}, "Over the run"),
  el("div", { class: "grid" }, chart({ title: "Seconds by phase", zero: true, series: lines }),
    has("step_time") ? chart({ title: "Seconds a step", zero: true, series: [{ label: "step_time", points: points("step_time") }] }) : null,
    has("tokens_per_second") ? chart({ title: "Tokens a second", zero: true, series: [{ label: "tokens/s", points: points("tokens_per_second") }] }) : null)];
});
