// What the middle shows while no run is chosen: what is in the store, and how to go on.

import { getStats } from "./api.js";
import { el, fill } from "./dom.js";
import { bytes, number } from "./format.js";
import { firstRun } from "./states.js";

const FIGURES = [
  ["total_runs", "Runs", number], ["running_runs", "Running", number], ["failed_runs", "Failed", number],
  ["recent_runs_24h", "In the last 24 h", number], ["total_steps", "Events", number], ["db_size_bytes", "On disk", bytes],
];
const node = el("div.welcome", null);
let asking = false;

/** The panel. Its figures are read when it is shown, and by {@link renew}. */
export function welcome() {
  if (!node.isConnected) {
    fill(node, title());
    asking = false;
    queueMicrotask(renew);
  }
  return node;
}

const title = () => [el("p.notice-title", null, "Choose a run"), el("p.quiet", null, "Its events show here, oldest first; what each of them said shows beside them.")];

function cards(stats) {
  return el("dl.cards", { "aria-label": "The store" }, FIGURES.map(([name, label, format]) => el("div", null, el("dt", null, label), el("dd", null, format(stats[name])))));
}

function hints() {
  const keys = [["↓ ↑", "move"], ["Enter", "opens"], ["/", "searches"], ["?", "shows all keys"]];
  return el("p.key-hints.wide-only", null, keys.map(([names, does]) => el("span", null, names.split(" ").map((name) => el("kbd", null, name)), ` ${does}`)));
}

/** Read the figures again, if the panel is in sight. */
export async function renew() {
  if (!node.isConnected || asking) return;
  asking = true;
  try {
    const stats = await getStats();
    fill(node, stats.total_runs ? [title(), cards(stats), hints()] : firstRun());
  } catch (_) {
    // the list of runs says what is wrong
  }
  asking = false;
}
