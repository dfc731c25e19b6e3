// Rating a run: good or bad, with a note.

import { rate, ratingsOf } from "./api.js";
import { el, fill, say } from "./dom.js";
import { line } from "./format.js";
import { icon } from "./icons.js";

const WORDS = [["good", "Good", "up"], ["bad", "Bad", "down"]];
const known = new Map(); // trace id → its last rating, as far as it was read or given

/** Two buttons and a note. */
export function rating(run) {
  const note = el("input", { type: "text", placeholder: "Note (optional)", "aria-label": "Note to the rating", maxlength: 2000 });
  const said = el("p.quiet", { role: "status" });
  const buttons = WORDS.map(([word, label, name]) => el("button.plain-button", { type: "button", onclick: () => send(word) }, icon(name), label));

  function show() {
    const last = known.get(run.trace_id);
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(last?.rating === WORDS[at][0])));
    if (last?.note) fill(said, `“${line(last.note, 300)}”`);
  }

  async function send(word) {
    buttons.forEach((button) => { button.disabled = true; });
    try {
      await rate(run.trace_id, word, note.value.trim());
      known.set(run.trace_id, { rating: word, note: note.value.trim() });
      fill(said, `Rated ${word}.`);
      say(`Rated ${word}`);
      show();
    } catch (error) {
      fill(said, `Not rated: ${line(error.message, 200)}`);
    }
    buttons.forEach((button) => { button.disabled = false; });
  }

  show();
  if (!known.has(run.trace_id)) ratingsOf(run.trace_id).then(({ feedback }) => { known.set(run.trace_id, feedback[feedback.length - 1]); show(); }, () => {});
  return el("section.part.rating", { "aria-label": "Rating" }, el("header.part-head", null, el("h3", null, "Was this run good?")), el("p.buttons", null, buttons, note), said);
}
