"use strict";
// The run, as the element #data holds it. Texts of the model are shown with textContent alone.
const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (`on…` are listeners, `class` and others as they are) and children; strings become text. */
function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "style") Object.assign(node.style, value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An element of a drawing. */
function draw(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

/** A number of four digits or so. */
function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  if (size < 1e-3) return value.toExponential(1).replace(".0e", "e").replaceAll("-", "−");
  return String(+value.toPrecision(size >= 100 ? 4 : 3)).replace("-", "−");
}

function percent(value, digits = 1) { return Number.isFinite(value) ? `${(value * 100).toFixed(digits)} %` : "–"; }

function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const steps = data.metrics.steps;
const has = (name) => Object.hasOwn(data.metrics.series, name);
const column = (name) => (has(name) ? data.metrics.series[name] : []);
const names = Object.keys(data.metrics.series);

/** The points [step, value, low, high] of a metric. */
function points(name, low, high) {
  const values = column(name), lows = low ? column(low) : [], highs = high ? column(high) : [];
  return steps.map((step, i) => [step, values[i] ?? null, lows[i] ?? null, highs[i] ?? null]).filter((p) => p[1] !== null);
}

function last(name) { const all = points(name); return all.length ? all[all.length - 1][1] : null; }
function first(name) { const all = points(name); return all.length ? all[0][1] : null; }
const color = (index) => `var(--c${index % 8})`;

/** What a section of the page shows, made when it is first opened. */
const sections = [];
function section(id, title, build) { sections.push({ id, title, build, node: null }); }
