// A conversation with a model, as a chat.

import { el } from "./dom.js";
import { line, plural } from "./format.js";
import { icon } from "./icons.js";
import { longText, tree, valueView } from "./values.js";

const FIRST = 2, LAST = 6; // messages of a long conversation that are shown at first
const ROLES = { system: "System", user: "User", assistant: "Assistant", tool: "Tool" };

/**
 * Messages, one below the other; of many, those in the middle on demand.
 * @param {import("./conversation.js").Message[]} messages
 */
export function chat(messages) {
  const list = el("ol.chat", { "aria-label": "Messages" });
  const hidden = messages.length > FIRST + LAST + 1 ? messages.slice(FIRST, -LAST) : [];
  list.append(...messages.slice(0, hidden.length ? FIRST : undefined).map(bubble));
  if (hidden.length) {
    const gap = el("li.gap", null, el("button.link", { type: "button", onclick: () => gap.replaceWith(...hidden.map(bubble)) }, `Show ${plural(hidden.length, "message")} between`));
    list.append(gap, ...messages.slice(-LAST).map(bubble));
  }
  return list;
}

function bubble(message) {
  const role = ROLES[message.role] ? message.role : "other";
  return el(`li.bubble-row.from-${role}`, { "data-role": line(message.role, 30) },
    el("p.role", null, ROLES[message.role] || line(message.role, 30) || "Message", message.name && el("span.quiet", null, ` ${line(message.name, 60)}`)),
    el("div.say", null, message.parts.map(partView)));
}

/** One part of a message. @param {import("./conversation.js").Part} part */
export function partView(part) {
  if (part.kind === "text") return longText(part.text);
  if (part.kind === "thinking") return el("details.thinking", null, el("summary", null, "Reasoning"), longText(part.text));
  if (part.kind === "media") return el("details.media", null, el("summary", null, line(part.name, 40)), tree(part.value));
  if (part.kind === "json") return tree(part.value);
  return el(`div.call.${part.kind}`, null,
    el("p.call-name", null, icon("tool"), part.kind === "call" ? "Calls " : "Result ", el("b", null, line(part.name, 120))),
    part.value === undefined || part.value === null || part.value === "" ? null : valueView(part.value));
}
