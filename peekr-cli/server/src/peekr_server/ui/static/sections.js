// What the detail panel shows of each type of event: sections of its data.

import { facts, scoreBadges } from "./badges.js";
import { chat, partView } from "./chat.js";
import { answerParts, conversation, requestOf } from "./conversation.js";
import { el } from "./dom.js";
import { isNumber, line, money, number } from "./format.js";
import { longText, tree, valueView } from "./values.js";

/** @typedef {{title: string, body: Node, copy?: any, tone?: string}} Section */

const given = (value) => value !== undefined && value !== null && value !== "";
const first = (...values) => values.find(given);
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** @returns {Section | null} a section of one value */
function value(title, content, tone) {
  return given(content) ? { title, body: valueView(content), copy: content, tone } : null;
}

const BY_TYPE = {
  llm_call: llm,
  tool_call: (data) => [
    { facts: [["Tool", data.tool_name], ["Type", data.tool_type]] },
    value("Arguments", first(data.tool_args, data.input)), value("Result", first(data.tool_result, data.output)),
  ],
  memory_read: (data) => [memoryFacts(data), value("Value", first(data.memory_value, data.output))],
  memory_write: (data) => [memoryFacts(data), value("Value", first(data.memory_value, data.input))],
  error: (data) => [
    { facts: [["Error type", data.error_type], ["Critical", data.critical === undefined ? null : data.critical ? "yes" : "no"], ["Reason", data.error_reason]] },
    value("Message", first(data.error_message, data.error), "bad"),
    given(data.stack_trace) ? { title: "Stack trace", body: longText(String(data.stack_trace), { mono: true }), copy: data.stack_trace } : null,
  ],
  final_answer: (data) => [
    { facts: [["Answer type", data.answer_type], ["Success", data.success === undefined ? null : data.success ? "yes" : "no"]] },
    value("Answer", first(data.answer, data.output), "good"),
  ],
};

const AS_FACTS = /^(agent_|task_|custom$)/;

/** Fields that a type's own sections show, or that say nothing to a person. */
const SHOWN = {
  all: ["metadata", "error", "error_type", "error_reason", "eval_scores", "model", "tokens_input", "tokens_output", "tokens_total", "cost_usd", "event_id", "truncated", "name", "input", "output", "user_id", "session_id", "agent_type"],
  llm_call: ["prompt", "response", "request", "prompt_tokens", "completion_tokens", "total_tokens", "messages", "system", "temperature", "max_tokens", "top_p"],
  tool_call: ["tool_name", "tool_type", "tool_args", "tool_result"],
  memory_read: ["memory_key", "memory_type", "memory_value"],
  memory_write: ["memory_key", "memory_type", "memory_value", "overwrite"],
  error: ["error_message", "stack_trace", "critical"],
  final_answer: ["answer", "answer_type", "success"],
};

/**
 * The sections of an event, in the order in which they are read.
 * @param {any} event of the timeline
 * @param {Record<string, any>} data
 * @returns {(Section | {facts: any[]} | null)[]}
 */
export function sectionsOf(event, data) {
  const own = BY_TYPE[event.type];
  const failed = event.type !== "error" && given(data.error);
  return [
    failed ? value("Error", data.error, "bad") : null,
    failed || given(data.error_reason) ? { facts: [["Error type", data.error_type], ["Reason", data.error_reason]] } : null,
    ...(own ? own(data) : [value("Input", data.input), value("Output", data.output)]),
    ...(AS_FACTS.test(event.type) ? fields(rest(event.type, data)) : []),
    section("Scores", scoreBadges(data.eval_scores)),
    isObject(data.metadata) && Object.keys(data.metadata).length ? value("Metadata", data.metadata) : null,
    AS_FACTS.test(event.type) ? null : others(event.type, data),
    data.truncated ? { title: "Cut", body: el("p.quiet", null, "This was longer than what is kept of one event: the end is missing.") } : null,
  ];
}

const section = (title, body) => (body ? { title, body } : null);

function memoryFacts(data) {
  return { facts: [["Key", data.memory_key], ["Type", data.memory_type], ["Overwrite", data.overwrite === undefined ? null : data.overwrite ? "yes" : "no"]] };
}

// -- LLM calls ------------------------------------------------------------------------------------------------------

function llm(data) {
  const request = requestOf(data);
  const asked = conversation(data), answers = answerParts(data).filter((parts) => parts.length);
  const settings = { ...(isObject(request.config) ? request.config : {}), ...request };
  const parameter = (name, label) => [label, isObject(settings[name]) || Array.isArray(settings[name]) ? null : settings[name]];
  return [
    { facts: [["Model", first(data.model, request.model)], ["Tokens", tokens(data)], ["Cost", isNumber(data.cost_usd) ? money(data.cost_usd) : null],
      parameter("temperature", "Temperature"), parameter("max_tokens", "Max tokens"), parameter("top_p", "Top p"), ["Finish", data.finish_reason]] },
    asked.length ? { title: "Prompt", body: chat(asked), copy: first(data.prompt, request.messages, request.input, request.contents, data.input) } : null,
    ...answers.map((parts, at) => answer(parts, answers.length > 1 ? `Response ${at + 1}` : "Response")),
    Array.isArray(request.tools) && request.tools.length ? folded("Tools offered", request.tools) : null,
  ];
}

function answer(parts, title) {
  const [one] = parts;
  return { title, body: el("div.answer", null, parts.map(partView)), copy: parts.length === 1 ? one.text ?? one.value : parts };
}

function tokens(data) {
  const [into, out, all] = [first(data.tokens_input, data.prompt_tokens), first(data.tokens_output, data.completion_tokens), first(data.tokens_total, data.total_tokens)];
  if (![into, out, all].some(isNumber)) return null;
  const halves = [isNumber(into) && `${number(into)} in`, isNumber(out) && `${number(out)} out`].filter(Boolean).join(" + ");
  return halves ? `${halves}${isNumber(all) ? ` = ${number(all)}` : ""}` : number(all);
}

// -- the rest -------------------------------------------------------------------------------------------------------

/** Fields that no section shows: attributes that others set, whatever their names. */
function others(type, data) {
  const found = rest(type, data);
  return Object.keys(found).length ? folded("More fields", found) : null;
}

function rest(type, data) {
  const shown = new Set([...SHOWN.all, ...(SHOWN[type] || [])]);
  if (type === "llm_call" && !isObject(data.request)) shown.delete("request");
  return Object.fromEntries(Object.entries(data).filter(([name, each]) => !shown.has(name) && given(each)));
}

/** Fields under their names: what is short beside each other, what is long below. */
function fields(found) {
  const isShort = (content) => typeof content !== "object" && String(content).length <= 60;
  const named = (name) => name.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());
  const all = Object.entries(found);
  return [
    { facts: all.filter(([, content]) => isShort(content)).map(([name, content]) => [named(name), content]) },
    ...all.filter(([, content]) => !isShort(content)).map(([name, content]) => value(named(line(name, 60)), content)),
  ];
}

function folded(title, content) {
  const details = el("details.folded", null, el("summary", null, title, el("span.quiet", null, ` ${Object.keys(content).length}`)));
  details.addEventListener("toggle", () => details.childElementCount === 1 && details.append(tree(content)));
  return { title, body: details, bare: true };
}
