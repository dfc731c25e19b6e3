"""What a comparison finds: data only."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import attrs

#: Version of the shape of ``--json``; additive changes keep it.
SCHEMA = 1
#: What can be different in a step. ``slower`` and ``faster`` are noise as a rule, the others are not.
TIMES = frozenset(("slower", "faster"))


@attrs.frozen
class Figures:
    """One side of a step: one span, or all spans of a name.

    :ivar duration_ms: of the span; the median of several.
    :ivar p95_ms: of several spans; None of one.
    :ivar own_ms: the duration without that of the steps inside; None of several.
    :ivar tokens: a span, on average.
    :ivar cost_usd: likewise; None where it is not known.
    :ivar scores: mean of each evaluator.
    :ivar per_trace: spans a trace, on average.
    """

    calls: int = 1
    errors: int = 0
    duration_ms: Optional[float] = None
    p95_ms: Optional[float] = None
    own_ms: Optional[float] = None
    tokens: float = 0
    cost_usd: Optional[float] = None
    scores: Mapping[str, float] = attrs.field(factory=dict)
    models: List[str] = attrs.field(factory=list)
    error: Optional[str] = None
    per_trace: Optional[float] = None


@attrs.frozen
class Step:
    """One place in the structure of both sides; a side is None where it has no such step.

    :ivar changed: of ``output input error model tokens cost scores calls added removed slower faster``.
    """

    name: str
    kind: str
    depth: int
    a: Optional[Figures]
    b: Optional[Figures]
    changed: List[str]
    span_a: Optional[str] = None
    span_b: Optional[str] = None


@attrs.frozen
class Output:
    """A step that returned something else.

    :ivar same_input: whether it was given the same; if so, the cause is in the step or below it.
    :ivar cause: whether it is likely to be where the difference begins: nothing inside of it is different, too.
    :ivar times: for how many inputs.
    """

    name: str
    kind: str
    same_input: bool
    cause: bool
    input: Any
    a: str
    b: str
    times: int = 1
    span_a: Optional[str] = None
    span_b: Optional[str] = None


@attrs.frozen
class Whole:
    """One side.

    :ivar label: what it is called in the lines below.
    :ivar title: what was compared: a file, a trace, a time.
    :ivar duration_ms: of the trace; the median of several.
    """

    label: str
    title: str
    traces: int
    spans: int
    errors: int
    tokens: int
    cost_usd: Optional[float]
    duration_ms: Optional[float]
    start_time: Optional[float] = None


@attrs.frozen
class Report:
    """The result.

    :ivar mode: ``traces`` (one with one, span by span) or ``groups`` (many with many, by the names of steps).
    :ivar left_out: what was not compared because there was too much of it, as sentences.
    """

    mode: str
    a: Whole
    b: Whole
    outputs: List[Output]
    steps: List[Step]
    left_out: List[str]

    @property
    def changed(self) -> List[Step]:
        """The steps in which anything is different."""
        return [step for step in self.steps if step.changed]

    def differs(self, times: bool = False) -> bool:
        """Whether something is different; ``times`` counts being slower, too."""
        seen = {change for step in self.steps for change in step.changed}
        return bool(self.outputs) or bool(seen - TIMES) or (times and "slower" in seen)

    def data(self, times: bool = False) -> Dict[str, Any]:
        """Return it as JSON data."""
        return {"schema": SCHEMA, "different": self.differs(times), **attrs.asdict(self)}
