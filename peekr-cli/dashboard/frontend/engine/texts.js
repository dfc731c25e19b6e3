/* Texts with aggregates in them, as texts.py. */

const DAY_S = 86400;

const MAX_NAME = 120;
const MAX_LIST = 5;
const PLACE = /\{([a-z_][a-z0-9_.]*)(?::([a-z]+)|\?([^{}|]*)\|([^{}|]*))?\}/g;

const render = (text, scope) => text.replace(PLACE, (_, path, form, one, many) => {
  const value = lookup(scope, path);
  if (one === undefined) return show(value, form || "");
  return value === 1 ? one : many;
});

function show(value, form) {
  if (!known(value)) return "–";
  if (Array.isArray(value)) return shownList(value.map(plain));
  if (!isNumber(value)) return plain(value);
  return (FORMS[form] || shownNumber)(value);
}

function shownList(names) {
  const more = names.length - MAX_LIST;
  return names.slice(0, MAX_LIST).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function plain(value) {
  if (isNumber(value)) return shownNumber(value);
  const text = typeof value === "string" ? value : typeof value === "boolean" ? String(value) : "–";
  if (text.length <= MAX_NAME) return text;
  const characters = Array.from(text.slice(0, 2 * MAX_NAME + 2));
  return characters.length <= MAX_NAME ? text : characters.slice(0, MAX_NAME - 1).join("") + "…";
}

function rounded(value, digits) {
  const factor = 10 ** digits;
  const units = Math.floor(Math.abs(value) * factor + 0.5);
  const sign = value < 0 && units ? "-" : "";
  const whole = sign + String(Math.floor(units / factor)).replace(/\B(?=(\d{3})+$)/g, ",");
  return digits ? `${whole}.${String(units % factor).padStart(digits, "0")}` : whole;
}

const shownNumber = (value) => rounded(value, 2).replace(/0+$/, "").replace(/\.$/, "");
const FORMS = {
  percent: (value) => {
    const text = rounded(value * 100, 1);
    return (text.endsWith(".0") || Math.abs(value) >= 0.1 ? text.slice(0, -2) : text) + "%";
  },
  score: (value) => rounded(value, 2),
  change: (value) => (value > 0 ? "+" : "") + rounded(value, 2),
  drop: (value) => rounded(Math.abs(value), 2),
  days: (value) => {
    const days = Math.floor(value / DAY_S);
    return `${rounded(days, 0)} day${days === 1 ? "" : "s"}`;
  },
};
