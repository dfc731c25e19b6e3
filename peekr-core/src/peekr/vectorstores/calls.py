"""One call of a vector store: one span, whatever the SDK does for it inside."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import attrs

from peekr.capture import FUNCTION_LIMIT, LLM_LIMIT, cut, text
from peekr.context import current
from peekr.patching import note_failure
from peekr.spans import Span, current_of
from peekr.tracer import Tracer
from peekr.vectorstores.failures import failure_attributes
from peekr.vectorstores.values import ITEMS, TEXT, known, outline

Attributes = Dict[str, Any]
Arguments = Dict[str, Any]
_PLAIN = frozenset((str, int, float))
#: Gets the object that is called and the named arguments.
Reader = Callable[[Any, Arguments], Mapping[str, Any]]
#: Told when a result that is still to come is there: gets the result, and the exception if there is one instead.
Settle = Callable[[Any, Optional[BaseException]], None]


@attrs.frozen
class Content:
    """What is to be shown of a result.

    :ivar shown: what ``attributes["output"]`` is made of; None for nothing.
    :ivar documents: the texts that were found: dicts with ``text``, and ``id`` and ``score`` where they are known.
    """

    shown: Any = None
    documents: List[Attributes] = attrs.field(factory=list)


@attrs.frozen
class Operation:
    """What is to be told of a method. The functions are pure, and may raise: then the span lacks what they tell.

    :ivar name: of the span.
    :ivar given: gets the object and the named arguments, those with a default that are missing too; returns
        attributes: counts and names, no content.
    :ivar counts: gets the result; returns attributes: counts and names, no content.
    :ivar content: gets the result; only asked where content is recorded.
    :ivar query: the text that is searched for, if it is one.
    :ivar filters: names of the arguments that restrict what is looked at.
    """

    name: str
    given: Reader
    counts: Callable[[Any], Mapping[str, Any]]
    content: Callable[[Any], Content] = Content  # the result as it is
    query: Optional[Callable[[Arguments], Optional[str]]] = None
    filters: Tuple[str, ...] = ()


class Calls:
    """Records the calls of one SDK.

    :ivar tracer: None while nothing is traced: then the wrapped methods do what they did before.
    :ivar operations: by the name of the method.
    """

    def __init__(
        self,
        store: str,
        operations: Mapping[str, Operation],
        later: Callable[[Any, Settle], bool] = lambda result, settle: False,
    ) -> None:
        """Make it for one SDK.

        :param store: its name, for messages.
        :param later: gets a result; if that is only a promise, sees to it that ``settle`` is called, and returns True.
        """
        self.tracer: Optional[Tracer] = None
        self.operations = operations
        self._store = store
        self._later = later
        self._open: Dict[Span, Tuple[Any]] = {}

    def wrapper(self, operation: Operation, method: str) -> Callable[[Any], Any]:
        """Return what makes the traced method of the original one."""

        def make(original: Any) -> Any:
            traced = _Method(self, operation, method, original)
            if inspect.iscoroutinefunction(inspect.unwrap(original)):
                return traced.asynchronous()
            return traced.synchronous()

        return make

    # -- one call: never raises -----------------------------------------------------------------------------------

    def is_inside(self, owner: Any) -> bool:
        """Whether this is a step of another call of the same object, in whatever thread or task."""
        around = current_of(current.get())
        return around is not None and self._open.get(around, (None,))[0] is owner

    def begin(self, tracer: Tracer, method: _Method, owner: Any, arguments: Arguments) -> Span:
        """Start a span and tell what the call is about."""
        operation = method.operation
        span = tracer.start(operation.name, kind="retrieval")
        self._open[span] = (owner,)
        attributes = span.attributes
        attributes["method"] = method.name
        try:
            attributes.update(known(operation.given(owner, {**method.defaults, **arguments})))
            if tracer.capture_io:
                asked = known(arguments)
                attributes["input"] = text(outline(asked), LLM_LIMIT)
                for name in operation.filters:
                    if asked.get(name):
                        attributes["filter"] = text(outline(asked[name]), FUNCTION_LIMIT)
                query = operation.query(arguments) if operation.query is not None else None
                if query:
                    attributes["rag.query"] = cut(query, LLM_LIMIT)
        except Exception as failure:
            note_failure(f"reading the arguments of {operation.name}", failure)
        return span

    def returned(self, tracer: Tracer, operation: Operation, span: Span, result: Any) -> None:
        """End the span, now or when the result that is promised is there."""

        def settle(value: Any, error: Optional[BaseException]) -> None:
            self.end(tracer, operation, span, value, error)

        try:
            if self._later(result, settle):
                return
        except Exception as failure:
            note_failure(f"waiting for the result of {operation.name}", failure)
        settle(result, None)

    def end(
        self, tracer: Tracer, operation: Operation, span: Span, result: Any, error: Optional[BaseException] = None
    ) -> None:
        """End the span with what came of the call; once."""
        if self._open.pop(span, None) is None:
            return
        try:
            if error is not None:
                span.attributes.update(failure_attributes(error))
            else:
                span.attributes.update(known(operation.counts(result)))
                if tracer.capture_io:
                    _note_content(span.attributes, operation.content(result))
        except Exception as failure:
            note_failure(f"reading the result of {operation.name}", failure)
        tracer.end(span, error)


def _note_content(attributes: Attributes, content: Content) -> None:
    if content.shown is not None:
        attributes["output"] = text(outline(content.shown), LLM_LIMIT)
    if content.documents:
        attributes["rag.retrieved_docs"] = [
            {
                **{name: value if type(value) in _PLAIN else outline(value) for name, value in known(one).items()},
                "text": cut(one["text"], TEXT),
            }
            for one in content.documents[:ITEMS]
        ]


class _Method:
    """A method of the SDK, and how it is called.

    :ivar defaults: of its arguments.
    """

    __slots__ = ("_names", "calls", "defaults", "name", "operation", "original")

    def __init__(self, calls: Calls, operation: Operation, name: str, original: Any) -> None:
        self.calls = calls
        self.operation = operation
        self.name = name
        self.original = original
        parameters = inspect.signature(original).parameters.values()
        self._names = [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
        self.defaults = {one.name: one.default for one in parameters if one.default is not one.empty}

    def begin(self, args: Tuple[Any, ...], kwargs: Arguments) -> Tuple[Optional[Tracer], Any]:
        """Return the tracer and the open span; no tracer if the call is not to be recorded."""
        calls, owner = self.calls, args[0] if args else None
        tracer = calls.tracer
        if tracer is None or calls.is_inside(owner):
            return None, None
        arguments = dict(zip(self._names[1:], args[1:]))
        arguments.update(kwargs)
        return tracer, calls.begin(tracer, self, owner, arguments)

    def synchronous(self) -> Any:
        original, calls, operation, begin = self.original, self.calls, self.operation, self.begin

        @wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            tracer, span = begin(args, kwargs)
            if tracer is None:
                return original(*args, **kwargs)
            token = tracer.activate(span)
            try:
                result = original(*args, **kwargs)
            except BaseException as error:
                tracer.deactivate(token)
                calls.end(tracer, operation, span, None, error)
                raise
            tracer.deactivate(token)
            calls.returned(tracer, operation, span, result)
            return result

        return call

    def asynchronous(self) -> Any:
        original, calls, operation, begin = self.original, self.calls, self.operation, self.begin

        @wraps(original)
        async def call(*args: Any, **kwargs: Any) -> Any:
            tracer, span = begin(args, kwargs)
            if tracer is None:
                return await original(*args, **kwargs)
            token = tracer.activate(span)
            try:
                result = await original(*args, **kwargs)
            except BaseException as error:
                tracer.deactivate(token)
                calls.end(tracer, operation, span, None, error)
                raise
            tracer.deactivate(token)
            calls.end(tracer, operation, span, result)
            return result

        return call
