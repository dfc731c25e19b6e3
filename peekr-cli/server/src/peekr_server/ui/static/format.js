// Numbers, times and texts as a person reads them; times in the reader's zone.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const few = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const hourFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dayFormat = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const yearFormat = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
const fullFormat = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });

const DASH = "–";
export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
export const number = (value) => (isNumber(value) ? whole.format(value) : DASH);
export const short = (value) => (isNumber(value) ? (Math.abs(value) < 10000 ? number(value) : few.format(value)) : DASH);
export const compact = (value) => (isNumber(value) ? few.format(value) : DASH);
export const plural = (count, one, many) => `${number(count)} ${count === 1 ? one : many || one + "s"}`;
export const score = (value) => (isNumber(value) ? value.toFixed(2) : DASH);

/** A duration in milliseconds. */
export function duration(ms) {
  if (!isNumber(ms)) return DASH;
  const value = Math.max(ms, 0);
  if (value < 1) return value === 0 ? "0 ms" : value < 0.01 ? "<0.01 ms" : `${value.toFixed(2)} ms`;
  if (value < 999.5) return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)} ms`;
  if (value < 59950) return `${(value / 1000).toFixed(value < 9995 ? 2 : 1)} s`;
  const seconds = Math.round(value / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** US dollars. */
export function money(value) {
  if (!isNumber(value)) return DASH;
  if (value === 0) return "$0";
  if (value > 0 && value < 1e-5) return "<$0.00001";
  if (value >= 100) return "$" + whole.format(value);
  return "$" + (value >= 0.1 ? value.toFixed(2) : Number(value.toPrecision(2)).toString());
}

/** Bytes, in powers of 1024. */
export function bytes(value) {
  if (!isNumber(value)) return DASH;
  const step = Math.min(Math.floor(Math.log2(Math.max(value, 1)) / 10), 4);
  const amount = value / 1024 ** step;
  return `${amount >= 100 || step === 0 ? Math.round(amount) : amount.toFixed(1)} ${["B", "KiB", "MiB", "GiB", "TiB"][step]}`;
}

const at = (ms) => (isNumber(ms) && Math.abs(ms) < 8.64e15 ? new Date(ms) : null);
const shown = (ms, format) => (at(ms) ? format.format(at(ms)) : DASH);
export const fullTime = (ms) => (at(ms) && at(ms).getFullYear() !== new Date().getFullYear() ? `${at(ms).getFullYear()} ` : "") + shown(ms, fullFormat);
export const clock = (ms) => (at(ms) ? `${clockFormat.format(at(ms))}.${String(at(ms).getMilliseconds()).padStart(3, "0")}` : DASH);

/** When something was, seen from now: "just now", "3 min ago", "14:05", "Nov 3, 14:05". */
export function when(ms, now = Date.now()) {
  if (!at(ms)) return DASH;
  const minutes = Math.floor((now - ms) / 60000);
  if (minutes < -1) return dayFormat.format(at(ms)); // a clock that is ahead
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  const day = new Date(now);
  day.setHours(0, 0, 0, 0);
  if (ms >= day.getTime()) return hourFormat.format(at(ms));
  return now - ms < 300 * 86400000 ? dayFormat.format(at(ms)) : yearFormat.format(at(ms));
}

const NAMED = { "\u0000": "NUL", "\u0007": "BEL", "\u0008": "BS", "\u001b": "ESC", "\u007f": "DEL" };
const ODD = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text with control characters and bidirectional overrides shown as what they are: they cannot rearrange the page. */
export function plain(text) {
  return String(text).replace(/\r\n?/g, "\n").replace(ODD, visible);
}

function visible(char) {
  return `⟨${NAMED[char] || `U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`}⟩`;
}

/** One line of at most `length` characters. The cut comes first: a megabyte is not looked through for one line. */
export function line(text, length = 200) {
  const source = String(text);
  const one = plain(source.length > length * 4 ? source.slice(0, length * 4) : source).replace(/\s+/g, " ").trim();
  return one.length > length ? one.slice(0, length - 1).replace(/[\ud800-\udbff]$/, "") + "…" : one;
}
