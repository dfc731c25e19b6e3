"""The agent vocabulary: runs, and what happens in them, written as ordinary spans."""

from __future__ import annotations

import functools
import inspect
import logging
import traceback as tracebacks
from contextvars import Token
from copy import copy
from types import TracebackType
from typing import Any, Callable, Dict, List, Optional, Tuple, Type

from peekr.agent_steps import STEPS, Step, Writer
from peekr.capture import document
from peekr.context import current, leave
from peekr.delivery import delivery
from peekr.events import BaseEvent
from peekr.ids import RawId
from peekr.settings import settings
from peekr.spans import Parent, Span, describe_error
from peekr.tracer import close_span, open_span

logger = logging.getLogger("peekr")

#: The runs that are open, by span id. Which of them is active follows from the current span's own run.
_open_runs: Dict[RawId, TraceContext] = {}


def active_run() -> Optional[TraceContext]:
    """Return the innermost open run around the current span, or None."""
    return run_of(current.get())


def run_of(place: Parent) -> Optional[TraceContext]:
    """Return the innermost open run around a span or place, or None."""
    return _open_runs.get(place._run) if place is not None and place._run is not None else None


class AgentMethods:
    """The emitters, the same on a :class:`TraceContext`, a :class:`Trace` and ``peekr.trace``.

    Each returns the event, or None outside of a run, in an unsampled one, and after the final answer. They run
    in the caller's thread and never raise. ``duration_ms`` (or ``latency_ms``) may be given to each.
    """

    @property
    def _target(self) -> Any:
        raise NotImplementedError

    def run(self, run_name: str, **options: Any) -> Run:
        """Open a run: ``with trace.run("name", agent_type=, user_id=, session_id=) as ctx:``; a decorator too."""
        return self._target.run(run_name, **options)  # type: ignore[no-any-return]

    def llm(self, model: str, prompt: Any = None, response: Any = None, **fields: Any) -> Optional[BaseEvent]:
        """Record an LLM call; ``prompt_tokens``, ``completion_tokens`` and ``total_tokens`` are counted as usage."""
        return self._emit("llm", model=model, prompt=prompt, response=response, **fields)

    def tool(
        self, tool_name: str, tool_args: Any = None, tool_result: Any = None, tool_type: Any = None, **fields: Any
    ) -> Optional[BaseEvent]:
        """Record a tool call."""
        return self._emit(
            "tool", tool_name=tool_name, tool_args=tool_args, tool_result=tool_result, tool_type=tool_type, **fields
        )

    def memory_read(
        self, memory_key: str, memory_value: Any = None, memory_type: Any = None, **fields: Any
    ) -> Optional[BaseEvent]:
        """Record what was read from memory."""
        return self._emit(
            "memory_read", memory_key=memory_key, memory_value=memory_value, memory_type=memory_type, **fields
        )

    def memory_write(
        self,
        memory_key: str,
        memory_value: Any = None,
        memory_type: Any = None,
        overwrite: bool = False,
        **fields: Any,
    ) -> Optional[BaseEvent]:
        """Record what was written to memory."""
        return self._emit(
            "memory_write",
            memory_key=memory_key,
            memory_value=memory_value,
            memory_type=memory_type,
            overwrite=overwrite,
            **fields,
        )

    def error(
        self, error_type: str, error_message: str, stack_trace: Any = None, critical: bool = False, **fields: Any
    ) -> Optional[BaseEvent]:
        """Record an error; the run ends as failed."""
        return self._emit(
            "error",
            error_type=error_type,
            error_message=error_message,
            stack_trace=stack_trace,
            critical=critical,
            **fields,
        )

    def final(self, answer: Any, answer_type: Any = None, success: bool = True, **fields: Any) -> Optional[BaseEvent]:
        """Record the final answer; the run takes no events after it. ``success=False`` fails the run."""
        return self._emit("final", answer=answer, answer_type=answer_type, success=success, **fields)

    def emit(self, event: BaseEvent) -> Optional[BaseEvent]:
        """Record an event of your own; ``run_id`` and ``parent_event_id`` are filled in where they are empty."""
        return self._emit("custom", event=event)

    def agent_spawn(self, agent_id: str, agent_name: str, **fields: Any) -> Optional[BaseEvent]:
        """Record that an agent was started: agent_role, parent_run_id, agent_config."""
        return self._emit("agent_spawn", agent_id=agent_id, agent_name=agent_name, **fields)

    def agent_join(self, agent_id: str, agent_name: str, **fields: Any) -> Optional[BaseEvent]:
        """Record that an agent joined a group: group_id."""
        return self._emit("agent_join", agent_id=agent_id, agent_name=agent_name, **fields)

    def agent_leave(self, agent_id: str, agent_name: str, **fields: Any) -> Optional[BaseEvent]:
        """Record that an agent left a group: group_id, reason."""
        return self._emit("agent_leave", agent_id=agent_id, agent_name=agent_name, **fields)

    def agent_communication(
        self, from_agent_id: str, from_agent_name: str, message_content: Any, **fields: Any
    ) -> Optional[BaseEvent]:
        """Record a message: to_agent_id, to_agent_name, message_type, group_id."""
        fields.setdefault("message_type", "message")
        return self._emit(
            "agent_communication",
            from_agent_id=from_agent_id,
            from_agent_name=from_agent_name,
            message_content=message_content,
            **fields,
        )

    def agent_handoff(
        self, from_agent_id: str, from_agent_name: str, to_agent_id: str, to_agent_name: str, **fields: Any
    ) -> Optional[BaseEvent]:
        """Record a hand-off: handoff_reason, context_summary."""
        return self._emit(
            "agent_handoff",
            from_agent_id=from_agent_id,
            from_agent_name=from_agent_name,
            to_agent_id=to_agent_id,
            to_agent_name=to_agent_name,
            **fields,
        )

    def task_assign(self, task_id: str, task_name: str, **fields: Any) -> Optional[BaseEvent]:
        """Record an assignment: assigned_to_agent_id, assigned_to_agent_name, assigned_by_agent_id, priority, …"""
        return self._emit("task_assignment", task_id=task_id, task_name=task_name, **fields)

    def task_complete(self, task_id: str, task_name: str, **fields: Any) -> Optional[BaseEvent]:
        """Record a completion: completed_by_agent_id, success, result, completion_time_ms, …"""
        return self._emit("task_completion", task_id=task_id, task_name=task_name, **fields)

    def get_active_context(self) -> Optional[TraceContext]:
        """Return the innermost run of this thread or task, or None."""
        return active_run()

    def flush(self, timeout: float = 5.0) -> bool:
        """As :func:`peekr.flush`."""
        from peekr.lifecycle import flush

        return flush(timeout)

    def shutdown(self, timeout_ms: float = 5000) -> bool:
        """As :func:`peekr.shutdown`, in milliseconds."""
        from peekr.lifecycle import shutdown

        return shutdown(timeout_ms / 1000)

    def _emit(self, step: str, /, **fields: Any) -> Optional[BaseEvent]:
        return self._target._emit(step, **fields)  # type: ignore[no-any-return]


class TraceContext(AgentMethods):
    """An open run: what ``with trace.run(...) as ctx`` yields. Falsy when the run is not recorded.

    :ivar run_id: the run's span id.
    """

    def __init__(self, span: Optional[Span]) -> None:
        self._span = span
        self._finished = False
        self.run_id = span.span_id if span is not None else ""

    def __bool__(self) -> bool:
        return self._span is not None

    @property
    def trace_id(self) -> str:
        """The trace that the run belongs to."""
        return self._span.trace_id if self._span is not None else ""

    def run(self, run_name: str, **options: Any) -> Run:
        """Open a nested run."""
        return Run(run_name, **options)

    def _emit(self, step: str, /, **fields: Any) -> Optional[BaseEvent]:
        run = self._span
        if run is None:
            return None
        if self._finished or run.ended:
            logger.warning("run %r has ended: the %s event is not recorded", run.name, step)
            return None
        try:
            return self._record(STEPS[step], run, fields)
        except Exception as error:  # never into the traced program
            logger.warning("the %s event of run %r was not recorded: %s", step, run.name, error, exc_info=error)
            return None

    def _record(self, step: Step, run: Span, fields: Dict[str, Any]) -> BaseEvent:
        duration = fields.pop("duration_ms", None)
        latency = fields.pop("latency_ms", None)
        writer = Writer(run, self._parent_for(run), duration if duration is not None else latency)
        event = writer.write(step, fields)
        if step.ends_run:
            self._finished = True
        if writer.failed:
            run.status = "error"
        return event

    @staticmethod
    def _parent_for(run: Span) -> Parent:
        """The innermost open span of this run, else the run itself (an event from another task of the run)."""
        place = current.get()
        inside = place is not None and place._trace == run._trace and place._run == run._id
        return place if inside else run


class Run:
    """A run as a context manager (sync and async) and as a decorator."""

    def __init__(
        self,
        run_name: str,
        agent_type: Optional[str] = None,
        user_id: Optional[str] = None,
        session_id: Optional[str] = None,
        config: Any = None,
        **metadata: Any,
    ) -> None:
        self._name = str(run_name)
        self._agent_type = agent_type
        self._who = {
            "user_id": None if user_id is None else str(user_id),
            "session_id": None if session_id is None else str(session_id),
        }
        self._metadata = metadata
        self._open: List[Tuple[TraceContext, Token[Parent], Span]] = []

    def __enter__(self) -> TraceContext:
        context, span = self.begin()
        self._open.append((context, current.set(span), span))
        return context

    def begin(self) -> Tuple[TraceContext, Span]:
        """Open the run without making its span current, for adapters that are told of begin and end in callbacks."""
        span = open_span(self._name, current.get(), "run")
        span.scope = span.scope.with_values(**self._who)
        span._run = span._id
        if self._agent_type is not None:
            span.attributes["agent_type"] = str(self._agent_type)
        if self._metadata and settings.capture_io:
            span._payload, _ = document({"metadata": self._metadata})
        context = TraceContext(span)
        _open_runs[span._id] = context
        delivery.emit_open(span)
        return context, span

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        context, _, span = leave(self._open)
        self.finish(context, span, error)

    def finish(self, context: TraceContext, span: Span, error: Optional[BaseException] = None) -> None:
        """End a run that :meth:`begin` opened."""
        if error is not None:
            self._record_failure(context, span, error)
        _open_runs.pop(span._id, None)
        close_span(span)

    @staticmethod
    def _record_failure(context: TraceContext, span: Span, error: BaseException) -> None:
        context._finished = False
        stack = "".join(tracebacks.format_exception(type(error), error, error.__traceback__))
        context.error(type(error).__name__, describe_error(error), stack_trace=stack, critical=True)
        span.record_error(error)

    async def __aenter__(self) -> TraceContext:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.__exit__(exc_type, error, traceback)

    def _again(self) -> Run:
        """Return a run like this one: calls of a decorated function may overlap."""
        fresh = copy(self)
        fresh._open = []
        return fresh

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Make every call of a function a run of its own."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def arun(*args: Any, **kwargs: Any) -> Any:
                with self._again():
                    return await function(*args, **kwargs)

            return arun

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return run


class Trace(AgentMethods):
    """Opens runs and hands events to the innermost one. The default one is made by :func:`get_trace`."""

    def run(self, run_name: str, **options: Any) -> Run:
        """Open a run."""
        _start_if_needed()
        return Run(run_name, **options)

    def _emit(self, step: str, /, **fields: Any) -> Optional[BaseEvent]:
        context = active_run()
        if context is None:
            logger.warning("the %s event is outside of any run and is not recorded. Use: with trace.run('name'):", step)
            return None
        return context._emit(step, **fields)


def _start_if_needed() -> None:
    """Without instrument(), runs go to the local database (AGENT-14)."""
    if delivery.pipeline is None:
        from peekr.lifecycle import instrument_for_runs

        instrument_for_runs()


_default: Optional[Trace] = None


def get_trace() -> Trace:
    """Return the default trace, made on first use."""
    global _default
    if _default is None:
        _default = Trace()
    return _default


def set_trace(trace: Optional[Trace]) -> None:
    """Make ``trace`` the default; None resets it."""
    global _default
    _default = trace
