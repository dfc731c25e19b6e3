// The server's REST API: one request at a time is one function; the key; and whether the server answers at all.

import { askForKey } from "./key.js";

const KEY = "peekr-api-key";
const watchers = new Set();
let key = kept();
let asking = null, refused = false, reachable = true;

/** An answer that is none: `status` is that of HTTP, 0 where the server did not answer. */
class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function kept() {
  try {
    return sessionStorage.getItem(KEY) || "";
  } catch (_) {
    return "";
  }
}

/** Be told when the server stops or starts to answer: `watcher(reachable)`. */
export function watchConnection(watcher) {
  watchers.add(watcher);
}

function connection(now) {
  if (now === reachable) return;
  reachable = now;
  for (const watcher of watchers) watcher(now);
}

/** Forget that the key was not given, and ask again with the next request. */
export function askAgain() {
  refused = false;
}

/** One dialog for all requests that wait for a key; false if it was closed without one. */
async function newKey(used, status) {
  if (key !== used) return true; // another request has asked meanwhile
  if (refused) return false;
  asking = asking || askForKey(status === 403 && used !== "").then((given) => {
    asking = null;
    refused = !given;
    if (!given) return false;
    key = given;
    try {
      sessionStorage.setItem(KEY, key);
    } catch (_) { /* forbidden: it holds until the page is left */ }
    return true;
  });
  return asking;
}

async function send(path, options) {
  try {
    return await fetch(path, { cache: "no-cache", credentials: "same-origin", redirect: "error", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    connection(false);
    throw new ApiError(0, "The server does not answer.");
  }
}

async function problem(response) {
  let detail = "";
  try {
    detail = (await response.json()).detail;
  } catch (_) { /* no JSON */ }
  return new ApiError(response.status, typeof detail === "string" && detail ? detail : `The server answered ${response.status}.`);
}

/**
 * Ask the server; waits for the API key where it wants one.
 * @param {string} path below /v1
 * @param {{query?: Record<string, any>, signal?: AbortSignal, body?: any}} [given] a query value that is empty is left out
 * @returns {Promise<any>} what the JSON says
 */
async function ask(path, { query, signal, body } = {}) {
  const given = Object.entries(query || {}).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const url = `/v1/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
  for (;;) {
    const used = key;
    const headers = { Accept: "application/json", ...(used && { "X-API-Key": used }), ...(body && { "Content-Type": "application/json" }) };
    const response = await send(url, { headers, signal, ...(body && { method: "POST", body: JSON.stringify(body) }) });
    connection(true);
    if (response.ok) return response.json();
    const failed = await problem(response);
    if ((response.status !== 401 && response.status !== 403) || !(await newKey(used, response.status))) throw failed;
  }
}

const enc = encodeURIComponent;
export const listRuns = (query, signal) => ask("runs", { query, signal });
export const getRun = (id, signal) => ask(`runs/${enc(id)}`, { signal });
export const getTimeline = (id, signal) => ask(`runs/${enc(id)}/timeline`, { signal });
export const getSteps = (id, query, signal) => ask(`runs/${enc(id)}/steps`, { query, signal });
export const getData = (id, step, signal) => ask(`runs/${enc(id)}/steps/${enc(step)}/data`, { signal });
export const getExport = (id) => ask(`runs/${enc(id)}/export`);
export const getStats = (signal) => ask("stats", { signal });
export const ratingsOf = (trace_id) => ask("feedback", { query: { trace_id } });
export const rate = (trace_id, rating, note) => ask("feedback", { body: { trace_id, rating, note } });
