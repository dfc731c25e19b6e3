// Traces: search, order, and a list that draws only the rows in sight, so that 50,000 are as quick as 50.

const COLUMNS = [
  ["start", "Time", (call) => call.start],
  ["model", "Model", (call) => call.model || call.name],
  ["text", "Question", (call) => call.t.q || ""],
  ["tenant", "Tenant", (call) => call.channel.tenant || ""],
  ["score", "Score", (call) => { const own = rank(call); return own === null ? 2 : own; }],
  ["ms", "Duration", (call) => call.ms || 0],
  ["tok", "Tokens", (call) => call.tok || 0],
  ["cost", "Cost", (call) => call.cost || 0],
  ["status", "Status", (call) => (call.status === "error" ? 0 : 1)],
];
const RIGHT = new Set(["score", "ms", "tok", "cost"]);

let list = null; // the rows in order; null: to be made again
let drawn = new Map(); // place → row element
let scroller = null, canvas = null, rowHeight = 46;

function rows() {
  if (list) return list;
  const words = S.q.toLowerCase().split(/\s+/).filter(Boolean);
  const found = words.length ? searchedCalls(words) : V.calls.slice();
  const [, , key] = COLUMNS.find(([name]) => name === S.sort) || COLUMNS[0];
  const way = S.down ? -1 : 1;
  if (S.sort === "start") return (list = S.down ? found.reverse() : found);
  const keyed = found.map((call) => [key(call), call]);
  keyed.sort((a, b) => (a[0] < b[0] ? -way : a[0] > b[0] ? way : b[1].start - a[1].start));
  return (list = keyed.map((pair) => pair[1]));
}

// What was found last; a search that only got longer looks through that.
const last = { calls: null, words: [], found: [] };

function searchedCalls(words) {
  const longer = last.calls === V.calls && last.words.every((old) => words.some((word) => word.includes(old)));
  const from = longer && last.words.length ? last.found : V.calls;
  last.found = from.filter((call) => { const hay = haystack(call); return words.every((word) => hay.includes(word)); });
  last.calls = V.calls;
  last.words = words;
  return last.found.slice();
}

function drawTraces(view) {
  if (!D.calls.length) return replace(view, noCalls());
  if (!scroller) buildTraces(view);
  list = null;
  const found = rows();
  const search = $("search");
  if (search.value !== S.q && document.activeElement !== search) search.value = S.q;
  replace($("found"), h("b", null, number(found.length)), found.length === V.calls.length ? " calls" : " of " + number(V.calls.length) + " calls");
  drawHeads();
  rowHeight = matchMedia("(max-width: 760px)").matches ? 84 : 46;
  $("rows-empty").hidden = found.length > 0;
  replace($("rows-empty"), found.length ? null : S.q ? empty("Nothing found", `No call of this selection mentions “${clip(S.q, 60)}”.`) : nothingLeft());
  canvas.style.height = found.length * rowHeight + "px";
  scroller.setAttribute("aria-rowcount", String(found.length + 1));
  for (const row of drawn.values()) row.remove();
  drawn.clear();
  if (scroller.scrollTop > found.length * rowHeight) scroller.scrollTop = 0;
  paintRows();
}

function buildTraces(view) {
  canvas = h("div.rows-canvas", { role: "rowgroup" });
  scroller = h("div.rows", { role: "table", "aria-label": "Calls", tabindex: 0, onscroll: () => paintRows(), onkeydown: rowKeys },
    h("div.rows-head", { role: "rowgroup" }, h("div.row.heads", { role: "row", "aria-rowindex": 1, id: "heads" })), canvas);
  const frame = h("div.traces-view", null,
    h("div.search-line", null,
      h("label.search", null, h("span.sr", null, "Search the calls"), svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("circle", { cx: 11, cy: 11, r: 6.5 }), svg("path", { d: "M16 16l4.5 4.5" })),
        h("input", { id: "search", type: "search", placeholder: "Search id, model, question, answer, error", autocomplete: "off", spellcheck: "false", oninput: searched }), h("kbd", { "aria-hidden": "true" }, "/")),
      h("label.order", null, h("span.sr", null, "Order"), h("select", { id: "order", onchange: (event) => { S.sort = event.target.value.replace("-", ""); S.down = event.target.value.startsWith("-"); writeHash(); drawTraces($("traces")); } },
        COLUMNS.flatMap(([name, label]) => [h("option", { value: "-" + name }, label + " ↓"), h("option", { value: name }, label + " ↑")]))),
      h("p.found", { id: "found", role: "status" })),
    scroller, h("div", { id: "rows-empty", hidden: true }));
  replace(view, frame);
  addEventListener("resize", () => { if (S.tab === "traces") drawTraces($("traces")); });
}

function searched(event) {
  S.q = event.target.value;
  writeHash();
  drawTraces($("traces"));
  if (scroller.scrollTop) scroller.scrollTop = 0;
  drawClear();
}

function drawHeads() {
  replace($("heads"), COLUMNS.map(([name, label]) => h("div.cell.c-" + name + (RIGHT.has(name) ? ".num" : ""), { role: "columnheader", "aria-sort": S.sort === name ? (S.down ? "descending" : "ascending") : "none" },
    h("button", { type: "button", onclick: () => { S.down = S.sort === name ? !S.down : !["model", "tenant", "text", "score", "status"].includes(name); S.sort = name; writeHash(); drawTraces($("traces")); $("heads").querySelector(".c-" + name + " button").focus(); } }, label, h("i.arrow", { "aria-hidden": "true" }, S.sort === name ? (S.down ? "↓" : "↑") : "")))));
  $("order").value = (S.down ? "-" : "") + S.sort;
}

function paintRows() {
  const found = rows();
  const first = Math.max(0, Math.floor(scroller.scrollTop / rowHeight) - 6);
  const last = Math.min(found.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / rowHeight) + 6);
  for (const [at, row] of drawn) if (at < first || at >= last) { row.remove(); drawn.delete(at); }
  for (let at = first; at < last; at++) {
    if (drawn.has(at)) continue;
    const row = rowOf(found[at], at);
    drawn.set(at, row);
    canvas.append(row);
  }
}

function rowOf(call, at) {
  const own = rank(call);
  const text = call.t.q || call.t.a || call.t.e || "";
  const cell = (name, ...content) => h("div.cell.c-" + name + (RIGHT.has(name) ? ".num" : ""), { role: "cell" }, content);
  return h("div.row" + (call.id === S.call ? ".current" : ""), { role: "row", "aria-rowindex": at + 2, "data-id": call.id, style: { top: at * rowHeight + "px", height: rowHeight + "px" }, onclick: () => openCall(call.id) },
    cell("start", h("button.row-open", { type: "button", title: date(call.start, fullTime), onclick: (event) => { event.stopPropagation(); openCall(call.id); } }, date(call.start))),
    cell("model", h("span.clip", null, clip(call.model || call.name, 60)), call.endpoint ? h("small.clip", null, clip(call.endpoint, 40)) : null),
    cell("text", h("span.clip", null, clip(text.replace(/\s+/g, " "), 220) || DASH)),
    cell("tenant", h("span.clip", null, call.channel.tenant === undefined ? DASH : clip(call.channel.tenant, 40))),
    cell("score", scoreBadge(own)),
    cell("ms", ms(call.ms)), cell("tok", isNumber(call.tok) ? number(call.tok) : DASH), cell("cost", money(call.cost)),
    cell("status", call.status === "error" ? h("span.badge.bad", null, clip(call.reason || "error", 20)) : call.reason ? h("span.badge.warn", null, clip(call.reason, 20)) : h("span.ok", null, call.open ? "open" : "ok")));
}

function rowKeys(event) {
  const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
  const row = event.target.closest("[data-id]");
  if (!by || !row) return;
  event.preventDefault();
  const at = Math.min(rows().length - 1, Math.max(0, Number(row.getAttribute("aria-rowindex")) - 2 + by));
  showRow(at);
  const next = drawn.get(at);
  if (next) next.querySelector(".row-open").focus({ preventScroll: true });
}

function showRow(at) {
  if (!scroller || at < 0 || S.tab !== "traces") return;
  const top = at * rowHeight, head = 40;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top + rowHeight > scroller.scrollTop + scroller.clientHeight - head) scroller.scrollTop = top + rowHeight - scroller.clientHeight + head;
  paintRows();
}

function markRow() {
  for (const row of drawn.values()) row.classList.toggle("current", row.dataset.id === S.call);
}
