"""The rules in force: those of the entry-point group ``peekr.diagnostics``, ours and strangers' alike.

An entry is a :class:`~peekr_dashboard.diagnostics.rule.Rule`, its JSON object, or a list of such: these are evaluated
again in the page on whatever is filtered. Or it is Python code: a function, or a class with a method ``diagnose``,
that takes the aggregates and, where it has a second parameter, the store; it returns cards (or their dicts). What it
says is of the whole file, and is marked so.
"""

from __future__ import annotations

import inspect
import logging
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

import attrs

from peekr import ReadStore
from peekr.plugins import load_group
from peekr_dashboard.diagnostics.evaluation import WHOLE_FILE, Aggregates
from peekr_dashboard.diagnostics.rule import SEVERITIES, Card, Rule

logger = logging.getLogger("peekr")
GROUP = "peekr.diagnostics"
#: Of ours, in the order in which cards of one severity stand; those of others follow.
_ORDER = (
    "judge-unavailable", "error-spikes", "hallucination-drift", "memory-rank-drop", "invented-citations",
    "high-contradiction", "out-of-context", "channel-concentration", "tool-reliability", "unbounded-history",
    "no-scores", "trace-integrity", "citations-grounded", "healthy",
)  # fmt: skip
_UNKNOWN_TITLE = "(no title)"

Code = Callable[..., Any]


@attrs.define(slots=True)
class Rules:
    """:ivar data: rules as data.

    :ivar code: rules as Python code, by name.
    """

    data: List[Rule] = attrs.Factory(list)
    code: List[Tuple[str, Code]] = attrs.Factory(list)

    def as_dicts(self) -> List[Dict[str, Any]]:
        """Return the rules that the page gets."""
        return [rule.as_dict() for rule in self.data]

    def run_code(self, aggregates: Aggregates, store: Optional[ReadStore]) -> List[Card]:
        """Return the cards of the rules in Python. One that fails is logged, and has none."""
        cards: List[Card] = []
        for name, code in self.code:
            try:
                cards.extend(_marked(name, each) for each in _called(code, aggregates, store))
            except Exception as error:
                logger.warning("the diagnostic rule %r failed: %s: %s", name, type(error).__name__, error)
        return cards


def installed_rules() -> Rules:
    """Return the rules of all installed plugins; those that cannot be loaded are reported and skipped."""
    found = Rules()
    for name, entry in load_group(GROUP):
        try:
            _add(found, name, entry)
        except Exception as error:
            logger.warning("the diagnostic rule %r is skipped: %s", name, str(error).splitlines()[0])
    known = {rule_id: place for place, rule_id in enumerate(_ORDER)}
    found.data.sort(key=lambda rule: known.get(rule.id, len(known)))
    return found


def _add(rules: Rules, name: str, entry: Any) -> None:
    if isinstance(entry, Rule):
        rules.data.append(entry)
    elif isinstance(entry, Mapping):
        rules.data.append(Rule.from_dict(entry))
    elif isinstance(entry, (list, tuple)):
        for each in entry:
            _add(rules, name, each)
    elif inspect.isclass(entry):
        _add(rules, name, entry())
    elif callable(getattr(entry, "diagnose", None)):
        rules.code.append((str(getattr(entry, "id", name)), entry.diagnose))
    elif callable(entry):
        rules.code.append((name, entry))
    else:
        raise TypeError(f"it is neither a rule nor code, but {type(entry).__name__}")


def _called(code: Code, aggregates: Aggregates, store: Optional[ReadStore]) -> Iterable[Any]:
    takes_store = len(inspect.signature(code).parameters) > 1
    found = code(aggregates, store) if takes_store else code(aggregates)
    return [found] if isinstance(found, (Card, Mapping)) else list(found or ())


def _marked(name: str, found: Any) -> Card:
    given: Mapping[str, Any] = found.as_dict() if isinstance(found, Card) else found
    severity = given.get("severity")
    if severity not in SEVERITIES:
        raise ValueError(f"its severity is {severity!r}, and none of {', '.join(SEVERITIES)}")
    fixes = given.get("fixes") or ()
    return Card(
        rule=str(given.get("rule") or name),
        severity=severity,
        title=str(given.get("title") or _UNKNOWN_TITLE) + f" ({WHOLE_FILE})",
        cause=str(given.get("cause") or ""),
        fixes=[fixes] if isinstance(fixes, str) else [str(fix) for fix in fixes],
        evidence={**dict(given.get("evidence") or {}), "scope": WHOLE_FILE},
    )
