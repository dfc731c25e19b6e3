// Small marks that several panels use: status, scores, facts.

import { el } from "./dom.js";
import { isNumber, line, score } from "./format.js";

const STATUS = {
  completed: ["good", "Completed"],
  failed: ["bad", "Failed"],
  running: ["info", "Running"],
  started: ["info", "Started"],
  in_progress: ["info", "In progress"],
};

/** The badge of a run's or a step's status. */
export function statusBadge(status) {
  const [tone, word] = STATUS[status] || ["none", line(status || "unknown", 20)];
  return el(`span.badge.${tone}`, { "data-status": line(status || "", 20) }, status === "running" && el("i.pulse", { "aria-hidden": "true" }), word);
}

/** Scores of evaluators, 0 to 1: name → value. */
export function scoreBadges(scores) {
  const found = Object.entries(scores || {}).filter(([, value]) => isNumber(value));
  if (!found.length) return null;
  return el("ul.scores", { "aria-label": "Scores" }, found.map(([name, value]) => el("li", null,
    el(`span.badge.${value < 0.5 ? "bad" : value < 0.85 ? "warn" : "good"}`, null, score(value)), line(name, 60))));
}

/** Labelled values; those that are missing are left out. */
export function facts(rows) {
  const found = rows.filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== "–");
  if (!found.length) return null;
  return el("dl.facts", null, found.map(([name, value]) => el(String(value).length > 60 && !(value instanceof Node) ? "div.wide" : "div", null, el("dt", null, name), el("dd", null, value instanceof Node ? value : line(value, 300)))));
}
