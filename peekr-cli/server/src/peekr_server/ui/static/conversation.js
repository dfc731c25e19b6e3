// An LLM call as a conversation, whatever API it went to: OpenAI's chat and responses, Anthropic's messages, Bedrock's
// Converse and InvokeModel bodies, Gemini's contents, LangChain's, and the agent vocabulary's prompt and response.
// Pure functions of a step's data.

/** @typedef {{kind: "text"|"thinking"|"call"|"result"|"media"|"json", text?: string, name?: string, value?: any}} Part */
/** @typedef {{role: string, name: string, parts: Part[]}} Message */

const ROLES = { developer: "system", model: "assistant", ai: "assistant", human: "user", function: "tool", chatbot: "assistant" };
const SYSTEMS = ["system", "systemInstruction", "system_instruction", "instructions", "preamble"];
const PROMPTS = ["messages", "contents", "input", "prompt", "inputText", "message", "query"];
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** What the model was given, the system prompt first. @returns {Message[]} */
export function conversation(data) {
  const request = requestOf(data);
  const leading = SYSTEMS.map((name) => request[name] ?? request.config?.[name]).find(Boolean);
  const history = Array.isArray(request.chat_history) ? turns(request.chat_history) : [];
  const found = [...history, ...turns(PROMPTS.map((name) => request[name]).find((value) => value !== undefined && value !== null && value !== ""))];
  const all = found.length ? found : turns(data.input);
  const system = leading ?? (all.some((message) => message.role === "system") ? null : data.system);
  return system ? [message("system", system), ...all] : all;
}

/** What the model answered, one list of parts for each choice. @returns {Part[][]} */
export function answerParts(data) {
  const response = data.response ?? data.output;
  const choices = isObject(response) ? choicesOf(response) : Array.isArray(response) ? [response] : [response];
  const found = choices.map((choice) => parts(choice)).filter((each) => each.length);
  return found.length || typeof data.output !== "string" || !data.output ? found : [[{ kind: "text", text: data.output }]];
}

/** The words in parts. */
export const textOf = (given) => given.filter((part) => part.kind === "text").map((part) => part.text).join("\n");

/** The request of a call: that of an SDK is inside of `request`, that of the agent vocabulary is the data itself. */
export function requestOf(data) {
  const request = isObject(data.request) ? data.request : data;
  const body = typeof request.body === "string" ? loaded(request.body) : request.body;
  return isObject(body) && !request.messages ? body : request;
}

function loaded(text) {
  try {
    return JSON.parse(text);
  } catch (_) {
    return undefined;
  }
}

function turns(given) {
  if (typeof given === "string") {
    const inner = /^\s*\[\s*\{/.test(given) ? loaded(given) : undefined; // messages as JSON text
    const found = Array.isArray(inner) && inner.every((item) => isObject(item) && ("role" in item || "type" in item));
    return found ? turns(inner) : given ? [message("user", given)] : [];
  }
  const list = Array.isArray(given) ? given.flatMap((item) => (Array.isArray(item) ? item : [item])) : isObject(given) ? [given] : [];
  if (!list.length) return [];
  if (!list.some((item) => isObject(item) && ("role" in item || "type" in item))) return [message("user", list)];
  return list.map(turn).filter((each) => each.parts.length);
}

function turn(item) {
  if (!isObject(item)) return message("user", item);
  const { role = roleOf(String(item.type ?? "")), name } = item;
  return { ...message(String(role), item), name: String(name ?? item.tool_call_id ?? "") };
}

function roleOf(type) {
  if (type in ROLES || ["system", "user", "assistant", "tool"].includes(type)) return type;
  if (/output|result/.test(type)) return "tool";
  return /call|reasoning/.test(type) ? "assistant" : "user";
}

function message(role, content) {
  const small = role.toLowerCase();
  return { role: ROLES[small] || small, name: "", parts: parts(content) };
}

// -- parts ----------------------------------------------------------------------------------------------------------

/** @returns {Part[]} */
function parts(content, depth = 0) {
  if (content === undefined || content === null || content === "" || depth > 8) return [];
  if (Array.isArray(content)) return content.flatMap((each) => parts(each, depth + 1));
  if (!isObject(content)) return [{ kind: "text", text: String(content) }];
  const special = specialPart(content);
  if (special) return [special];
  const inner = [content.content, content.parts, content.text, content.message, content.output, content.data].find((value) => value !== undefined && value !== null && value !== "");
  const calls = (Array.isArray(content.tool_calls) ? content.tool_calls : []).map(callOf);
  const thought = content.reasoning_content || content.reasoning;
  const found = [
    ...(typeof thought === "string" && thought ? [{ kind: "thinking", text: thought }] : []),
    ...parts(inner, depth + 1),
    ...parts(content.refusal, depth + 1),
    ...calls,
  ];
  return found.length || "role" in content || "content" in content || "text" in content ? found : [{ kind: "json", value: content }];
}

function specialPart(item) {
  const type = String(item.type ?? "");
  if (item.functionCall || item.function_call || item.toolUse) return callOf(item.functionCall || item.function_call || item.toolUse);
  if (item.functionResponse || item.function_response) return resultOf(item.functionResponse || item.function_response);
  if (item.toolResult) return resultOf(item.toolResult);
  if (/^(tool_use|function_call|server_tool_use|custom_tool_call|tool_call)$/.test(type)) return callOf(item);
  if (/(tool_result|_call_output)$/.test(type)) return resultOf(item);
  if (/^(thinking|reasoning|redacted_thinking)$/.test(type) || item.thought === true) return { kind: "thinking", text: thoughtOf(item) };
  if (/image|audio|file|document|video|media/.test(type) || item.inlineData || item.inline_data || item.image || item.document) return { kind: "media", name: type.replaceAll("_", " ") || "attachment", value: item };
  return null;
}

function callOf(item) {
  const inner = isObject(item?.function) ? item.function : item ?? {};
  const value = inner.arguments ?? inner.args ?? inner.input ?? {};
  return { kind: "call", name: String(inner.name ?? item.type ?? "tool"), value: typeof value === "string" ? loaded(value) ?? value : value };
}

function resultOf(item) {
  return { kind: "result", name: String(item.name ?? item.tool_use_id ?? item.toolUseId ?? item.call_id ?? ""), value: item.content ?? item.output ?? item.response ?? item };
}

function thoughtOf(item) {
  const said = item.thinking ?? item.text ?? item.summary ?? item.content ?? item.data ?? "";
  return textOf(parts(said)) || "Not shown by the provider.";
}

// -- responses ------------------------------------------------------------------------------------------------------

function choicesOf(response) {
  for (const name of ["choices", "candidates", "generations", "results", "outputs"]) {
    const found = response[name];
    if (Array.isArray(found) && found.length) return found.flat().map((choice) => (isObject(choice) ? choice.message ?? choice.content ?? choice.outputText ?? choice.text ?? choice : choice));
  }
  if (isObject(response.output)) return [response.output.message ?? response.output];
  for (const name of ["output", "content", "text", "generation", "completion", "outputText", "output_text", "response", "message"]) {
    if (response[name]) return [name === "content" ? response : response[name]];
  }
  return [];
}
