"""Conditions as data: JSON objects that Python and the page (``frontend/engine.js``) evaluate alike. No ``eval``.

============================================== =========================================================================
form                                           value
============================================== =========================================================================
a number, a text, true, false, null            itself
``{"agg": "claims.total"}``                    a named aggregate; null where there is none. In a rule with ``each``,
                                               ``item.…`` is the list's item at hand
``{"threshold": "share"}``                     a number of the rule's ``thresholds``
``{"op": ">", "left": X, "right": Y}``         comparison: ``>`` ``>=`` ``<`` ``<=`` of numbers (with anything else:
                                               false), ``==`` ``!=`` of any scalars
``{"op": "+", "left": X, "right": Y}``         arithmetic: ``+`` ``-`` ``*`` ``/``; null if a side is no number, or the
                                               divisor is 0
``{"op": "max", "of": [X, …]}``                the largest (``min``: smallest) number; null if there is none
``{"op": "and", "of": [X, …]}``                ``and``, ``or``, ``not`` (of exactly one). Only ``true`` is true
============================================== =========================================================================
"""

from __future__ import annotations

import operator
from typing import Any, Callable, Dict, List, Mapping, Optional

from peekr.errors import ConfigurationError

Expression = Any
#: Names → values; values may hold further mappings, reached by dotted names.
Scope = Mapping[str, Any]

_ORDER: Dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_ARITHMETIC: Dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_BINARY = (*_ORDER, *_ARITHMETIC, "==", "!=")
_CHOICE: Dict[str, Callable[[List[Any]], Any]] = {"max": max, "min": min}
_LISTED = (*_CHOICE, "and", "or", "not")


def lookup(scope: Scope, path: str) -> Any:
    """Return the value of a dotted name, None where there is none."""
    value: Any = scope
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def evaluate(expression: Expression, scope: Scope, thresholds: Mapping[str, float]) -> Any:
    """Return the value of an expression that :func:`check` has passed. Pure; never raises."""
    if not isinstance(expression, Mapping):
        return expression
    if "agg" in expression:
        return lookup(scope, expression["agg"])
    if "threshold" in expression:
        return thresholds[expression["threshold"]]
    op = expression["op"]
    if op in _LISTED:
        return _listed(op, [evaluate(each, scope, thresholds) for each in expression["of"]])
    left = evaluate(expression["left"], scope, thresholds)
    right = evaluate(expression["right"], scope, thresholds)
    if op in ("==", "!="):
        return _same(left, right) == (op == "==")
    if not (_is_number(left) and _is_number(right)):
        return False if op in _ORDER else None
    if op in _ORDER:
        return _ORDER[op](left, right)
    return None if op == "/" and right == 0 else _ARITHMETIC[op](left, right)


def _listed(op: str, values: List[Any]) -> Any:
    if op == "and":
        return all(value is True for value in values)
    if op == "or":
        return any(value is True for value in values)
    if op == "not":
        return values[0] is not True
    numbers = [value for value in values if _is_number(value)]
    return _CHOICE[op](numbers) if numbers else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(left: Any, right: Any) -> bool:
    """As JavaScript's ``===``: true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def check(expression: Expression, thresholds: Mapping[str, float], where: str) -> None:
    """Refuse what :func:`evaluate` could not evaluate.

    :param where: what the message calls it.
    :raises ConfigurationError: naming what is wrong.
    """
    problem = _problem(expression, thresholds)
    if problem:
        raise ConfigurationError(
            f"{where} is no expression: {problem}.\nThe forms are listed in peekr_dashboard.diagnostics.expressions."
        )


def _problem(expression: Expression, thresholds: Mapping[str, float]) -> Optional[str]:
    if expression is None or isinstance(expression, (str, int, float, bool)):
        return None
    if not isinstance(expression, Mapping):
        return f"{expression!r} is a {type(expression).__name__}"
    if "agg" in expression:
        return None if isinstance(expression["agg"], str) else f"the aggregate {expression['agg']!r} is no text"
    if "threshold" in expression:
        name = expression["threshold"]
        return None if name in thresholds else f"there is no threshold {name!r}"
    op = expression.get("op")
    if op in _LISTED:
        parts = expression.get("of")
        if not isinstance(parts, (list, tuple)) or not parts or (op == "not" and len(parts) != 1):
            return f"{op!r} needs 'of' with {'one expression' if op == 'not' else 'a list of expressions'}"
    elif op in _BINARY:
        if "left" not in expression or "right" not in expression:
            return f"{op!r} needs 'left' and 'right'"
        parts = (expression["left"], expression["right"])
    else:
        return f"unknown operation {op!r}"
    return next(filter(None, (_problem(part, thresholds) for part in parts)), None)


# -- for writing rules in Python --------------------------------------------------------------------------------------


def value(name: Any) -> Expression:
    """Return what a text stands for in :func:`compare`: ``$x`` a threshold, any other text an aggregate."""
    if isinstance(name, str):
        return {"threshold": name[1:]} if name.startswith("$") else {"agg": name}
    return name


def compare(left: Any, op: str, right: Any) -> Expression:
    """Return a comparison or sum of two :func:`value`: ``compare("claims.total", ">=", "$claims")``."""
    return {"op": op, "left": value(left), "right": value(right)}


def every(*parts: Expression) -> Expression:
    """Return the condition that all parts hold."""
    return {"op": "and", "of": list(parts)}


def some(*parts: Expression) -> Expression:
    """Return the condition that one of the parts holds."""
    return {"op": "or", "of": list(parts)}
