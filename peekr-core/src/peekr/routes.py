"""Where the spans of one :class:`peekr.Trace` go, when it has a configuration or an exporter of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional

from peekr.sampling import Sampling

if TYPE_CHECKING:
    from peekr.lane import Lane
    from peekr.redaction import Redactor
    from peekr.spans import Span


class Route:
    """Carried by the scope of every span inside, so that exporters of others leave them alone.

    :ivar head: sampling rules of its own, or None.
    :ivar apart: whether it has an exporter of its own; otherwise the spans go where all others go.
    :ivar redactor: takes out of the spans what only this configuration calls secret.
    :ivar of: the route whose exporter it shares: of the trace, for a run with a configuration of its own.
    """

    __slots__ = ("apart", "head", "of", "redactor")

    def __init__(
        self,
        head: Optional[Sampling] = None,
        apart: bool = True,
        redactor: Optional[Redactor] = None,
        of: Optional[Route] = None,
    ) -> None:
        self.head = head
        self.apart = apart
        self.redactor = redactor
        self.of = of


def target_of(span: Span) -> Any:
    """Return the route whose exporter gets a span, None for the exporters of all."""
    route = span.scope.route
    if route is not None and route.of is not None:
        route = route.of
    return route if route is not None and route.apart else None


def share(lane: Lane, batch: List[Span]) -> List[Span]:
    """Return what of a batch is for a lane."""
    return [span for span in batch if target_of(span) is lane.route]
