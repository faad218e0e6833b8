/** Round ticks that cover a range. */
function ticksOf(low, high, count) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw)), part = raw / power;
  const step = power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(Math.abs(k * step) < step * 1e-6 ? 0 : k * step);
  return ticks;
}

/** An exponential mean, as it is usual for curves of training; weight 0 changes nothing. */
function smoothed(line, weight) {
  let mean = 0, norm = 0;
  return line.map((point) => {
    mean = mean * weight + point[1] * (1 - weight);
    norm = norm * weight + (1 - weight);
    return [point[0], mean / norm, null, null];
  });
}

/**
 * A figure with lines over steps. `series` is [{label, points, color?, dots?}]; a point is [step, value, low, high].
 * With a pointer, or with the arrow keys, a cursor shows the values of a step.
 */
function chart({ title, series, format = short, note = "", smooth = true, zero = false, height = 190 }) {
  series = series.map((line, i) => ({ color: color(i), ...line })).filter((line) => line.points.length);
  const now = el("span", { class: "now" });
  const svg = draw("svg", { role: "img", tabindex: "0" });
  const keys = series.map((line) => el("b", { style: { fontWeight: "500" } }));
  const legend = el("div", { class: "legend" }, series.map((line, i) =>
    el("span", {}, el("i", { style: { background: line.color } }), series.length > 1 ? line.label : "", keys[i])));
  const figure = el("figure", { class: "chart card" }, el("figcaption", {}, el("h3", {}, title), now), svg, legend,
    note ? el("p", { class: "muted" }, note) : null);
  const xs = [...new Set(series.flatMap((line) => line.points.map((p) => p[0])))].sort((a, b) => a - b);
  const state = { width: 0, cursor: null, view: null };

  const redraw = () => { state.view = paint(svg, state.width, height, series, smooth ? chart.weight : 0, format, zero); show(state.cursor); };
  const show = (x) => {
    state.cursor = x;
    svg.querySelector(".cursor")?.remove();
    series.forEach((line, i) => {
      const at = x === null ? line.points[line.points.length - 1] : line.points.find((p) => p[0] === x);
      const band = at && at[2] !== null && at[3] !== null ? ` (${format(at[2])} to ${format(at[3])})` : "";
      keys[i].textContent = at ? format(at[1]) + band : "–";
    });
    now.textContent = x === null ? (xs.length ? `step ${xs[xs.length - 1]}` : "") : `step ${x}`;
    svg.setAttribute("aria-label", `${title}, ${now.textContent}: ` + series.map((line, i) => `${line.label} ${keys[i].textContent}`).join(", "));
    if (x === null || !state.view) return;
    const place = state.view.x(x);
    svg.append(draw("line", { class: "cursor", x1: place, x2: place, y1: state.view.top, y2: state.view.bottom }));
  };
  svg.addEventListener("pointermove", (event) => {
    if (!state.view || !xs.length) return;
    const box = svg.getBoundingClientRect(), place = (event.clientX - box.left) * (state.width / box.width);
    show(xs.reduce((best, x) => (Math.abs(state.view.x(x) - place) < Math.abs(state.view.x(best) - place) ? x : best), xs[0]));
  });
  svg.addEventListener("pointerleave", () => show(null));
  svg.addEventListener("blur", () => show(null));
  svg.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (move === undefined || !xs.length) return;
    event.preventDefault();
    const from = state.cursor === null ? xs.length : xs.indexOf(state.cursor);
    show(xs[Math.max(0, Math.min(xs.length - 1, from + move))]);
  });
  new ResizeObserver(() => {
    const width = Math.round(figure.clientWidth - 32);
    if (width > 0 && width !== state.width) { state.width = width; redraw(); }
  }).observe(figure);
  chart.all.push(redraw);
  return figure;
}
chart.all = [];
chart.weight = 0;

/** Draws axes and lines; returns where values lie. */
function paint(svg, width, height, series, weight, format, zero) {
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const all = series.flatMap((line) => line.points);
  if (!all.length || width < 60) return null;
  const values = all.flatMap((p) => [p[1], p[2] ?? p[1], p[3] ?? p[1]]).filter(Number.isFinite);
  let low = Math.min(...values), high = Math.max(...values);
  if (zero) { low = Math.min(0, low); high = Math.max(0, high); }
  if (high - low < Math.max(1e-12, Math.abs(high) * 1e-9)) { const margin = Math.abs(high) * 0.1 || 1; low -= margin; high += margin; }
  const yTicks = ticksOf(low, high, 4);
  const firstX = Math.min(...all.map((p) => p[0])), lastX = Math.max(...all.map((p) => p[0]));
  const labels = yTicks.map(format), left = Math.max(...labels.map((text) => text.length)) * 6.4 + 8;
  const pad = (high - low) * 0.04, top = 8, bottom = height - 20, right = width - 8;
  const x = (value) => left + (lastX > firstX ? (value - firstX) / (lastX - firstX) : 0.5) * (right - left);
  const y = (value) => bottom - ((value - low + pad) / (high - low + 2 * pad)) * (bottom - top);
  yTicks.forEach((tick, i) => {
    svg.append(draw("line", { class: "gridline", x1: left, x2: right, y1: y(tick), y2: y(tick) }));
    svg.append(Object.assign(draw("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }), { textContent: labels[i] }));
  });
  const xTicks = lastX > firstX ? ticksOf(firstX, lastX, Math.max(2, width / 80)).filter(Number.isInteger) : [firstX];
  for (const tick of xTicks) svg.append(Object.assign(draw("text", { x: x(tick), y: height - 4, "text-anchor": "middle" }), { textContent: short(tick) }));
  for (const line of series) drawLine(svg, line, weight, x, y);
  return { x, y, top, bottom };
}

function drawLine(svg, line, weight, x, y) {
  const banded = line.points.filter((p) => p[2] !== null && p[3] !== null);
  if (banded.length > 1) {
    const edge = banded.map((p) => `${x(p[0]).toFixed(1)} ${y(p[3]).toFixed(1)}`)
      .concat(banded.slice().reverse().map((p) => `${x(p[0]).toFixed(1)} ${y(p[2]).toFixed(1)}`));
    svg.append(draw("path", { d: `M${edge.join("L")}Z`, fill: line.color, "fill-opacity": 0.13 }));
  }
  const path = (all) => "M" + all.map((p) => `${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join("L");
  const style = { fill: "none", stroke: line.color, "stroke-width": 2, "stroke-linejoin": "round", "stroke-linecap": "round" };
  const isSmooth = weight > 0 && line.points.length > 8 && !line.dots;
  if (isSmooth) svg.append(draw("path", { ...style, d: path(line.points), "stroke-width": 1, "stroke-opacity": 0.28 }));
  svg.append(draw("path", { ...style, d: path(isSmooth ? smoothed(line.points, weight) : line.points) }));
  if (line.dots || line.points.length <= 12) {
    for (const p of line.points) {
      if (p[2] !== null && p[3] !== null) svg.append(draw("line", { x1: x(p[0]), x2: x(p[0]), y1: y(p[2]), y2: y(p[3]), stroke: line.color, "stroke-opacity": 0.5 }));
      svg.append(draw("circle", { cx: x(p[0]), cy: y(p[1]), r: 3, fill: line.color }));
    }
  }
}
