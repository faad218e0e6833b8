/** The prompts that were answered at more than one step; held-out ones first, then those with most steps. */
function repeatedPrompts() {
  const groups = new Map();
  for (const record of data.completions) {
    const key = `${record.h ? "h" : "t"}${record.p}`;
    if (!groups.has(key)) groups.set(key, { prompt: record.p, held: record.h, steps: new Map() });
    const group = groups.get(key);
    if (!group.steps.has(record.s)) group.steps.set(record.s, []);
    group.steps.get(record.s).push(record);
  }
  return [...groups.values()].filter((group) => group.steps.size > 1).sort((a, b) => b.held - a.held || b.steps.size - a.steps.size);
}

/** A prompt's end on one line: that is where the question is. */
function oneLine(text) {
  const line = text.replace(/<\|[^|>]*\|>/g, " ").replace(/\b(user|assistant|system)\n/g, " ").replace(/\s+/g, " ").trim();
  return line.length > 90 ? `…${line.slice(-89)}` : line;
}

/** How the answers to one prompt changed: rewards by step, for finding interesting prompts. */
function movement(group) {
  const mean = (list) => { const all = list.map((r) => r.w).filter((w) => w !== null); return all.length ? all.reduce((a, b) => a + b) / all.length : 0; };
  const keys = [...group.steps.keys()].sort((a, b) => a - b);
  return mean(group.steps.get(keys[keys.length - 1])) - mean(group.steps.get(keys[0]));
}

section("compare", "Side by side", () => {
  const groups = repeatedPrompts();
  if (!groups.length) return el("p", { class: "muted" }, "No prompt was answered at more than one step: the data is endless, and nothing was evaluated on held-out prompts.");
  const order = el("select", {}, el("option", { value: "given" }, "as in the data"), el("option", { value: "better" }, "got better most"), el("option", { value: "worse" }, "got worse most"));
  const pick = el("select", { "aria-label": "Prompt" });
  const chips = el("div", { class: "badges", role: "group", "aria-label": "Steps" }), view = el("div", {}), sample = el("button", {}, "Other samples");
  let sorted = groups, chosen = new Set(), turn = 0;
  const current = () => sorted[pick.selectedIndex] || sorted[0];
  const stepsOf = (group) => [...group.steps.keys()].sort((a, b) => a - b);
  const show = () => {
    const group = current();
    sample.hidden = ![...group.steps.values()].some((list) => list.length > 1);
    view.replaceChildren(el("div", { class: "card" }, el("div", { class: "muted" }, group.held ? "Held-out prompt" : "Training prompt"), el("pre", { dir: "auto" }, data.prompts[group.prompt])),
      el("div", { class: "columns", tabindex: "0", role: "group", "aria-label": "Completions by step", style: { marginTop: "12px" } }, stepsOf(group).filter((s) => chosen.has(s)).map((s) => {
        const list = group.steps.get(s), record = list[turn % list.length];
        return el("article", { class: "card" }, el("h3", { style: { marginBottom: "8px" } }, s === 0 ? "Before training" : `Step ${s}`), badges(record, false), block(record.c));
      })));
  };
  const choose = () => {
    const all = stepsOf(current()), wanted = 4;
    turn = 0;
    chosen = new Set(all.length <= wanted ? all : Array.from({ length: wanted }, (_, i) => all[Math.round((i * (all.length - 1)) / (wanted - 1))]));
    chips.replaceChildren(...all.map((s) => {
      const chip = el("button", { class: "chip", "aria-pressed": String(chosen.has(s)), onclick: () => {
        if (chosen.has(s)) chosen.delete(s); else chosen.add(s);
        chip.setAttribute("aria-pressed", String(chosen.has(s)));
        show();
      } }, String(s));
      return chip;
    }));
    show();
  };
  const sort = () => {
    const sign = { given: 0, better: -1, worse: 1 }[order.value];
    sorted = sign ? groups.slice().sort((a, b) => sign * (movement(a) - movement(b))) : groups;
    pick.replaceChildren(...sorted.slice(0, 500).map((group, i) => el("option", { value: i }, oneLine(data.prompts[group.prompt]))));
    choose();
  };
  const move = (by) => { pick.selectedIndex = Math.max(0, Math.min(pick.options.length - 1, pick.selectedIndex + by)); choose(); };
  pick.addEventListener("input", choose);
  order.addEventListener("input", sort);
  sample.addEventListener("click", () => { turn += 1; show(); });
  sort();
  return [el("div", { class: "toolbar" }, el("label", {}, "First", order), el("label", {}, "Prompt", pick),
    el("span", { class: "badges" }, el("button", { onclick: () => move(-1), "aria-label": "Prompt before" }, "←"), el("button", { onclick: () => move(1), "aria-label": "Next prompt" }, "→"), sample)),
  el("div", { class: "toolbar" }, el("span", { class: "muted" }, "Steps"), chips), view];
});
