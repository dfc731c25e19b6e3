// Channel × time: the mean Hallucination of each model, tenant and endpoint in six slices of time.

const BUCKETS = 6;

function heatmapCard() {
  const calls = V.scored.filter((call) => call.start <= D.newest);
  if (!calls.length) return card("Where and when", null, empty("No Hallucination scores", "The heatmap shows the mean score of each model, tenant and endpoint over time."));
  const low = calls[0].start, high = calls[calls.length - 1].start, size = Math.max((high - low) / BUCKETS, 1e-3);
  const slots = Math.min(BUCKETS, high > low ? BUCKETS : 1);
  const bucket = (call) => Math.min(slots - 1, Math.floor((call.start - low) / size));
  const groups = [CHANNELS[1], CHANNELS[0], CHANNELS[2]].map(([name, label]) => heatGroup(calls, name, label, bucket, slots)).filter(Boolean);
  if (!groups.length) return null;
  const format = high - low > 2 * 86400 ? dayOnly : size < 60 ? secondOnly : dayTime;
  return card("Where and when", "mean Hallucination · click a cell to filter",
    h("div.heat-wrap", { tabindex: 0, role: "group", "aria-label": "Heatmap" }, h("table.heat", null,
      h("thead", null, h("tr", null, h("th", { scope: "col" }, h("span.sr", null, "Channel")), Array.from({ length: slots }, (_, at) => h("th", { scope: "col" }, date(low + at * size, format))))),
      groups.map((group) => h("tbody", null,
        h("tr", null, h("th.heat-label", { scope: "rowgroup", colspan: slots + 1 }, group.label)),
        group.rows.map((row) => h("tr", null, h("th", { scope: "row", title: clip(row.value, 200) }, clip(row.value, 28)), row.cells.map((cell, at) => h("td", null, heatCell(group, row, cell, low + at * size, low + (at + 1) * size))))),
        group.hidden ? h("tr", null, h("td.quiet", { colspan: slots + 1 }, number(group.hidden) + " more with fewer calls")) : null)))));
}

function heatGroup(calls, name, label, bucket, slots) {
  const rows = new Map();
  for (const call of calls) {
    const value = call.channel[name];
    if (value === undefined || value === null) continue;
    let row = rows.get(value);
    if (!row) rows.set(value, (row = { value, n: 0, cells: Array.from({ length: slots }, () => ({ n: 0, total: 0 })) }));
    const cell = row.cells[bucket(call)];
    row.n += 1;
    cell.n += 1;
    cell.total += halluc(call);
  }
  if (!rows.size) return null;
  const all = [...rows.values()].sort((a, b) => b.n - a.n);
  return { name, label, rows: all.slice(0, 8), hidden: Math.max(0, all.length - 8) };
}

function heatCell(group, row, cell, from, to) {
  if (!cell.n) return h("span.heat-cell.none", null, h("span.sr", null, "no calls"));
  const value = cell.total / cell.n;
  const what = `${group.label} ${clip(row.value, 60)}, ${date(from)} to ${date(to)}: ${score(value)} over ${plural(cell.n, "call")}`;
  return h("button.heat-cell." + scoreTone(value), { type: "button", title: what, onclick: () => {
    S.picked[group.name] = new Set([row.value]);
    S.time = "custom";
    S.from = Math.floor(from);
    S.to = Math.ceil(to);
    changed();
    say("Filtered: " + what);
  } }, score(value), " ", h("small", null, number(cell.n)), h("span.sr", null, ` calls, ${group.label} ${clip(row.value, 60)}, ${date(from)} to ${date(to)}`));
}
