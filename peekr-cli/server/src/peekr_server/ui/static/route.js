// Which run and which of its steps are shown. It lives in the hash, so that a link shows the same: #run=<id>&step=<id>

const listeners = new Set();

/** @returns {{run: string, step: string}} each empty where there is none */
export function place() {
  const given = new URLSearchParams(location.hash.replace(/^#/, ""));
  return { run: given.get("run") || "", step: (given.get("run") && given.get("step")) || "" };
}

/** The link to a run, to a step of it, or (without both) to the list. */
export function link(run, step) {
  if (!run) return "#";
  return `#run=${encodeURIComponent(run)}${step ? `&step=${encodeURIComponent(step)}` : ""}`;
}

/** Go somewhere; with `replace` the back button does not come here again. */
export function go(run, step, replace = false) {
  const hash = link(run, step);
  if (hash === (location.hash || "#")) return;
  history[replace ? "replaceState" : "pushState"](null, "", hash);
  changed();
}

/** Be told of every change: links, the back button, a pasted address, {@link go}. */
export function onRoute(listener) {
  listeners.add(listener);
}

function changed() {
  for (const listener of listeners) listener(place());
}

addEventListener("hashchange", changed);
