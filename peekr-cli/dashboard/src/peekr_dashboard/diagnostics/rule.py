"""A diagnostic rule: data, so that the page evaluates it again on whatever is filtered."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

import attrs

from peekr.errors import ConfigurationError
from peekr_dashboard.diagnostics import expressions
from peekr_dashboard.diagnostics.expressions import Expression

#: From the worst to the best, which is the order of the cards (contract DIAG-13).
SEVERITIES = ("high", "medium", "low", "info", "good")
#: Those of a problem.
PROBLEMS = SEVERITIES[:3]


@attrs.define(slots=True, frozen=True)
class Fix:
    """A fix that is only given where a condition holds."""

    text: str
    when: Expression


def _texts(given: Iterable[str]) -> Tuple[str, ...]:
    return tuple(given)


def _fixes(given: Iterable[Union[str, Fix]]) -> Tuple[Union[str, Fix], ...]:
    return tuple(given)


@attrs.define(slots=True, frozen=True, kw_only=True)
class Rule:
    """When something is wrong (or right), why, and what to do.

    :ivar id: stable; several rules may share one where one problem shows in different ways.
    :ivar severity: one of :data:`SEVERITIES`.
    :ivar when: the condition, in the form of :mod:`~peekr_dashboard.diagnostics.expressions`, over the names of
        :func:`~peekr_dashboard.diagnostics.aggregation.aggregates`.
    :ivar title: what was seen, as a template of :mod:`~peekr_dashboard.diagnostics.texts`; so cause and fixes.
    :ivar cause: why that is likely so, in plain English.
    :ivar fixes: what to do, in order; concrete.
    :ivar thresholds: numbers of the condition by name.
    :ivar escalate: severity → condition under which it applies instead; the first that holds, worst first.
    :ivar each: name of a list aggregate: the rule is evaluated for each item, as ``item``.
    :ivar limit: cards at most, of a rule with ``each``; the items come worst first.
    :ivar numbers: aggregates shown as evidence.
    :ivar calls: name of the spans shown as evidence (``aggregates["examples"][calls]``); those of ``item`` have
        ``item.calls``.
    :ivar last: evaluated after the others, with the number of their cards as ``cards.high`` … and ``cards.problems``.
    """

    id: str
    severity: str
    when: Expression
    title: str
    cause: str
    fixes: Tuple[Union[str, Fix], ...] = attrs.field(converter=_fixes)
    thresholds: Mapping[str, float] = attrs.field(factory=dict)
    escalate: Mapping[str, Expression] = attrs.field(factory=dict)
    each: Optional[str] = None
    limit: int = 5
    numbers: Tuple[str, ...] = attrs.field(default=(), converter=_texts)
    calls: Optional[str] = None
    last: bool = False

    def __attrs_post_init__(self) -> None:
        for severity in (self.severity, *self.escalate):
            if severity not in SEVERITIES:
                raise ConfigurationError(
                    f"rule {self.id!r} has the severity {severity!r}.\nGive one of: {', '.join(SEVERITIES)}."
                )
        for condition in (self.when, *self.escalate.values(), *self._fix_conditions()):
            expressions.check(condition, self.thresholds, f"a condition of rule {self.id!r}")

    def _fix_conditions(self) -> List[Expression]:
        return [fix.when for fix in self.fixes if isinstance(fix, Fix)]

    def as_dict(self) -> Dict[str, Any]:
        """Return the rule as JSON values, as the page gets it."""
        out = {name: getattr(self, name) for name in ("id", "severity", "when", "title", "cause")}
        out["fixes"] = [attrs.asdict(fix) if isinstance(fix, Fix) else fix for fix in self.fixes]
        out.update(thresholds=dict(self.thresholds), escalate=dict(self.escalate), each=self.each, limit=self.limit)
        out.update(numbers=list(self.numbers), calls=self.calls, last=self.last)
        return out

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Rule:
        """Return the rule of such an object, as a JSON file may hold it.

        :raises ConfigurationError: if something is missing, unknown, or no expression.
        """
        given = dict(values)
        fixes = [Fix(**fix) if isinstance(fix, Mapping) else fix for fix in given.pop("fixes", ())]
        try:
            return cls(**given, fixes=fixes)
        except TypeError as error:
            raise ConfigurationError(
                f"rule {given.get('id')!r}: {error}.\nThe fields are those of peekr_dashboard.diagnostics.Rule."
            ) from error


@attrs.define(slots=True, frozen=True)
class Card:
    """What one rule has to say (contract IFACE-14).

    :ivar evidence: ``{"scope": "selection" or "whole file", "numbers": {…}, "calls": [{"trace_id", "span_id", …}]}``,
        and ``"item"`` of a rule with ``each``.
    """

    rule: str
    severity: str
    title: str
    cause: str
    fixes: Tuple[str, ...] = attrs.field(converter=_texts)
    evidence: Mapping[str, Any] = attrs.field(factory=dict)

    def as_dict(self) -> Dict[str, Any]:
        """Return it as JSON values."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "title": self.title,
            "cause": self.cause,
            "fixes": list(self.fixes),
            "evidence": dict(self.evidence),
        }
