"""The agent vocabulary: runs, and what happens in them, written as ordinary spans."""

from __future__ import annotations

import functools
import inspect
import logging
import traceback as tracebacks
from contextvars import Token
from copy import copy
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from peekr.agent_steps import STEPS, Step, Writer
from peekr.agent_words import AgentMethods
from peekr.capture import document
from peekr.context import Block, current, leave
from peekr.delivery import delivery
from peekr.errors import BudgetExceededError, GuardrailError
from peekr.events import BaseEvent
from peekr.ids import RawId
from peekr.sampling import sampling_of
from peekr.settings import settings
from peekr.spans import Parent, Span, describe_error
from peekr.tracer import close_span, open_span

if TYPE_CHECKING:
    from peekr.ownrules import OwnRules
    from peekr.traceconfig import TraceConfig

logger = logging.getLogger("peekr")

#: The runs that are open, by span id. Which of them is active follows from the current span's own run.
_open_runs: Dict[RawId, TraceContext] = {}


def active_run() -> Optional[TraceContext]:
    """Return the innermost open run around the current span, or None."""
    return run_of(current.get())


def run_of(place: Parent) -> Optional[TraceContext]:
    """Return the innermost open run around a span or place, or None."""
    return _open_runs.get(place._run) if place is not None and place._run is not None else None


class TraceContext(AgentMethods):
    """An open run: what ``with trace.run(...) as ctx`` yields. Falsy when the run is not recorded.

    :ivar run_id: the run's span id; a run that is not recorded has one too, for events that its program makes.
    """

    def __init__(self, span: Span, recorded: bool = True) -> None:
        self._span = span if recorded else None
        self._finished = False
        self.run_id = span.span_id

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
        except (GuardrailError, BudgetExceededError):
            raise
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


class Run(Block[TraceContext]):
    """A run as a context manager (sync and async) and as a decorator.

    :param config: a :class:`peekr.TraceConfig` whose sampling rules hold for the trace that the run begins.
    :param metadata: whatever else is to be known of the run.
    :raises ConfigurationError: if config is none.
    :ivar rules: of the :class:`Trace` that opens it, if it has any of its own.
    """

    rules: Optional[OwnRules] = None

    def __init__(
        self,
        run_name: str,
        agent_type: Optional[str] = None,
        user_id: Optional[str] = None,
        session_id: Optional[str] = None,
        config: Any = None,
        **metadata: Any,
    ) -> None:
        if config is not None:
            from peekr.ownrules import check_config

            check_config(config)
        self._config: Optional[TraceConfig] = config
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
        if self.rules is not None:
            self.rules.apply(span, self._config)
        if self._config is not None:
            from peekr.ownrules import apply_config

            apply_config(self._config, span)
        if not sampling_of(span).is_recorded(span):
            return TraceContext(span, recorded=False), span
        if self._agent_type is not None:
            span.attributes["agent_type"] = str(self._agent_type)
        if self._metadata and settings.capture_io:
            span._payload, _ = document({"metadata": self._metadata})
        context = TraceContext(span)
        _open_runs[span._id] = context
        delivery.emit_open(span)
        return context, span

    def _leave(self, error: Optional[BaseException]) -> None:
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
    """Opens runs and hands events to the innermost one. The default one is made by :func:`get_trace`.

    :param config: a :class:`peekr.TraceConfig` with settings of its own: what is sampled, redacted, and, without an
        exporter, where the database is.
    :param exporter: where the runs of this trace go, with all that happens in them, and nothing else.
    :param sampler: an object with ``should_sample(run_id, run_name, config)``, or the name of an installed one. It
        is asked about runs that begin a trace; the answer holds for the whole trace.
    :raises ConfigurationError: (a ValueError) if one of them is nothing of the kind.
    """

    def __init__(self, config: Optional[TraceConfig] = None, exporter: Any = None, sampler: Any = None) -> None:
        self._rules: Optional[OwnRules] = None
        if config is not None or exporter is not None or sampler is not None:
            from peekr.ownrules import OwnRules

            self._rules = OwnRules(config, exporter, sampler)

    def run(self, run_name: str, **options: Any) -> Run:
        """Open a run."""
        run = Run(run_name, **options)
        if self._rules is None:
            _start_if_needed()
        else:
            self._rules.start()
            run.rules = self._rules
        return run

    def shutdown(self, timeout_ms: float = 5000) -> bool:
        """Write what is left and close the exporter: this trace's own, else all, as :func:`peekr.shutdown`.

        :return: whether everything was written in time.
        """
        if self._rules is not None and self._rules.route.apart:
            return self._rules.close(timeout_ms / 1000)
        return super().shutdown(timeout_ms)

    def _emit(self, step: str, /, **fields: Any) -> Optional[BaseEvent]:
        context = active_run()
        if context is None:
            place = current.get()
            if place is not None and not sampling_of(place).is_recorded(place):
                return None
            logger.warning("the %s event is outside of any run and is not recorded. Use: with trace.run('name'):", step)
            return None
        return context._emit(step, **fields)


def _start_if_needed() -> None:
    """Without instrument(), runs go to the local database (AGENT-14)."""
    from peekr import lifecycle

    if lifecycle.runs_need_start():
        lifecycle.instrument_for_runs()


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
