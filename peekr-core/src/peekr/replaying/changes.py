"""The one thing that a replay changes: pure functions of a request and of where its provider keeps what."""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

import attrs

from peekr.errors import ReplayError
from peekr.replaying import Request, Shape
from peekr.replaying.memories import rearranged
from peekr.spans import Span

Messages = Callable[[Span, List[Any]], List[Any]]
Memories = Callable[[Span, List[Any]], Sequence[Any]]
_SYSTEM_ROLES = ("system", "developer")


@attrs.frozen
class Changes:
    """What is different from the recorded calls; all None and empty: nothing.

    :ivar messages: function of the recorded span and its messages, as its API has them; returns those to send.
    :ivar parameters: by name, or by a path such as ``generationConfig.temperature``; None takes one away.
    :ivar memories: function of the recorded span and the memories recalled for it; returns those to put in their
        places, in order.
    """

    model: Optional[str] = None
    system: Optional[str] = None
    messages: Optional[Messages] = None
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    memories: Optional[Memories] = None

    def __attrs_post_init__(self) -> None:
        """Refuse what would only fail after the first calls were paid.

        :raises ReplayError: naming the argument.
        """
        for name, wanted, fits in (
            ("model", "a text", isinstance(self.model, (str, type(None)))),
            ("system", "a text", isinstance(self.system, (str, type(None)))),
            ("messages", "a function of the span and its messages", self.messages is None or callable(self.messages)),
            ("parameters", 'a mapping such as {"temperature": 0}', isinstance(self.parameters, Mapping)),
            ("memories", "a function of the span and its memories", self.memories is None or callable(self.memories)),
        ):
            if not fits:
                raise ReplayError(f"{name}={getattr(self, name)!r} changes nothing.\n{name} must be {wanted}")

    def names(self) -> List[str]:
        """Return what is changed: ``["model", "parameters"]``."""
        return [field.name for field in attrs.fields(Changes) if getattr(self, field.name) not in (None, {})]

    def apply(self, span: Span, request: Request, shape: Shape, recalled: Sequence[Any] = ()) -> Request:
        """Return a changed copy of the request.

        :param recalled: memories of the last recall before the call.
        :raises ReplayError: if this kind of request has no such thing.
        """
        out = copy.deepcopy(request)
        if self.model is not None:
            put(out, shape.model, self.model)
        if self.memories is not None and recalled:
            _conversation(span, shape)
            chosen = _called("memories", self.memories, span, [copy.deepcopy(each) for each in recalled])
            out = rearranged(out, recalled, chosen)
        if self.messages is not None:
            where = _conversation(span, shape)
            given = _called("messages", self.messages, span, _listed(found(out, where), shape))
            put(out, where, given)
        if self.system is not None:
            _set_system(out, self.system, span, shape)
        for name, value in self.parameters.items():
            put(out, path_of(name, out, shape), value)
        return out


def _called(what: str, function: Callable[[Span, List[Any]], Any], span: Span, given: List[Any]) -> List[Any]:
    result = function(span, given)
    if isinstance(result, (str, bytes, Mapping)) or not isinstance(result, Sequence):
        raise ReplayError(
            f"the function {what}= returned {type(result).__name__} for {span.name} ({span.span_id}).\n"
            f"It must return a list of {what}"
        )
    return list(result)


def _conversation(span: Span, shape: Shape) -> str:
    if shape.messages is None:
        raise ReplayError(f"{span.name} ({span.span_id}) has no messages to change.\nChange something else")
    return shape.messages


def _listed(given: Any, shape: Shape) -> List[Any]:
    if isinstance(given, list):
        return given
    return [] if given is None else [shape.message(given) if isinstance(given, str) else given]


def _set_system(request: Request, text: str, span: Span, shape: Shape) -> None:
    where = _conversation(span, shape)
    if shape.system is not None:
        put(request, shape.system, shape.as_system(text))
    messages = _listed(found(request, where), shape)
    leading = [at for at, message in enumerate(messages) if _role(message) in _SYSTEM_ROLES]
    if shape.system is None:
        role = _role(messages[leading[0]]) if leading else "system"
        rest = [message for at, message in enumerate(messages) if at not in leading]
        put(request, where, [{"role": role, "content": text}, *rest])
    elif leading:  # an API that takes both: the prompt must not stand there twice
        put(request, where, [message for at, message in enumerate(messages) if at not in leading])


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, Mapping) else None


# -- paths -----------------------------------------------------------------------------------------------------------


def path_of(name: str, request: Request, shape: Shape) -> str:
    """Return where a parameter is, or would be, in a request."""
    if "." in name or name in request or name in shape.top:
        return name
    known = shape.names.get(name)
    if known is not None:
        return known
    return name if shape.inside is None else f"{shape.inside}.{name}"


def found(request: Mapping[str, Any], path: str) -> Any:
    """Return what is at a path, or None."""
    value: Any = request
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def put(request: Request, path: str, value: Any) -> None:
    """Set what is at a path, and the objects on the way; None takes it away."""
    *way, last = path.split(".")
    inside: Dict[str, Any] = request
    for name in way:
        if not isinstance(inside.get(name), dict):
            inside[name] = {}
        inside = inside[name]
    if value is None:
        inside.pop(last, None)
    else:
        inside[last] = value
