// The timeline of the open run: what happened, oldest first, each with where it lies in the run's time.

import { scoreBadges, statusBadge } from "./badges.js";
import { byId, el, fill } from "./dom.js";
import { isNested, kindOf } from "./events.js";
import { clock, duration, fullTime, line, money, plural, short } from "./format.js";
import { icon } from "./icons.js";
import { link, place } from "./route.js";
import { again, open, readAround, summary } from "./run.js";
import { Rows } from "./rows.js";
import { chosenType } from "./runs.js";
import { failure, loading, notice, retryButton } from "./states.js";
import { welcome } from "./welcome.js";

const DEEPEST = 6;
const box = byId("timeline-list"), head = byId("timeline-head");
const more = el("div.row-after");

export const rows = new Rows(box, { label: "Events", height: 62, id: (event) => event.id, make, look });
rows.onDraw = () => {
  const [first, past] = rows.range();
  const seen = rows.items.slice(first, past);
  if (seen.length) readAround(open.events.indexOf(seen[0]), open.events.indexOf(seen[seen.length - 1]) + 1);
};
let depths = new Map(), shape = { start: 0, length: 1 }, clearType = () => {};

/** What the button "show all" of a filtered timeline does. */
export const onShowAll = (act) => { clearType = act; };

/** The events that are shown: of the chosen type, if the run has any of it. */
function shownEvents() {
  const type = chosenType();
  return type ? open.events.filter((event) => event.type === type) : open.events;
}

/** Draw the run that is open. */
export function drawTimeline() {
  drawHead();
  if (!open.id) return void fill(box, welcome());
  if (open.error && !open.events.length) return void fill(box, problem());
  if (open.busy && !open.events.length) return void fill(box, loading("Loading the timeline"));
  const events = shownEvents();
  const atEnd = box.scrollTop + box.clientHeight > box.scrollHeight - 40 && box.scrollTop > 0;
  measure();
  if (rows.list.parentNode !== box) fill(box, rows.list, more);
  drawMore(events);
  rows.mark(place().step);
  rows.show(events);
  if (atEnd && open.run?.status === "running") box.scrollTop = box.scrollHeight;
}

function drawMore(events) {
  const running = open.run?.status === "running";
  fill(more,
    running ? el("p.going", { role: "status" }, el("i.pulse", { "aria-hidden": "true" }), "Running: new events show here by themselves.") : null,
    !events.length && open.events.length ? notice("No such event in this run", `It has ${plural(open.events.length, "event")} of other types.`, retryButton(clearType, "Show all events")) : null,
    !open.events.length && !running ? notice("No events in this run", "It ended without recording one.") : null);
}

function problem() {
  if (open.error.status === 404) return notice("This run is not here", "It may have been removed (peekr prune), or it is in another store. Choose one of the list.", el("a.primary", { href: "#" }, "To the runs"));
  return failure(open.error, again);
}

// -- the head -------------------------------------------------------------------------------------------------------

function drawHead() {
  const run = open.run;
  if (!run) return void fill(head, el("h2.sr", { id: "timeline-title" }, "Timeline"), open.id ? el("a.back", { href: "#" }, icon("back"), "Runs") : null);
  const running = run.status === "running";
  const took = running ? Math.floor(Math.max(Date.now() - run.started_at, 0) / 1000) * 1000 : run.duration_ms;
  const said = [
    plural(open.events.length || run.step_count, "event"), duration(took),
    run.tokens_total && `${short(run.tokens_total)} tokens`, run.cost_usd && money(run.cost_usd), run.agent_type, run.user_id, run.session_id,
  ];
  const type = chosenType();
  const look = JSON.stringify([run.id, run.name, run.status, said, run.scores, run.parent_run_id, type]);
  if (head.look === look && head.childElementCount > 1) return;
  head.look = look;
  fill(head,
    el("div.head-line", null,
      el("a.back", { href: "#" }, icon("back"), "Runs"),
      run.parent_run_id && el("a.link.outer", { href: link(run.parent_run_id) }, icon("nested"), "Outer run")),
    el("div.head-line", null,
      el("h2", { id: "timeline-title" }, el("bdi", null, line(run.name, 200) || "Unnamed run")),
      statusBadge(run.status)),
    el("p.head-facts", { title: `Started ${fullTime(run.started_at)}` }, said.filter((text) => text && text !== "–").map((text) => el("span", null, line(text, 48)))),
    scoreBadges(run.scores),
    type && el("p.head-filter", null, `Only: ${kindOf({ type }, "").label.toLowerCase()} `, el("button.link", { type: "button", onclick: clearType }, "Show all events")));
}

// -- rows -----------------------------------------------------------------------------------------------------------

/** How deep each event lies below others, and the time that the run spans. */
function measure() {
  depths = new Map();
  let end = -Infinity;
  const start = Math.min(...open.events.slice(0, 1).map((event) => event.timestamp));
  for (const event of open.events) {
    depths.set(event.id, Math.min((depths.get(event.parent_event_id) ?? -1) + 1, DEEPEST));
    end = Math.max(end, event.timestamp + (event.duration_ms || 0));
  }
  shape = { start, length: end - start || 1 };
}

const deep = (event) => Math.max((depths.get(event.id) || 0) - 1, 0); // the run itself is no level
const lasting = (event) => event.duration_ms ?? (event.id === open.id ? shape.length : 0); // the run itself may still run
const part = (value) => `${(Math.min(Math.max(value, 0), 1) * 100).toFixed(2)}%`;

function look(event) {
  return [event.name, event.status, event.duration_ms, summary(event), deep(event), shape.start, shape.length].join("\n");
}

function make(event) {
  const kind = kindOf(event, open.id), nested = isNested(event, open.id), failed = event.status === "failed";
  const name = line(event.name, 120), same = name.toLowerCase() === kind.label.toLowerCase();
  const begin = (event.timestamp - shape.start) / shape.length, wide = lasting(event) / shape.length;
  return [
    el(`a.row.event.tone-${kind.tone}${failed ? ".failed" : ""}`, { href: link(open.id, event.id), "data-type": event.type, style: { "--deep": deep(event) } },
      el("span.bubble", null, icon(kind.icon)),
      el("span.event-title", null, el("bdi.event-name.clip", null, same ? kind.label : name), same ? null : el("span.event-type", null, kind.label)),
      el("span.event-time", { title: fullTime(event.timestamp) }, clock(event.timestamp)),
      el("span.event-said.clip", null, failed && event.type !== "error" ? el("span.failed-word", null, "Failed ") : null, el("bdi", null, summary(event))),
      el("span.event-took", null, event.duration_ms ? duration(event.duration_ms) : ""),
      el("span.event-track", { "aria-hidden": "true" }, el("i", { style: { left: part(begin), width: part(Math.min(wide, 1 - begin)) } }))),
    nested && el("a.open-run", { href: link(event.id), title: "Open this run", "aria-label": `Open the run ${name}` }, "Open run", icon("next")),
  ];
}
