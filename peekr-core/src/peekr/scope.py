"""What a whole trace or session shares: tenant, user, session, retention, sampling, tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional

import attrs

if TYPE_CHECKING:
    from peekr.frameworks import FrameworkCall


@attrs.define(slots=True, frozen=True)
class Scope:
    """The values that a span takes over from its session or parent; shared, therefore immutable.

    :ivar sampled: the trace's decision when it was made elsewhere (a remote parent, a sampler);
        ``None`` leaves it to the sample rate.
    :ivar tags: attributes that every span inside carries, for instance ``experiment_variant``.
    :ivar muted: nothing of it is recorded, see :func:`peekr.context.untraced`.
    :ivar framework: the framework's LLM call that the span is a part of, see :mod:`peekr.frameworks`.
    """

    tenant_id: Optional[str] = None
    retention_class: Optional[str] = None
    user_id: Optional[str] = None
    session_id: Optional[str] = None
    sampled: Optional[bool] = None
    tags: Optional[Mapping[str, Any]] = None
    muted: bool = False
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
