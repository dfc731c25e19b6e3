// Texts and JSON of any size: the beginning is shown, the rest on demand.

import { el, fill } from "./dom.js";
import { brief } from "./events.js";
import { number, plain, plural } from "./format.js";

const CLIP = 3000; // characters of a text that are shown at first
const STEP = 20000; // and with each click
const ENTRIES = 60; // of an object or list
const LEAF = 400;

/**
 * A text, shortened where it is long.
 * @param {string} text
 * @param {{mono?: boolean}} [look]
 */
export function longText(text, { mono = false } = {}) {
  const body = el(mono ? "pre.text.mono" : "pre.text", { dir: "auto" });
  const box = el("div.long", null, body);
  let shown = 0;
  const button = el("button.link.more", { type: "button", onclick: () => grow(STEP) });
  function grow(by) {
    const until = shown + by >= text.length - 200 ? text.length : shown + by;
    body.append(...blocks(text.slice(shown, until), mono));
    shown = until;
    if (shown >= text.length) button.remove();
    else button.textContent = `Show more (${number(text.length - shown)} of ${number(text.length)} characters left)`;
  }
  if (text.length > CLIP + 200) box.append(button);
  grow(CLIP);
  return box;
}

/** Code between ``` stands out. */
function blocks(text, mono) {
  if (mono || !text.includes("```")) return breakable(plain(text));
  return text.split(/```[\w+-]*\n?/).flatMap((part, at) => (at % 2 ? el("code.fenced", null, breakable(plain(part.replace(/\n$/, "")))) : breakable(plain(part.replace(/\n+$/, "\n").replace(/^\n+/, "")))));
}

/** A line of thousands of characters without a space takes browsers seconds to lay out, unless it may break here and there. */
function breakable(text) {
  return text.split(/(\S{300,})/).map((part, at) => (at % 2 ? el("span.unbroken", null, part.match(/.{1,500}/gsu).flatMap((some) => [some, el("wbr")])) : part));
}

/** A value as text where it is text (also JSON that is text), else as a tree. */
export function valueView(value) {
  if (typeof value === "string") {
    const inner = asJson(value);
    return inner === undefined ? longText(value) : tree(inner);
  }
  return value !== null && typeof value === "object" ? tree(value) : el("pre.text.mono", null, String(value));
}

function asJson(text) {
  if (text.length > 2_000_000 || !/^\s*[[{]/.test(text)) return undefined;
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" ? value : undefined;
  } catch (_) {
    return undefined;
  }
}

/** JSON as a tree that opens on demand: only what is in sight is made. */
export function tree(value) {
  const small = sizeOf(value) <= 12;
  return el("div.tree", null, entries(value, small ? 3 : 1));
}

const sizeOf = (value) => (value !== null && typeof value === "object" ? Object.keys(value).length : 1);

/** @param {number} open so many levels are open at first */
function entries(value, open) {
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  const all = [...keys];
  if (!all.length) return el("p.quiet", null, Array.isArray(value) ? "An empty list" : "An empty object");
  const list = el("ul", null);
  let shown = 0;
  const rest = el("button.link.more", { type: "button", onclick: () => grow() });
  function grow() {
    for (const key of all.slice(shown, shown + ENTRIES)) list.append(entry(key, value[key], open));
    shown += ENTRIES;
    if (shown >= all.length) rest.remove();
    else fill(rest, `Show more (${number(all.length - shown)} left)`);
  }
  grow();
  return shown < all.length ? [list, rest] : list;
}

function entry(key, value, open) {
  const name = el("span.key", null, plain(String(key).slice(0, LEAF)));
  if (value === null || typeof value !== "object") return el("li", null, name, leaf(value));
  if (!sizeOf(value)) return el("li", null, name, el("span.quiet", null, Array.isArray(value) ? "[ ]" : "{ }"));
  const details = el("details", { open: open > 1 });
  details.append(el("summary", null, name, el("span.hint", null, ` ${Array.isArray(value) ? plural(sizeOf(value), "item") : plural(sizeOf(value), "field")} `), el("span.sketch", null, brief(value, 80))));
  const make = () => details.childElementCount === 1 && details.append(...[entries(value, open - 1)].flat());
  if (details.open) make();
  details.addEventListener("toggle", make);
  return el("li", null, details);
}

function leaf(value) {
  if (typeof value !== "string") return el(`span.leaf.${value === null ? "null" : typeof value}`, null, String(value));
  return value.length > LEAF || value.includes("\n") ? longText(value, { mono: true }) : el("span.leaf.string", { dir: "auto" }, plain(value) || "\u00a0");
}

/** What a value is when it is copied. */
export function copyText(value) {
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value, null, 2);
  } catch (_) {
    return brief(value, 10000); // nested too deeply to be written down
  }
}
