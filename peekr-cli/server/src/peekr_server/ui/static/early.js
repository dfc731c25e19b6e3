// Before the first paint, so that a page which is kept dark does not flash. No module: those run later.
try {
  const kept = localStorage.getItem("peekr-theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
} catch (_) {
  // Storage may be forbidden: the system's choice holds.
}
