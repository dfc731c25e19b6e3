// The run that is open: its facts, its events, and the data of those that were looked at.

import { getData, getRun, getSteps, getTimeline } from "./api.js";
import { summaryOf } from "./events.js";
import { repeat } from "./live.js";

const CHUNK = 25; // steps whose data is asked for at once
const TRIES = 3; // a step may have moved to another place meanwhile
const KEPT = 300; // steps whose data is kept; of the others only the summary
const listeners = new Set();

/** @type {{id: string, run: any, events: any[], error: any, busy: boolean}} */
export const open = { id: "", run: null, events: [], error: null, busy: false };
let summaries = new Map(), data = new Map(), asked = new Set(), tries = new Map(), states = new Map(), asking = null, last = 0;

const poll = repeat(look);

/** Be told whenever something of the open run is new. */
export function onRun(listener) {
  listeners.add(listener);
}

function tell() {
  for (const listener of listeners) listener();
}

/** Open a run (or none, with an empty id); what another one said is forgotten. */
export async function openRun(id, known) {
  if (id === open.id) return;
  Object.assign(open, { id, run: known || null, events: [], error: null, busy: Boolean(id) });
  summaries = new Map(), data = new Map(), asked = new Set(), tries = new Map(), states = new Map(), last = 0;
  tell();
  if (id) poll.wake();
}

/** Ask for the open run again. */
export function again() {
  open.error = null;
  open.busy = true;
  tell();
  poll.wake();
}

async function look() {
  const id = open.id;
  if (!id) return "over";
  try {
    const [run, timeline] = await Promise.all([getRun(id), getTimeline(id)]);
    if (id !== open.id) return "running"; // another one was opened: look at that at once
    Object.assign(open, { run, error: null, busy: false });
    take(timeline.events);
    tell();
    if (run.status === "running") return (last = 0), "running";
    return ++last > 1 ? "over" : "running"; // once more after its end: what is written last may come after it
  } catch (error) {
    if (id !== open.id) return "running";
    Object.assign(open, { error, busy: false });
    tell();
    if (error.status === 0 || error.status >= 500) throw error; // it may come back
    return "over";
  }
}

/** Take over the events; what changed since it was read is to be read again. */
function take(events) {
  for (const event of events) {
    const now = `${event.status} ${event.duration_ms}`;
    if (states.has(event.id) && states.get(event.id) !== now) asked.delete(event.id);
    states.set(event.id, now);
  }
  open.events = events;
}

export const summary = (event) => summaries.get(event.id) ?? "";

/** Ask for the data of the events between two places of the timeline, so that their summaries can be shown. */
export async function readAround(first, past) {
  if (asking || !open.events.length) return;
  const at = open.events.slice(first, past).findIndex((event) => !asked.has(event.id));
  if (at < 0) return;
  const id = open.id, offset = first + at;
  const wanted = open.events.slice(offset, offset + CHUNK);
  for (const event of wanted) asked.add(event.id);
  asking = getSteps(id, { limit: CHUNK, offset });
  try {
    const { steps } = await asking;
    if (id === open.id) {
      for (const step of steps) keep(step, step.data);
      const had = new Set(steps.map((step) => step.id));
      wanted.filter((event) => !had.has(event.id)).forEach(retry);
    }
  } catch (_) {
    // the timeline is complete without summaries; the open event asks for its own data
  }
  asking = null;
  if (id === open.id) tell();
}

function retry({ id }) {
  tries.set(id, (tries.get(id) || 0) + 1);
  if (tries.get(id) < TRIES) asked.delete(id);
}

function keep(event, content) {
  asked.add(event.id);
  summaries.set(event.id, summaryOf(event, content));
  data.delete(event.id);
  data.set(event.id, content);
  if (data.size > KEPT) data.delete(data.keys().next().value);
}

/** The data of one event: what is known already, else what the server says. */
export async function dataOf(event) {
  if (asking) await asking.catch(() => {}); // it may be among what is on its way
  if (data.has(event.id) && asked.has(event.id)) return data.get(event.id);
  const id = open.id;
  const answer = await getData(id, event.id);
  if (id === open.id) keep(event, answer.data);
  return answer.data;
}

/** The data of one event if it is known already. */
export const knownData = (event) => (asked.has(event.id) ? data.get(event.id) : undefined);
