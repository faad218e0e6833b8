(function start() {
  const app = document.getElementById("app");
  const theme = el("button", { onclick: () => {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
  }, "aria-label": "Light or dark" }, "◐");
  const facts = data.facts.map((fact) => el("span", {}, fact));
  const tabs = sections.map((part) => el("button", { role: "tab", id: `tab-${part.id}`, "aria-controls": `panel-${part.id}`, onclick: () => open(part.id) }, part.title));
  const panels = sections.map((part) => el("div", { role: "tabpanel", id: `panel-${part.id}`, "aria-labelledby": `tab-${part.id}`, hidden: true }));
  const open = (id) => {
    const index = Math.max(0, sections.findIndex((part) => part.id === id));
    sections.forEach((part, i) => {
      tabs[i].setAttribute("aria-selected", String(i === index));
      tabs[i].tabIndex = i === index ? 0 : -1;
      panels[i].hidden = i !== index;
    });
    if (!panels[index].hasChildNodes()) {
      try { panels[index].append(...[sections[index].build()].flat(2).filter(Boolean)); } catch (error) {
        panels[index].append(el("p", { class: "muted" }, `This part can't be shown: ${error.message}`));
      }
    }
    if (location.hash.slice(1) !== sections[index].id) history.replaceState(null, "", `#${sections[index].id}`);
  };
  const list = el("div", { class: "wrap", role: "tablist", "aria-label": "Parts of the report", onkeydown: (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move) return;
    event.preventDefault();
    const next = tabs[(tabs.indexOf(document.activeElement) + move + tabs.length) % tabs.length];
    next.click();
    next.focus();
  } }, tabs);
  app.replaceChildren(
    el("header", { class: "top" }, el("div", { class: "wrap headline" }, el("div", {}, el("h1", {}, data.title), el("p", { class: "subtitle" }, facts)), el("div", {}, theme))),
    el("nav", {}, list), el("main", {}, el("div", { class: "wrap" }, panels)),
    el("footer", {}, el("div", { class: "wrap" }, `Written by Touchstone, ${data.written}, from the records in the run's folder.` + (data.skipped ? ` ${data.skipped} lines of them could not be read.` : "") +
      (data.metrics.every > 1 ? ` Curves show every ${data.metrics.every}. step.` : ""))));
  window.addEventListener("hashchange", () => open(location.hash.slice(1)));
  open(location.hash.slice(1) || "overview");
})();
