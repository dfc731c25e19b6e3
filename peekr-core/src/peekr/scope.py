"""What a whole trace or session shares: tenant, user, session, retention, sampling, tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional

import attrs

if TYPE_CHECKING:
    from peekr.frameworks import FrameworkCall
    from peekr.routes import Route


class Remote:
    """The caller in another process whose trace is continued here.

    :ivar span_id: of the caller's span, as its ``traceparent`` names it.
    :ivar open: whether the request is still at work here: the ``extract`` block has not been left.
    """

    __slots__ = ("open", "span_id")

    def __init__(self, span_id: str) -> None:
        self.span_id = span_id
        self.open = True


@attrs.define(slots=True, frozen=True)
class Scope:
    """The values that a span takes over from its session or parent; shared, therefore immutable.

    :ivar sampled: the trace's decision when it was made elsewhere (a remote parent, a sampler);
        ``None`` leaves it to the sample rate.
    :ivar tags: attributes that every span inside carries, for instance ``experiment_variant``.
    :ivar muted: nothing of it is recorded, see :func:`peekr.context.untraced`.
    :ivar remote: the caller in another process that the spans inside work for.
    :ivar route: of the :class:`peekr.Trace` that the spans inside belong to, if it has rules of its own.
    :ivar framework: the framework's LLM call that the span is a part of, see :mod:`peekr.frameworks`.
    """

    tenant_id: Optional[str] = None
    retention_class: Optional[str] = None
    user_id: Optional[str] = None
    session_id: Optional[str] = None
    sampled: Optional[bool] = None
    tags: Optional[Mapping[str, Any]] = None
    muted: bool = False
    remote: Optional[Remote] = attrs.field(default=None, eq=False, repr=False)
    route: Optional[Route] = attrs.field(default=None, eq=False, repr=False)
    framework: Optional[FrameworkCall] = attrs.field(default=None, eq=False, repr=False)

    def with_values(self, **values: Any) -> Scope:
        """Return a copy with the given fields replaced; ``None`` leaves a field as it is."""
        given = {name: value for name, value in values.items() if value is not None}
        return attrs.evolve(self, **given) if given else self


class RootScope:
    """Holds the scope of spans outside every session; :func:`peekr.instrument` replaces its value."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = Scope()


#: Read once per root span, so an attribute rather than a function.
root_scope = RootScope()
