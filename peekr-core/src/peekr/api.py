"""``peekr.trace``: the decorator, and the agent vocabulary on the same object."""

from __future__ import annotations

from typing import Any, Callable, Optional, TypeVar, Union, overload

from peekr.agent import Trace, get_trace
from peekr.agent_words import AgentMethods
from peekr.decorator import decorate

F = TypeVar("F", bound=Callable[..., Any])


class _Trace(AgentMethods):
    """Called, it decorates: ``@trace``, ``@trace(name="tool.search", capture_io=False)``, ``trace(function)``.

    As an object it speaks of agents: ``with trace.run("name"):``, ``trace.llm(...)``, ``trace.tool(...)``, each
    handed on to :func:`peekr.get_trace`.
    """

    @overload
    def __call__(self, function: F, *, name: Optional[str] = None, capture_io: bool = True) -> F: ...

    @overload
    def __call__(
        self, function: None = None, *, name: Optional[str] = None, capture_io: bool = True
    ) -> Callable[[F], F]: ...

    def __call__(
        self, function: Optional[F] = None, *, name: Optional[str] = None, capture_io: bool = True
    ) -> Union[F, Callable[[F], F]]:
        """Trace a function: a span for each call, with its arguments and result, or its exception.

        Works on functions, methods, static and class methods, coroutines, generators and async generators.
        The wrapped function keeps its name, docstring and signature.

        :param name: of the span; ``module.function`` by default.
        :param capture_io: False leaves arguments and result out.
        :raises TypeError: if what is decorated is no function.
        """
        if name is not None and not isinstance(name, str):
            raise TypeError(f"@trace(name=...) takes text, not {name!r}. Write @trace(name='tool.search')")
        if function is None:
            return lambda decorated: decorate(decorated, name, capture_io)
        if isinstance(function, str):
            raise TypeError(f"@trace({function!r}) names no function. Write @trace(name={function!r})")
        return decorate(function, name, capture_io)  # type: ignore[no-any-return]

    @property
    def _target(self) -> Trace:
        return get_trace()

    def __repr__(self) -> str:
        return "<peekr.trace>"


trace = _Trace()
