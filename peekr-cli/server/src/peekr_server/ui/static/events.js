// The types of events: what each is called, how it looks, and what it says in one line.

import { line, plural } from "./format.js";
import { answerParts, conversation, textOf } from "./conversation.js";

/** API type → [label, tone, icon]. */
const TYPES = {
  run_start: ["Run started", "run", "run"],
  run_end: ["Run ended", "run", "run"],
  llm_call: ["LLM call", "llm", "llm"],
  tool_call: ["Tool call", "tool", "tool"],
  memory_read: ["Memory read", "memory", "memory"],
  memory_write: ["Memory write", "memory", "memory"],
  error: ["Error", "error", "error"],
  final_answer: ["Final answer", "final", "final"],
  custom: ["Custom event", "custom", "custom"],
  span: ["Span", "span", "span"],
  agent_spawn: ["Agent spawned", "agent", "agent"],
  agent_join: ["Agent joined", "agent", "agent"],
  agent_leave: ["Agent left", "agent", "agent"],
  agent_communication: ["Message", "agent", "message"],
  agent_handoff: ["Hand-off", "agent", "handoff"],
  task_assignment: ["Task assigned", "agent", "task"],
  task_completion: ["Task completed", "agent", "task"],
};

/** Whether an event of a run's timeline is the beginning of another run inside it. */
export const isNested = (event, runId) => event.type === "run_start" && event.id !== runId;

/**
 * How an event is shown.
 * @returns {{label: string, tone: string, icon: string}} label names its type
 */
export function kindOf(event, runId) {
  if (isNested(event, runId)) return { label: "Nested run", tone: "run", icon: "nested" };
  const [label, tone, icon] = TYPES[event.type] || [line(event.type, 40).replaceAll("_", " "), "custom", "custom"];
  return { label, tone, icon };
}

const first = (...values) => values.find((value) => value !== undefined && value !== null && value !== "");
const between = (from, to) => [from, to].filter(Boolean).map((name) => brief(name, 60)).join(" → ");

/** Per API type, the summary of an event's data. */
const SAID = {
  llm_call: (data) => first(data.error, answerLine(data), askedLine(data)),
  tool_call: (data) => first(data.error, [brief(first(data.tool_args, data.input), 120), brief(first(data.tool_result, data.output), 120)].filter(Boolean).join(" → ")),
  memory_read: (data) => brief(first(data.memory_value, data.output)),
  memory_write: (data) => brief(first(data.memory_value, data.input)),
  error: (data) => brief(first(data.error_message, data.error)),
  final_answer: (data) => brief(first(data.answer, data.output)),
  run_start: (data) => first(data.error, brief(first(data.output, data.input, data.metadata, data.agent_type))),
  agent_spawn: (data) => [data.agent_name, data.agent_role].filter(Boolean).map((each) => brief(each, 60)).join(" · "),
  agent_join: (data) => brief(first(data.agent_name, data.agent_id)),
  agent_leave: (data) => brief(first(data.reason, data.agent_name, data.agent_id)),
  agent_communication: (data) => [between(data.from_agent_name, data.to_agent_name), brief(data.message_content)].filter(Boolean).join(": "),
  agent_handoff: (data) => [between(data.from_agent_name, data.to_agent_name), brief(first(data.handoff_reason, data.context_summary))].filter(Boolean).join(": "),
  task_assignment: (data) => [brief(data.task_name, 80), data.assigned_to_agent_name && `to ${brief(data.assigned_to_agent_name, 60)}`].filter(Boolean).join(" "),
  task_completion: (data) => [brief(data.task_name, 80), brief(data.result)].filter(Boolean).join(": "),
};

/** One line about an event, from its data; empty where there is nothing to say. */
export function summaryOf(event, data) {
  if (data === null) return "Content cannot be read";
  if (!data) return "";
  const make = SAID[event.type] || ((given) => first(given.error, [brief(given.input, 120), brief(given.output, 120)].filter(Boolean).join(" → ")));
  try {
    return line(make(data) || "", 240);
  } catch (_) {
    return ""; // data of a shape that nobody foresaw
  }
}

function answerLine(data) {
  const parts = answerParts(data)[0] || [];
  const words = textOf(parts);
  if (words) return brief(words);
  const calls = parts.filter((part) => part.kind === "call");
  return calls.length ? `Calls ${calls.slice(0, 3).map((call) => `${line(call.name, 60)}(${brief(call.value, 60)})`).join(", ")}${calls.length > 3 ? ` and ${plural(calls.length - 3, "more")}` : ""}` : "";
}

function askedLine(data) {
  const asked = conversation(data).filter((message) => message.role === "user");
  return asked.length ? brief(textOf(asked[asked.length - 1].parts)) : "";
}

/** The beginning of a value as one line, without going through the whole of it. */
export function brief(value, length = 240) {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return line(value, length);
  return line(sketch(value, length, 0), length);
}

function sketch(value, room, depth) {
  if (typeof value === "string") return JSON.stringify(value.slice(0, room));
  if (value === null || typeof value !== "object") return String(value);
  const list = Array.isArray(value);
  if (depth > 3) return list ? "[…]" : "{…}";
  let out = "";
  for (const key of list ? value.keys() : Object.keys(value)) {
    if (out.length > room) break;
    out += `${out ? ", " : ""}${list ? "" : `${line(key, 60)}: `}${sketch(value[key], room, depth + 1)}`;
  }
  return list ? `[${out}]` : depth ? `{${out}}` : out;
}
