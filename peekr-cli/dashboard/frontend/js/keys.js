// The keyboard, anywhere but in a field.

const typing = (target) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

function onKey(event) {
  if (event.key === "Escape") {
    if ($("overlay").open) return;
    if (!$("panel").hidden) { event.preventDefault(); closePanel(); }
    else if (event.target.id === "search") event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("overlay").open && event.key !== "?") return;
  const act = KEYS[event.key] || (/^[1-5]$/.test(event.key) ? () => goTo(TABS[event.key - 1]) : null);
  if (!act) return;
  event.preventDefault();
  act();
}

const KEYS = {
  "/": () => { goTo("traces"); const search = $("search"); if (search) { search.focus(); search.select(); } },
  r: clearFilters,
  R: clearFilters,
  t: switchTheme,
  T: switchTheme,
  j: () => !$("panel").hidden && step(1),
  k: () => !$("panel").hidden && step(-1),
  "?": showKeys,
};

// Left and right within the tabs, as a tab list should.
function onTabKey(event) {
  const by = { ArrowRight: 1, ArrowLeft: -1, Home: -9, End: 9 }[event.key];
  if (!by) return;
  event.preventDefault();
  const at = Math.abs(by) === 9 ? (by > 0 ? TABS.length - 1 : 0) : (TABS.indexOf(S.tab) + by + TABS.length) % TABS.length;
  goTo(TABS[at]);
  $("tab-" + TABS[at]).focus();
}

const THEME = "peekr-theme";
const darkNow = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function switchTheme() {
  const theme = darkNow() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try { localStorage.setItem(THEME, theme); } catch (_) { /* not allowed from this address: it holds for this page */ }
  draw();
}

function keptTheme() {
  try { return localStorage.getItem(THEME); } catch (_) { return null; }
}
