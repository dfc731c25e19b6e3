// The filter bar: chips for each channel that has values, for time, and what they leave.

const SHOWN = 6;
const expanded = new Set();
let barOpen = false;

function drawFilters() {
  const focus = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.chip : null;
  const groups = CHANNELS.map(([name, label]) => channelGroup(name, label)).filter(Boolean);
  const active = CHANNELS.reduce((all, [name]) => all + S.picked[name].size, 0) + (S.time !== "all" ? 1 : 0);
  const bar = $("filters");
  bar.hidden = !D.calls.length;
  bar.classList.toggle("opened", barOpen);
  replace(bar,
    h("div.filter-line", null,
      h("button.chip.filters-toggle", { type: "button", "aria-expanded": String(barOpen), "aria-controls": "filter-groups", "data-chip": "toggle", onclick: () => { barOpen = !barOpen; drawFilters(); } },
        "Filters", active ? h("span.count", null, String(active)) : null),
      h("p.filter-count", { id: "filter-count" }, h("b", null, number(V.calls.length + sum(V.rest, "calls"))), " of ", number(D.meta.calls), " calls"),
      h("button.clear", { id: "clear", type: "button", title: "Clear all filters (R)", onclick: clearFilters }, "Clear")),
    h("div.filter-groups", { id: "filter-groups" }, groups, D.calls.length ? timeGroup() : null));
  drawClear();
  if (focus) for (const chip of bar.querySelectorAll("[data-chip]")) if (chip.dataset.chip === focus) chip.focus();
}

// It comes and goes with the search, too.
function drawClear() {
  $("clear").hidden = !filtered() && !S.q;
}

const counted = new Map();

// [[value, calls], …] of a channel, the most first; of the whole report, so made once.
function valuesOf(name) {
  if (counted.has(name)) return counted.get(name);
  const counts = new Map();
  for (const call of D.calls) {
    const value = call.channel[name];
    if (value !== undefined && value !== null) counts.set(value, (counts.get(value) || 0) + 1);
  }
  for (const each of D.rest) if (each[name] !== undefined && name !== "user") counts.set(each[name], (counts.get(each[name]) || 0) + (each.calls || 0));
  const values = [...counts].sort((a, b) => b[1] - a[1]);
  counted.set(name, values);
  return values;
}

function channelGroup(name, label) {
  const values = valuesOf(name);
  if (!values.length) return null;
  const open = expanded.has(name);
  const shown = values.filter(([value], at) => open || at < SHOWN || S.picked[name].has(value)).slice(0, 200);
  const chips = shown.map(([value, count]) => chip(name + ":" + value, clip(value, 32), S.picked[name].has(value), () => toggle(name, value), `${label} ${clip(value, 200)}: ${plural(count, "call")}`));
  const hidden = values.length - shown.length;
  return h("div.filter-group", { role: "group", "aria-label": label },
    h("span.filter-label", null, label), chips,
    hidden > 0 && !open ? h("button.more", { type: "button", "data-chip": "more:" + name, onclick: () => { expanded.add(name); drawFilters(); } }, "+" + number(hidden)) : null,
    open && values.length > SHOWN ? h("button.more", { type: "button", "data-chip": "more:" + name, onclick: () => { expanded.delete(name); drawFilters(); } }, "fewer") : null);
}

function chip(key, text, on, act, title) {
  return h("button.chip", { type: "button", "aria-pressed": String(on), "data-chip": key, title, onclick: act }, text);
}

function timeGroup() {
  const chips = TIMES.map(([name, label]) => chip("time:" + name, label, S.time === name, () => setTime(name), name === "all" ? "The whole time" : `The last ${label} up to the newest call`));
  const custom = S.time === "custom";
  return h("div.filter-group", { role: "group", "aria-label": "Time" },
    h("span.filter-label", null, "Time"), chips,
    chip("time:custom", "Custom…", custom, () => setTime("custom"), "Between two times"),
    custom ? h("span.custom", null, timeInput("from", "From"), timeInput("to", "To")) : null);
}

function timeInput(edge, label) {
  return h("input", { type: "datetime-local", step: "1", "aria-label": label, "data-chip": "time:" + edge, value: localText(S[edge]), onchange: (event) => {
    const at = new Date(event.target.value).getTime() / 1000;
    S[edge] = Number.isFinite(at) ? at + (edge === "to" ? 0.999 : 0) : null;
    changed();
  } });
}

function localText(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return "";
  const at = new Date(seconds * 1000);
  if (Number.isNaN(at.getTime())) return "";
  const two = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function toggle(name, value) {
  if (!S.picked[name].delete(value)) S.picked[name].add(value);
  changed();
}

function setTime(name) {
  if (name === "custom" && S.time !== "custom") {
    // Opens as the last hour up to the newest call.
    S.to = Math.ceil(D.newest);
    S.from = S.to - 3600;
  }
  S.time = S.time === name && name !== "custom" ? "all" : name;
  changed();
}

function clearFilters() {
  S.picked = noChannels();
  S.time = "all";
  S.from = S.to = null;
  S.q = "";
  const search = $("search");
  if (search) search.value = "";
  changed();
  say("All filters are cleared");
}
