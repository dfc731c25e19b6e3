// The charts: uPlot for what has a time axis, small SVG for the rest. Colours come from the theme's variables.

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const SERIES = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6"];
const charts = new Map();

const watcher = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const chart = charts.get(target);
    if (chart && contentRect.width > 0 && Math.abs(chart.width - contentRect.width) > 1) {
      chart.setSize({ width: Math.floor(contentRect.width), height: chart.height });
    }
  }
});

// Put a uPlot into a holder; forgets the one that was there.
function plot(holder, options, data) {
  forget(holder);
  const chart = new uPlot({ width: Math.max(120, Math.floor(holder.clientWidth)), legend: { show: false }, ...options }, data, holder);
  chart.root.setAttribute("aria-hidden", "true"); // its holder has the label
  charts.set(holder, chart);
  watcher.observe(holder);
  return chart;
}

function forget(holder) {
  const chart = charts.get(holder);
  if (!chart) return;
  watcher.unobserve(holder);
  chart.destroy();
  charts.delete(holder);
}

function forgetInside(node) {
  for (const holder of [...charts.keys()]) if (node.contains(holder)) forget(holder);
}

function axis(more) {
  return { stroke: css("--muted"), font: "12px " + css("--sans"), grid: { stroke: css("--line"), width: 1 }, ticks: { show: false }, ...more };
}

const timeAxis = () => axis({
  space: (_chart, _axis, low, high, wide) => Math.max(84, wide / Math.max(1, high - low)), // no ticks within a second
  size: 30,
  grid: { show: false },
  values: (chart, splits, _at, _space, step) => splits.map((at, place) => {
    const day = date(at, dayOnly);
    return step >= 86400 || !place || day !== date(splits[place - 1], dayOnly) ? day : date(at, step < 60 ? secondOnly : timeOnly);
  }),
});

// Follows the pointer with a box of text beside it: {setup, show(index) → nodes or null}.
function tooltip(show) {
  const box = h("div.tip", { hidden: true });
  return {
    hooks: {
      init: (chart) => chart.over.append(box),
      setCursor: (chart) => {
        const at = chart.cursor.idx;
        const content = at === null || at === undefined || chart.cursor.left < 0 ? null : show(at);
        box.hidden = !content;
        if (!content) return;
        replace(box, content);
        const left = chart.cursor.left, flip = left > chart.over.clientWidth / 2;
        box.style.left = flip ? "" : left + 14 + "px";
        box.style.right = flip ? chart.over.clientWidth - left + 14 + "px" : "";
        box.style.top = "8px";
      },
    },
  };
}

// A figure: the drawing for eyes, the sentence for those who cannot see it.
function figure(label, height) {
  return h("div.chart", { role: "img", "aria-label": label, style: { "min-height": height + "px" } });
}

function barsOver(holder, rows, series, format, height = 190) {
  const data = [rows.map((row) => row.start)];
  let below = rows.map(() => 0);
  const stacked = [];
  for (const each of series) {
    below = rows.map((row, at) => below[at] + row[each.key]);
    stacked.unshift({ ...each, values: below });
  }
  for (const each of stacked) data.push(each.values);
  const bars = uPlot.paths.bars({ size: [0.74, 40], radius: 0.15 });
  const step = rows.length > 1 ? rows[1].start - rows[0].start : 3600;
  plot(holder, {
    height,
    padding: [10, 8, 0, 4],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: () => [rows[0].start - step * 0.7, rows[rows.length - 1].start + step * 0.7] },
      y: { range: (_chart, _low, high) => [0, high > 0 ? high * 1.08 : 1] },
    },
    axes: [timeAxis(), axis({ size: 58, values: (_chart, splits) => splits.map(format) })],
    series: [{}, ...stacked.map((each) => ({ label: each.label, fill: css(each.color), stroke: css(each.color), width: 0, paths: bars, points: { show: false } }))],
    plugins: [tooltip((at) => [
      h("strong", null, date(rows[at].start)),
      series.map((each) => h("div.tip-row", null, h("i.key", { style: { background: css(each.color) } }), each.label, h("b", null, format(rows[at][each.key])))),
    ])],
  }, data);
}

// A line without axes; x is the order.
function sparkline(values, tone, width = 120, height = 32) {
  const shown = slices(values);
  if (shown.length < 2) return svg("svg.spark", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const low = Math.min(...shown), high = Math.max(...shown), room = high - low || 1;
  const points = shown.map((value, at) => [(at / (shown.length - 1)) * (width - 6) + 3, height - 4 - ((value - low) / room) * (height - 8)]);
  const line = points.map(([x, y], at) => (at ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1)).join("");
  const [x, y] = points[points.length - 1];
  return svg("svg.spark." + (tone || "none"), { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", preserveAspectRatio: "none" },
    svg("path.area", { d: `${line}L${x} ${height}L3 ${height}Z` }), svg("path.line", { d: line }), svg("circle", { cx: x, cy: y, r: 2.4 }));
}

// parts: [{label, value, tone}]
function doughnut(parts, center, caption) {
  const total = parts.reduce((all, part) => all + part.value, 0);
  const r = 42, round = 2 * Math.PI * r;
  let at = 0;
  const arcs = parts.filter((part) => part.value).map((part) => {
    const length = (part.value / total) * round;
    const arc = svg("circle." + part.tone, { cx: 60, cy: 60, r, "stroke-dasharray": `${Math.max(0, length - 1.5)} ${round}`, "stroke-dashoffset": -at });
    at += length;
    return arc;
  });
  const label = parts.map((part) => `${part.label}: ${part.value}`).join(", ");
  return h("div.doughnut", null,
    h("div.doughnut-ring", null,
      svg("svg", { viewBox: "0 0 120 120", role: "img", "aria-label": label }, svg("circle.track", { cx: 60, cy: 60, r }), arcs),
      h("div.doughnut-mid", null, h("b", null, center), h("span", null, caption))),
    h("ul.legend", null, parts.map((part) => h("li", null, h("i.key." + part.tone), h("span", null, part.label), h("b", null, number(part.value)), h("span.quiet", null, total ? percent(part.value / total) : "")))));
}

// rows: [{label, value, tone, title}]; columns side by side.
function columnsChart(rows, label) {
  const most = Math.max(1, ...rows.map((row) => row.value));
  return h("div.columns", { role: "img", "aria-label": label + ": " + rows.map((row) => `${row.label}: ${row.value}`).join(", ") },
    rows.map((row) => h("div.column", { title: row.title },
      h("span.column-value", null, row.value ? number(row.value) : ""),
      h("span.column-bar." + row.tone, { style: { height: (row.value / most) * 100 + "%" } }),
      h("span.column-label", null, row.label))));
}

function legend(series) {
  return h("ul.legend.inline", null, series.map((each) => h("li", null, h("i.key", { style: { background: css(each.color) } }), each.label)));
}
