/** The names of phases: those with time_ if there are any, else those with time/. */
function phases() {
  const fine = names.filter((name) => name.startsWith("time_"));
  return fine.length ? fine : names.filter((name) => name.startsWith("time/"));
}

section("timing", "Time", () => {
  const list = phases().map((name) => ({ name, label: name.slice(5).replaceAll("_", " "), total: column(name).reduce((sum, value) => sum + (value || 0), 0) * data.metrics.every }))
    .filter((phase) => phase.total > 0).sort((a, b) => b.total - a.total);
  if (!list.length) return el("p", { class: "muted" }, "The run has no times.");
  const sum = list.reduce((all, phase) => all + phase.total, 0);
  const lines = list.map((phase, i) => ({ label: phase.label, color: color(i), points: points(phase.name) }));
  return [el("div", { class: "card" }, el("h3", {}, `Where ${duration(sum)} went`),
    el("div", { class: "bar", "aria-hidden": "true" }, list.map((phase, i) => el("span", { style: { width: `${(phase.total / sum) * 100}%`, background: color(i) } }))),
    el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "Phase"), el("th", { class: "number" }, "Share"), el("th", { class: "number" }, "In all"), el("th", { class: "number" }, "A step"))),
      el("tbody", {}, list.map((phase, i) => el("tr", {}, el("td", {}, el("span", { class: "swatch", style: { background: color(i) } }), phase.label),
        el("td", { class: "number" }, percent(phase.total / sum)), el("td", { class: "number" }, duration(phase.total)), el("td", { class: "number" }, duration(median(column(phase.name))))))))),
  el("h2", {}, "Over the run"),
  el("div", { class: "grid" }, chart({ title: "Seconds by phase", zero: true, series: lines }),
    has("step_time") ? chart({ title: "Seconds a step", zero: true, series: [{ label: "step_time", points: points("step_time") }] }) : null,
    has("tokens_per_second") ? chart({ title: "Tokens a second", zero: true, series: [{ label: "tokens/s", points: points("tokens_per_second") }] }) : null)];
});
