// Numbers, times and sizes as a person reads them; times in the reader's zone.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const dayTime = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const fullTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const timeOnly = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const secondOnly = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const dayOnly = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

const DASH = "–";
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const number = (value) => (isNumber(value) ? whole.format(value) : DASH);
const short = (value) => (isNumber(value) ? (Math.abs(value) < 1000 ? number(value) : compact.format(value)) : DASH);
const score = (value) => (isNumber(value) ? value.toFixed(2) : DASH);
const percent = (value, digits = 0) => (isNumber(value) ? (value * 100).toFixed(digits) + "%" : DASH);
const plural = (count, one, many) => number(count) + " " + (count === 1 ? one : many || one + "s");

function date(seconds, format) {
  const at = new Date(seconds * 1000);
  return Number.isNaN(at.getTime()) ? DASH : (format || dayTime).format(at);
}

function ms(value) {
  if (!isNumber(value)) return DASH;
  if (value < 1) return value.toFixed(2) + " ms";
  if (value < 1000) return Math.round(value) + " ms";
  if (value < 60000) return (value / 1000).toFixed(value < 10000 ? 2 : 1) + " s";
  return Math.floor(value / 60000) + " min " + Math.round((value % 60000) / 1000) + " s";
}

function money(value) {
  if (!isNumber(value)) return DASH;
  if (value === 0) return "$0";
  if (value > 0 && value < 1e-5) return "≈$0"; // no column has room for more digits, and 6.5e-7 is no amount
  return "$" + (value >= 100 ? whole.format(value) : value >= 0.1 ? value.toFixed(2) : Number(value.toPrecision(2)).toString());
}

function signed(value, digits = 2) {
  if (!isNumber(value)) return DASH;
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? "±0" : (value > 0 ? "+" : "−") + text;
}

// Bidirectional overrides and control characters are shown as what they are, so that they cannot rearrange the page.
const ODD = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
function plain(text) {
  return String(text).replace(ODD, (char) => "\u2423" + char.charCodeAt(0).toString(16).padStart(4, "0"));
}

function clip(text, length) {
  text = plain(text);
  return text.length > length ? text.slice(0, length - 1) + "…" : text;
}
