// The list of runs: filtered, searched and paged by the server; new runs and changes of status show by themselves.

import { getRun, listRuns } from "./api.js";
import { statusBadge } from "./badges.js";
import { byId, el, fill, say } from "./dom.js";
import { compact, duration, fullTime, line, money, number, plural, when } from "./format.js";
import { place, link } from "./route.js";
import { Rows } from "./rows.js";
import { failure, loading, noMatch, noRuns } from "./states.js";

const PAGE = 100;
const FRESH = 25; // rows that are looked at again for news
const WAIT_MS = 250; // after the last letter
const ALONE = 10; // running runs further down that are asked for one by one

const state = { items: [], total: 0, loaded: 0, error: null, busy: null, known: false };
const box = byId("runs-list");
const search = byId("search"), eventType = byId("event-filter"), filters = byId("filters");

export const rows = new Rows(box, { label: "Runs", height: 66, id: (run) => run.id, make, look });
rows.onDraw = () => {
  const [, last] = rows.range();
  if (last > state.items.length - PAGE / 2 && state.loaded < state.total && !state.busy) more();
};

const chosen = () => ({ status: filters.elements.status.value, event_type: eventType.value, search: search.value.trim() });
const filtered = () => Object.values(chosen()).some(Boolean);
export const chosenType = () => eventType.value;

// -- asking ---------------------------------------------------------------------------------------------------------

/** Ask for the list anew, with the filters that are chosen. */
export async function reload() {
  state.busy?.abort();
  const mine = (state.busy = new AbortController());
  box.setAttribute("aria-busy", "true");
  if (!state.known) fill(box, loading("Loading the runs"));
  try {
    const answer = await listRuns({ ...chosen(), limit: PAGE }, mine.signal);
    Object.assign(state, { items: answer.runs, total: answer.total, loaded: answer.runs.length, error: null, known: true });
    say(plural(state.total, "run"));
  } catch (error) {
    if (error.name === "AbortError") return;
    state.error = error;
  }
  state.busy = null;
  box.removeAttribute("aria-busy");
  box.scrollTop = 0;
  draw();
}

async function more() {
  const mine = (state.busy = new AbortController());
  try {
    const answer = await listRuns({ ...chosen(), limit: PAGE, offset: state.loaded }, mine.signal);
    const known = new Set(state.items.map((run) => run.id));
    state.items = [...state.items, ...answer.runs.filter((run) => !known.has(run.id))];
    state.total = Math.max(answer.total, state.items.length);
    state.loaded = answer.runs.length ? state.loaded + answer.runs.length : state.total;
  } catch (error) {
    if (error.name === "AbortError") return;
    state.total = state.loaded; // the next look for news corrects it
  }
  state.busy = null;
  draw();
}

/** Whether a run of the list is still running. */
export const anyRunning = () => state.items.some((run) => run.status === "running");

/** Look for new runs and changes; keeps what is further down. @returns {Promise<boolean>} whether anything changed */
export async function refresh() {
  if (state.busy) return false;
  if (state.error || !state.known) return reload().then(() => true);
  const asked = JSON.stringify(chosen());
  const { runs: page, total } = await listRuns({ ...chosen(), limit: FRESH });
  if (asked !== JSON.stringify(chosen()) || state.busy) return false;
  const fresh = new Set(page.map((run) => run.id));
  const oldest = page.length < FRESH ? -Infinity : page[page.length - 1].started_at;
  const kept = state.items.filter((run) => !fresh.has(run.id) && run.started_at <= oldest);
  const added = page.filter((run) => !state.items.some((other) => other.id === run.id)).length;
  const above = box.scrollTop, before = figuresOf(state);
  Object.assign(state, { items: [...page, ...kept], total: Math.max(total, page.length), loaded: page.length + kept.length });
  draw();
  if (above > rows.height && added) box.scrollTop = above + added * rows.height; // what is being read stays in place
  await Promise.all(kept.filter((run) => run.status === "running").slice(0, ALONE).map((run) => getRun(run.id).then(update, () => {})));
  return before !== figuresOf(state);
}

const figuresOf = ({ total, items }) => `${total} ${items.slice(0, FRESH).map((run) => `${run.id}${run.status}${run.step_count}`)}`;

/** Show a run as it is now. */
export function update(run) {
  const at = state.items.findIndex((other) => other.id === run.id);
  if (at < 0) return;
  state.items[at] = run;
  rows.show(state.items);
}

export const known = (id) => state.items.find((run) => run.id === id);

// -- showing --------------------------------------------------------------------------------------------------------

function draw() {
  byId("runs-count").textContent = state.known ? `${number(state.total)}` : "";
  if (state.error && !state.items.length) return void fill(box, failure(state.error, reload));
  if (!state.items.length) return void fill(box, filtered() ? noMatch(clear) : noRuns());
  if (rows.list.parentNode !== box) fill(box, rows.list);
  rows.mark(place().run);
  rows.show(state.items);
}

/** Times like "3 min ago", and how long what runs has been running, go on. */
export function tick() {
  rows.draw();
}

const lasted = (run) => (run.status === "running" ? Math.max(Date.now() - run.started_at, 0) : run.duration_ms);

function figures(run) {
  const took = run.status === "running" ? Math.floor(lasted(run) / 1000) * 1000 : run.duration_ms;
  return [
    when(run.started_at), duration(took), plural(run.step_count, "step"),
    run.tokens_total ? `${compact(run.tokens_total)} tok` : "", run.cost_usd ? money(run.cost_usd) : "",
  ].filter((text) => text && text !== "–").join(" · ");
}

function look(run) {
  return [run.name, run.status, figures(run), run.parent_run_id].join("\n");
}

function make(run) {
  return [el("a.row.run", { href: link(run.id), title: `Started ${fullTime(run.started_at)}` },
    el("span.run-name.clip", null, run.parent_run_id && el("span.quiet", { title: "Inside another run" }, "↳ ", el("span.sr", null, "nested: ")), el("bdi", null, line(run.name, 120) || "Unnamed run")),
    statusBadge(run.status),
    el("span.run-figures.clip", null, figures(run)))];
}

// -- filters --------------------------------------------------------------------------------------------------------

function clear() {
  filters.reset();
  filters.dispatchEvent(new Event("change"));
}

/** Follow the filters. @param {() => void} changed called after each change */
export function startRuns(changed) {
  let timer = 0;
  const now = () => { clearTimeout(timer); changed(); reload(); };
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(now, WAIT_MS); });
  filters.addEventListener("change", (event) => event.target !== search && now());
  filters.addEventListener("submit", (event) => { event.preventDefault(); now(); });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && rows.focus()) event.preventDefault();
  });
}
