// From the data to the page, and from each change to what it changes.

const DRAW = { overview: drawOverview, traces: drawTraces, quality: drawQuality, diagnose: drawDiagnose, help: drawHelp };
const stale = new Set(TABS);

// After a change of the filters.
function changed() {
  refilter();
  writeHash();
  for (const tab of TABS) stale.add(tab);
  drawFilters();
  draw();
}

function draw() {
  for (const tab of TABS) stale.add(tab);
  drawTab();
}

function drawTab() {
  for (const tab of TABS) {
    const on = tab === S.tab, button = $("tab-" + tab);
    button.setAttribute("aria-selected", String(on));
    button.tabIndex = on ? 0 : -1;
    $(tab).hidden = !on;
  }
  if (!stale.has(S.tab)) return;
  stale.delete(S.tab);
  DRAW[S.tab]($(S.tab));
}

function goTo(tab) {
  if (tab !== S.tab) {
    S.tab = tab;
    writeHash(true);
    scrollTo(0, 0);
  }
  drawTab();
}

function drawHeader() {
  const meta = D.meta;
  replace($("source"), clip(meta.source, 60));
  replace($("made"), date(meta.made));
  document.title = "Peekr · " + clip(meta.source, 60);
  $("notes").hidden = !meta.notes.length;
  if (!meta.notes.length) return;
  const [first, ...more] = meta.notes;
  replace($("notes"), more.length
    ? h("details", null, h("summary", null, plain(first), h("span.quiet", null, ` and ${plural(more.length, "more note")}`)), h("ul.plain", null, more.map((note) => h("li", null, plain(note)))))
    : h("p", null, plain(first)));
}

function listen() {
  addEventListener("keydown", onKey);
  addEventListener("hashchange", follow);
  addEventListener("popstate", follow);
  document.querySelector(".tabs").addEventListener("keydown", onTabKey);
  for (const tab of TABS) $("tab-" + tab).addEventListener("click", () => goTo(tab));
  $("theme").addEventListener("click", switchTheme);
  $("keys").addEventListener("click", showKeys);
  $("skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

// The address was changed from outside: back, forward, a pasted link.
function follow() {
  const before = S.call;
  readHash();
  refilter();
  drawFilters();
  draw();
  if (S.call && D.byId.has(S.call)) { if (S.call !== before) openCall(S.call); }
  else if (!$("panel").hidden) closePanel();
}

async function boot() {
  try {
    prepare(await readData());
    readHash();
    refilter();
    $("wait").remove();
    document.body.classList.remove("loading");
    drawHeader();
    listen();
    drawFilters();
    draw();
    writeHash(); // the address names the tab from the beginning, so that it can be copied
    if (S.call) openCall(S.call);
    performance.mark("peekr-ready");
    setTimeout(() => prepareSearch(0), 50);
    document.documentElement.dataset.ready = "1";
  } catch (error) {
    replace($("wait"), h("p.empty-title", null, "This report cannot be shown"), h("p", null, clip(String(error), 300)),
      h("p", null, "The file may be cut off. Make it again with: peekr dashboard STORE"));
    document.documentElement.dataset.ready = "failed";
  }
}

// The texts for the search are put together while nothing else happens, so that the first letter finds them ready.
function prepareSearch(from) {
  const until = performance.now() + 12;
  let at = from;
  while (at < D.calls.length && performance.now() < until) for (const end = Math.min(D.calls.length, at + 200); at < end; at++) haystack(D.calls[at]);
  if (at < D.calls.length) (window.requestIdleCallback || setTimeout)(() => prepareSearch(at));
  else performance.mark("peekr-search");
}

const theme = keptTheme();
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
// The frame is painted before the data is read.
requestAnimationFrame(() => setTimeout(boot, 0));
