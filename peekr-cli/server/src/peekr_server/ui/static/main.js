// The page: what the address names is shown in three panels, and looked at again while it changes.

import { watchConnection } from "./api.js";
import { drawDetail, focusDetail, neighbour } from "./detail.js";
import { byId, say } from "./dom.js";
import { line } from "./format.js";
import { showHelp, startKeys } from "./keys.js";
import { repeat } from "./live.js";
import { go, link, onRoute, place } from "./route.js";
import { again, onRun, open, openRun } from "./run.js";
import * as runs from "./runs.js";
import { nextTheme, startTheme } from "./theme.js";
import { drawTimeline, onShowAll, rows as events } from "./timeline.js";
import { renew } from "./welcome.js";

let byKey = false; // the last link was followed with the keyboard
let awaited = false; // the focus is to go to the timeline once it is there

const list = repeat(async () => {
  if (await runs.refresh()) renew();
  if (open.error?.status === 401 || open.error?.status === 403) again(); // the key was given meanwhile
  return runs.anyRunning() ? "running" : "idle";
});

// -- the address ----------------------------------------------------------------------------------------------------

function follow() {
  const { run, step } = place();
  document.body.dataset.view = step ? "detail" : run ? "timeline" : "runs";
  runs.rows.mark(run);
  if (!run) document.title = "Peekr";
  document.body.removeAttribute("data-alone");
  openRun(run, runs.known(run));
  events.mark(step);
  if (step) events.reveal(step);
  drawTimeline();
  drawDetail();
  awaited = byKey && Boolean(run) && !step;
  if (byKey && step) focusDetail();
  byKey = false;
  moveOn();
}

/** After a run was opened with the keyboard the focus goes on to its events. */
function moveOn() {
  if (awaited && events.focus()) awaited = false;
}

let said = "", revealed = "";

function drawRun() {
  const { run, step } = place();
  if (open.run && open.run.id !== open.id) return go(open.run.id, step, true); // the address had its beginning only
  if (open.run) runs.update(open.run);
  drawTimeline();
  drawDetail();
  moveOn();
  if (step && revealed !== step && events.places.has(step)) events.reveal((revealed = step));
  document.body.toggleAttribute("data-alone", Boolean(open.error && !open.events.length)); // nothing to show a detail of
  document.title = open.run ? `${line(open.run.name, 80)} · Peekr` : "Peekr";
  const now = open.run && !open.busy ? `${run} ${open.run.status}` : "";
  if (now && now !== said) say(`${line(open.run.name, 80)}: ${open.run.status}, ${open.events.length} events`);
  said = now || said;
}

// -- keys -----------------------------------------------------------------------------------------------------------

function aside(by) {
  const panels = ["runs", "timeline", "detail"];
  const here = panels.findIndex((id) => byId(id).contains(document.activeElement));
  const next = panels[here + by];
  if (next === "runs") runs.rows.focus();
  else if (next === "timeline") events.focus();
  else if (next === "detail") focusDetail();
}

function back() {
  const { run, step } = place();
  if (step) { go(run, ""); events.focus(step); }
  else if (run) { go("", ""); runs.rows.focus(run); }
}

function beside(by) {
  const event = neighbour(by);
  if (!event || !open.id) return;
  go(open.id, event.id, Boolean(place().step));
  events.reveal(event.id);
}

const KEYS = {
  "/": () => { if (matchMedia("(max-width: 760px)").matches) go("", ""); byId("search").focus(); byId("search").select(); },
  t: nextTheme,
  "?": showHelp,
  j: () => beside(1),
  k: () => beside(-1),
  ArrowLeft: () => aside(-1),
  ArrowRight: () => aside(1),
  Escape: back,
};

// -- beginning ------------------------------------------------------------------------------------------------------

function start() {
  startTheme();
  startKeys(KEYS);
  runs.startRuns(drawTimeline);
  onRun(drawRun);
  onRoute(follow);
  onShowAll(() => { byId("event-filter").value = ""; byId("filters").dispatchEvent(new Event("change")); });
  watchConnection((reachable) => {
    const banner = byId("banner");
    banner.hidden = reachable;
    banner.textContent = reachable ? "" : "The server does not answer. Start it again with: peekr server. This page goes on by itself.";
    if (reachable) { list.wake(); if (open.error) again(); }
  });
  addEventListener("click", (event) => { byKey = event.detail === 0 && event.target.closest?.("a[href^='#']") !== null; }, true);
  byId("skip").addEventListener("click", (event) => { event.preventDefault(); runs.rows.focus(); });
  setInterval(() => { if (!document.hidden) { runs.tick(); if (open.run?.status === "running") drawTimeline(); } }, 1000);
  follow();
  runs.reload().then(() => { openRun(place().run, runs.known(place().run)); list.wake(2000); });
}

start();
