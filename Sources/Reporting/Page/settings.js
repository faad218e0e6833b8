section("settings", "Settings", () => {
  const rows = (entries) => el("table", {}, el("tbody", {}, entries.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => el("tr", {}, el("th", {}, name), el("td", {}, String(value))))));
  const size = (bytes) => (bytes ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : null);
  const copy = el("button", { onclick: async () => {
    // Pages that were opened from a disk may not use the clipboard: then the text is selected, to be copied by hand.
    try { await navigator.clipboard.writeText(data.recipe); copy.textContent = "Copied"; } catch { getSelection().selectAllChildren(recipe); }
  } }, "Copy");
  const recipe = el("pre", {}, data.recipe);
  return [el("div", { class: "grid" },
    data.sessions.map((session, i) => el("div", { class: "card" }, el("h3", { style: { marginBottom: "6px" } }, i === 0 ? "Begun" : `Gone on after step ${session.after_step}`),
      rows([["time", session.started], ["processor", session.machine?.processor], ["processors", session.machine?.processors], ["threads", session.machine?.threads],
        ["kernels", session.machine?.kernels], ["memory", size(session.machine?.memory_bytes)], ["system", session.machine?.system]])))),
  el("h2", {}, "Resolved recipe"),
  el("div", { class: "card" }, el("div", { class: "badges", style: { justifyContent: "space-between", marginBottom: "8px" } }, el("span", { class: "muted" }, "recipe.yaml: every value, also those that were not given"), copy), recipe)];
});
