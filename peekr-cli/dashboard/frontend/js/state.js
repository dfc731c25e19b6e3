// What the reader chose: tab, filters, search, order, open call. It lives in the hash, so a link shows the same.

const TABS = ["overview", "traces", "quality", "diagnose", "help"];
const TIMES = [["all", "All"], ["5m", "5m"], ["15m", "15m"], ["30m", "30m"], ["1h", "1h"], ["24h", "24h"], ["7d", "7d"], ["30d", "30d"]];
const SECONDS = { m: 60, h: 3600, d: 86400 };

const S = { tab: "overview", picked: noChannels(), time: "all", from: null, to: null, q: "", sort: "start", down: true, call: null };

function noChannels() {
  return Object.fromEntries(CHANNELS.map(([name]) => [name, new Set()]));
}

function readHash() {
  const [tab, query] = location.hash.replace(/^#/, "").split("?");
  const given = new URLSearchParams(query || "");
  S.tab = TABS.includes(tab) ? tab : "overview";
  S.picked = noChannels();
  for (const [name] of CHANNELS) for (const value of given.getAll(name)) S.picked[name].add(value);
  S.from = moment(given.get("from"));
  S.to = moment(given.get("to"));
  const time = given.get("t") || "all";
  S.time = time === "custom" || TIMES.some(([name]) => name === time) ? time : "all";
  S.q = given.get("q") || "";
  const sort = given.get("sort") || "-start";
  S.sort = sort.replace(/^-/, "");
  S.down = sort.startsWith("-");
  S.call = given.get("call");
}

function moment(text) {
  const value = text === null || text === "" ? NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

function writeHash(push) {
  const query = new URLSearchParams();
  for (const [name] of CHANNELS) for (const value of S.picked[name]) query.append(name, value);
  if (S.time !== "all") query.set("t", S.time);
  if (S.time === "custom" && S.from !== null) query.set("from", S.from);
  if (S.time === "custom" && S.to !== null) query.set("to", S.to);
  if (S.q) query.set("q", S.q);
  if (S.sort !== "start" || !S.down) query.set("sort", (S.down ? "-" : "") + S.sort);
  if (S.call) query.set("call", S.call);
  const hash = "#" + S.tab + (query.toString() ? "?" + query : "");
  if (hash === location.hash) return;
  if (push) history.pushState(null, "", hash);
  else history.replaceState(null, "", hash);
}

const filtered = () => S.time !== "all" || CHANNELS.some(([name]) => S.picked[name].size);

// Start and end in Unix seconds; presets count back from the newest call, and take in what its trace did after it.
function timeRange() {
  if (S.time === "custom") return [S.from === null ? -Infinity : S.from, S.to === null ? Infinity : S.to];
  if (S.time === "all") return [-Infinity, Infinity];
  const span = Number(S.time.slice(0, -1)) * SECONDS[S.time.slice(-1)];
  return [D.newest - span, Math.max(D.newest, D.last)];
}

function fits(channel, except) {
  for (const [name] of CHANNELS) {
    const picked = S.picked[name];
    if (picked.size && name !== except && !picked.has(channel[name])) return false;
  }
  return true;
}

// The filtered report, made anew at each change: V.calls (by start), V.scored, V.others, V.rest; and what is made of it
// on first use: V.cards, V.state (health), V.worst.
const V = { calls: [], scored: [], others: [], rest: [], cards: null, state: null, worst: null };

function refilter() {
  const [from, to] = timeRange();
  const inTime = (record) => record.start >= from && record.start <= to;
  const all = !filtered();
  V.calls = all ? D.calls : D.calls.filter((call) => inTime(call) && fits(call.channel));
  V.scored = V.calls.filter((call) => halluc(call) !== null);
  V.rest = all ? D.rest : D.rest.filter((sum) => sum.day >= from - 86400 && sum.day <= to && !S.picked.user.size && fits(sum));
  V.others = all ? D.others : othersOf(inTime);
  V.cards = V.state = V.worst = null;
}

// A tool has no model: it belongs to what is filtered if a call of its trace does.
function othersOf(inTime) {
  const traces = new Set(V.calls.map((call) => call.trace));
  return D.others.filter((record) => inTime(record) && (traces.has(record.trace) || fits(record.channel)));
}
