// What stands where there is nothing to show: loading, empty, not found, failed. Each says what to do next.

import { askAgain } from "./api.js";
import { el } from "./dom.js";
import { plain } from "./format.js";

/** A sentence in the middle of a panel, with what to do next below it. */
export function notice(title, text, ...more) {
  return el("div.notice", null, el("p.notice-title", null, title), text && el("p", null, text), ...more);
}

/** Rows that are still to come. */
export function loading(label, count = 7) {
  return el("div.skeleton", { role: "status" }, el("span.sr", null, label), Array.from({ length: count }, () => el("div.bone", { "aria-hidden": "true" })));
}

/** A button that tries again. */
export const retryButton = (retry, text = "Try again") => el("button.primary", { type: "button", onclick: retry }, text);

/**
 * Why something could not be had.
 * @param {Error & {status?: number}} error
 * @param {() => void} retry
 */
export function failure(error, retry) {
  if (error.status === 401 || error.status === 403) {
    const again = () => { askAgain(); retry(); };
    return notice("This server asks for an API key", "Without it nothing of what was recorded can be shown.", retryButton(again, "Enter the key"));
  }
  if (error.status === 0) return notice("The server does not answer", "Start it again; this page then goes on by itself.", el("pre.code", null, "peekr server"), retryButton(retry));
  return notice("This could not be read", plain(error.message), el("p", null, "The server's log says more."), retryButton(retry));
}

const FIRST_RUN = 'from peekr import trace\n\nwith trace.run("my_agent"):\n    trace.llm(model="gpt-4o", prompt="Hi", response="Hello!")\n    trace.final(answer="Done.")';

/** Nothing was recorded yet. */
export const noRuns = () => notice("No runs yet", "The first one shows here as soon as it starts, without a reload.");

/** How the first run is recorded. */
export const firstRun = () => [el("p.notice-title", null, "Record a first run"), el("p.quiet", null, "Run this beside the server, in the same directory; or any program that is traced to its store."), el("pre.code", null, FIRST_RUN)];

/** Nothing fits the filters. */
export const noMatch = (clear) => notice("No run matches", "Search for another part of the name or id, or take a filter away.", retryButton(clear, "Clear the filters"));
