// The detail panel: one event of the open run in full, or the run itself.

import { getExport } from "./api.js";
import { facts, scoreBadges, statusBadge } from "./badges.js";
import { byId, el, fill, say } from "./dom.js";
import { isNested, kindOf } from "./events.js";
import { duration, fullTime, line, money, number } from "./format.js";
import { icon } from "./icons.js";
import { rating } from "./rating.js";
import { link, place } from "./route.js";
import { dataOf, knownData, open, summary } from "./run.js";
import { sectionsOf } from "./sections.js";
import { failure, loading, notice } from "./states.js";
import { copyText } from "./values.js";

const box = byId("detail-body"), panel = byId("detail");
let drawn = "", drawnFor = "";

/** Draw the event that the address names; without one, the run. */
export async function drawDetail() {
  const { step } = place();
  const event = step ? open.events.find((each) => each.id === step) : open.events.find((each) => each.id === open.id);
  const look = JSON.stringify([open.id, step, event, event?.id === open.id ? [open.run, open.events.map(summary)] : 0, open.busy && !event, Boolean(open.error)]);
  if (look === drawn) return;
  drawn = look;
  if (`${open.id} ${step}` !== drawnFor) box.scrollTop = 0;
  drawnFor = `${open.id} ${step}`;
  if (!open.id || (open.error && !open.events.length)) return void fill(box);
  if (!event) return void fill(box, ...missing(step));
  const known = knownData(event);
  if (known === undefined) fill(box, ...frame(event), loading("Loading the event", 3));
  try {
    const data = known === undefined ? await dataOf(event) : known;
    if (look === drawn) fill(box, ...frame(event), ...content(event, data));
  } catch (error) {
    if (look !== drawn) return;
    const retry = () => { drawn = ""; drawDetail(); };
    fill(box, ...frame(event), error.status === 404 ? notice("This event is not here any more", "It may have been removed meanwhile.") : failure(error, retry));
  }
}

function missing(step) {
  const back = el("div.detail-top", null, el("a.back", { href: link(open.id) }, icon("back"), "Timeline"));
  if (open.busy) return [back, loading("Loading the event", 3)];
  if (!step) return [notice("Choose an event", "What it said shows here: prompt and response, arguments and result, errors.")];
  if (open.run?.status === "running") return [back, notice("This event is not here yet", "The run is still running: it shows as soon as it is written.")];
  return [back, notice("This event is not in this run", "The link may be of another run. Choose an event of the timeline.")];
}

// -- one event ------------------------------------------------------------------------------------------------------

function frame(event) {
  const kind = kindOf(event, open.id), whole = !place().step, nested = isNested(event, open.id);
  const name = line(whole ? open.run?.name ?? event.name : event.name, 200), at = open.events.indexOf(event);
  const same = name.toLowerCase() === kind.label.toLowerCase();
  return [
    el("div.detail-top", null,
      el("a.back", { href: link(open.id) }, icon("back"), "Timeline"),
      !whole && el("div.steps", null,
        stepLink(at - 1, "Previous event", "back", "K"),
        el("span.quiet", null, `${number(at + 1)} of ${number(open.events.length)}`),
        stepLink(at + 1, "Next event", "next", "J"))),
    el(`header.detail-head.tone-${kind.tone}`, null,
      el("span.bubble.large", null, icon(kind.icon)),
      el("div", null,
        el("p.detail-type", null, whole ? "Run" : kind.label),
        el("h2", { id: "detail-title" }, el("bdi", null, same ? line(event.name, 200) : name))),
      statusBadge(whole || event.id === open.id ? open.run?.status ?? event.status : event.status)),
    facts(event.id === open.id && open.run ? runFacts(open.run) : eventFacts(event)),
    nested && el("p", null, el("a.primary", { href: link(event.id) }, "Open this run")),
  ];
}

const eventFacts = (event) => [
  ["Time", fullTime(event.timestamp)], ["Duration", duration(event.duration_ms)], ["After the start", duration(event.timestamp - open.events[0].timestamp)],
];

function stepLink(at, label, name, key) {
  const event = open.events[at];
  return el("a.round-link", { href: event ? link(open.id, event.id) : null, "aria-label": label, title: `${label} (${key})`, "aria-disabled": event ? null : "true", role: event ? null : "link" }, icon(name));
}

function runFacts(run) {
  return [
    ["Started", fullTime(run.started_at)], ["Ended", run.status === "running" ? "still running" : fullTime(run.completed_at)], ["Duration", duration(run.duration_ms)],
    ["Steps", number(run.step_count)], ["Tokens", run.tokens_total ? number(run.tokens_total) : null], ["Cost", run.cost_usd ? money(run.cost_usd) : null],
    ["Agent type", run.agent_type], ["User", run.user_id], ["Session", run.session_id], ["Tenant", run.tenant_id], ["Retention", run.retention_class],
    ["Outer run", run.parent_run_id && el("a.link", { href: link(run.parent_run_id) }, el("code", null, run.parent_run_id.slice(0, 12)))],
  ];
}

function content(event, data) {
  const parts = data === null
    ? [el("div.unreadable", null, notice("This content cannot be read", "It was encrypted with another key, or it is damaged. Start the server with the key that it was written with (TRACE_ENCRYPTION_KEY)."))]
    : sectionsOf(event, event.id === open.id ? { ...data, metadata: data.metadata ?? open.run?.metadata } : data).map(sectionView);
  const said = parts.flat().filter(Boolean);
  return [
    ...(event.id === open.id ? outcome() : []),
    ...(said.length || event.id === open.id ? said : [el("p.quiet.nothing", null, "Nothing else was recorded of this event.")]),
    event.id === open.id && open.run ? runEnd(open.run, data?.eval_scores) : null,
    el("footer.ids", null, identity(event.id === open.id ? "Run" : "Event", event.id), event.id === open.id && open.run ? identity("Trace", open.run.trace_id) : null),
  ].filter(Boolean);
}

function sectionView(section) {
  if (!section) return null;
  if (section.facts) return facts(section.facts);
  if (section.bare) return el("section.part", { "aria-label": section.title }, section.body);
  return el(`section.part${section.tone ? `.${section.tone}` : ""}`, { "aria-label": section.title },
    el("header.part-head", null, el("h3", null, section.title), section.copy === undefined ? null : copyButton(section.title, () => copyText(section.copy))),
    section.body);
}

/** How the run ended: what went wrong, and its answer, each with the way to the event. */
function outcome() {
  const bad = open.events.filter((event) => event.type === "error" || (event.status === "failed" && event.id !== open.id));
  const answer = open.events.filter((event) => event.type === "final_answer").pop();
  const shown = [...bad.slice(0, 3), ...(answer && !bad.slice(0, 3).includes(answer) ? [answer] : [])];
  return shown.map((event) => el(`a.outcome.${event === answer ? "good" : "bad"}`, { href: link(open.id, event.id) },
    icon(kindOf(event, open.id).icon), el("span", null, el("b", null, event === answer ? "Answer" : line(event.name, 80)), " ", el("bdi", null, summary(event)))));
}

function runEnd(run, shown) {
  return [
    !scoreBadges(shown) && scoreBadges(run.scores) && el("section.part", { "aria-label": "Scores" }, el("header.part-head", null, el("h3", null, "Scores")), scoreBadges(run.scores)),
    rating(run),
    el("p.buttons", null, el("button.plain-button", { type: "button", onclick: (pressed) => download(run, pressed.currentTarget) }, icon("download"), "Export JSON")),
  ].filter(Boolean).reduce((all, each) => (all.append(each), all), el("div", null));
}

function identity(name, id) {
  return el("p.id", null, el("span.quiet", null, name), el("code", null, line(id, 80)), copyButton(`${name} id`, () => id));
}

// -- buttons --------------------------------------------------------------------------------------------------------

function copyButton(what, text) {
  const button = el("button.copy", { type: "button", "aria-label": `Copy ${what.toLowerCase()}`, title: `Copy ${what.toLowerCase()}` }, icon("copy"), el("span", null, "Copy"));
  button.addEventListener("click", async () => {
    let done = "Copied";
    try {
      await navigator.clipboard.writeText(text());
    } catch (_) {
      done = "Not allowed here";
    }
    button.lastChild.textContent = done;
    say(done);
    setTimeout(() => { button.lastChild.textContent = "Copy"; }, 1600);
  });
  return button;
}

async function download(run, button) {
  button.disabled = true;
  try {
    const url = URL.createObjectURL(new Blob([JSON.stringify(await getExport(run.id), null, 1)], { type: "application/json" }));
    el("a", { href: url, download: `run-${run.id}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
    say("The run was exported");
  } catch (error) {
    say(error.message);
    button.after(el("span.wrong", { role: "alert" }, ` ${line(error.message, 200)}`));
  }
  button.disabled = false;
}

/** Go to the next or the previous event, as the timeline shows them. */
export function neighbour(by) {
  const at = open.events.findIndex((event) => event.id === place().step);
  return open.events[Math.min(Math.max(at + by, 0), open.events.length - 1)];
}

export const focusDetail = () => panel.focus({ preventScroll: true });
