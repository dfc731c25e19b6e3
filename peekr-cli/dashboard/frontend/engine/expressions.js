/* Conditions and sums over named aggregates, as expressions.py. */

const isNumber = (value) => typeof value === "number";
const known = (value) => value !== undefined && value !== null;

function lookup(scope, path) {
  let value = scope;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.prototype.hasOwnProperty.call(value, name)) {
      return null;
    }
    value = value[name];
  }
  return known(value) ? value : null;
}

const ORDER = { ">": (a, b) => a > b, ">=": (a, b) => a >= b, "<": (a, b) => a < b, "<=": (a, b) => a <= b };
const ARITHMETIC = { "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b };

function valueOf(expression, scope, thresholds) {
  if (typeof expression !== "object" || expression === null) return expression;
  if ("agg" in expression) return lookup(scope, expression.agg);
  if ("threshold" in expression) return thresholds[expression.threshold];
  const op = expression.op;
  if ("of" in expression) return listed(op, expression.of.map((each) => valueOf(each, scope, thresholds)));
  const left = valueOf(expression.left, scope, thresholds);
  const right = valueOf(expression.right, scope, thresholds);
  if (op === "==") return left === right;
  if (op === "!=") return left !== right;
  if (!isNumber(left) || !isNumber(right)) return op in ORDER ? false : null;
  if (op in ORDER) return ORDER[op](left, right);
  return op === "/" && right === 0 ? null : ARITHMETIC[op](left, right);
}

function listed(op, values) {
  if (op === "and") return values.every((value) => value === true);
  if (op === "or") return values.some((value) => value === true);
  if (op === "not") return values[0] !== true;
  const numbers = values.filter(isNumber);
  return numbers.length ? numbers.reduce((a, b) => (op === "max" ? Math.max(a, b) : Math.min(a, b))) : null;
}
