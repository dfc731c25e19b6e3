"""A limit on what model calls may cost: it warns, and then stops calls before they are made."""

from __future__ import annotations

import inspect
import logging
import threading
import time
from datetime import datetime, timezone
from importlib.util import find_spec
from typing import Any, Callable, Dict, Optional, Sequence

from peekr.delivery import delivery
from peekr.errors import BudgetExceededError, ConfigurationError
from peekr.guard_choice import watch_manual_spans
from peekr.guarding import Asked, guards
from peekr.prices import Usage, cost_of
from peekr.runs import BILLED_KINDS
from peekr.spans import Span
from peekr_alert.base import Alert, number
from peekr_alert.state import Memory

logger = logging.getLogger("peekr")

#: How the start of a window is written; two moments of one window have it in common.
_WINDOWS = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m"}
#: Spans remembered, so that one that arrives by two ways is counted once.
_REMEMBERED = 20_000
#: Seconds that a call waits for the cost of those that have just ended.
_SETTLE_S = 0.5

Callback = Callable[..., object]


class BudgetAlert(Alert):
    """Warns once when most of a budget is spent, and stops model calls when all of it is.

    ::

        peekr.instrument(budget_alert=peekr.BudgetAlert(limit_usd=10.0))

    From then on a call of a model raises :class:`peekr.BudgetExceededError` in the caller's thread, before a request
    leaves, until the window is over. The call that reaches the limit is finished: what it costs is known only then.

    Works in ``budget_alert=``, in ``alerts=[…]`` and as an exporter; in several places each call counts once. What a
    call costs is its ``attributes.cost_usd``, which peekr-cost sets; calls without a known price do not count, and
    that is logged.

    :param limit_usd: US dollars for each window.
    :param on_warning: called with (spent, limit) once in a window, instead of :meth:`on_trigger`.
    :param on_exceeded: called with (spent, limit) once in a window, when the limit is reached, instead of it.
    :param warning_pct: share of the limit at which to warn.
    :param window: ``hour``, ``day`` or ``month``, of the calendar, in UTC.
    :param options: ``cooldown``, ``state`` and ``name`` of every alert. With ``state="budget.json"`` the budget
        survives a restart, and processes that give the same file share it.
    :raises ConfigurationError: (a ValueError) if one of them cannot work.
    """

    def __init__(
        self,
        limit_usd: float,
        on_warning: Optional[Callback] = None,
        on_exceeded: Optional[Callback] = None,
        warning_pct: float = 0.8,
        window: str = "day",
        **options: Any,
    ) -> None:
        self.limit_usd = number("limit_usd", limit_usd, 0, strict=True)
        self.warning_pct = number("warning_pct", warning_pct, 0, 1, strict=True)
        if window not in _WINDOWS:
            raise ConfigurationError(f"window must be 'hour', 'day' or 'month', got {window!r}.")
        for name, call in (("on_warning", on_warning), ("on_exceeded", on_exceeded)):
            if call is not None and not callable(call):
                raise ConfigurationError(f"{name} must be a function of (spent, limit), got {call!r}.")
        self.window = window
        self.on_warning, self.on_exceeded = on_warning, on_exceeded
        super().__init__(**options)
        #: Calls that did not count, because their price is not known.
        self.unpriced = 0
        self._seen: Dict[str, object] = {}

    # -- what is spent ----------------------------------------------------------------------------------------

    @property
    def spent(self) -> float:
        """US dollars in the current window."""
        memory = self._state.look(self.name)
        return float(memory.get("spent", 0.0)) if memory.get("window") == self._now() else 0.0

    @property
    def remaining(self) -> float:
        """US dollars left in the current window; 0 when the limit is reached."""
        return max(self.limit_usd - self.spent, 0.0)

    def reset(self) -> None:
        """Begin the window anew: nothing is spent, and it warns again."""
        with self._state.changing(self.name) as memory:
            memory.clear()

    def _now(self) -> str:
        return datetime.fromtimestamp(time.time(), timezone.utc).strftime(_WINDOWS[self.window])

    # -- the ways in which spans come -------------------------------------------------------------------------

    def count_span(self, span: Span) -> None:
        """Add the cost of one span, once whatever the ways by which it comes. Called in the worker; never raises."""
        if span.kind not in BILLED_KINDS or not span.ended or not self._is_new(span.span_id):
            return
        cost = cost_of(span)
        if cost is None:
            if Usage.of(span.attributes) is not None:
                self._unpriced(span)
        elif cost > 0:
            self._add(cost)

    def check(self, trace: Sequence[Span]) -> None:
        """Count a complete trace.

        :raises BudgetExceededError: at the limit, when it is called by hand; not in peekr's own threads.
        """
        for span in trace:
            self.count_span(span)
        self._raise_by_hand()

    def export(self, span: Span) -> None:
        """Count one span: the budget as an exporter.

        :raises BudgetExceededError: at the limit, when it is called by hand; not in peekr's own threads.
        """
        self.count_span(span)
        if in_own_thread():
            self._stand_guard()
        self._raise_by_hand()

    def check_input(self, span: Any = None) -> None:
        """Refuse a model call when the budget is spent. In the caller's thread, before the request leaves.

        Waits for the cost of calls that have just ended, half a second at most.

        :raises BudgetExceededError: if nothing remains.
        """
        delivery.flush(time.monotonic() + _SETTLE_S, durable=False)
        self._raise_at_limit()

    def look(self, trace: Sequence[Span], memory: Memory) -> Optional[str]:
        """Not asked: a budget says things when they happen, see :meth:`count_span`."""
        return None

    def _stand_guard(self) -> None:
        """Be asked before calls, as an exporter that add_exporter() put in: instrument() does not know of it."""
        asked = guards.inputs
        if not any(each.guard is self for each in asked):
            guards.inputs = (*asked, Asked(self.name, self, self.check_input))
            watch_manual_spans()

    def shutdown(self) -> None:
        """Refuse nothing any more, and send what waits for the sinks."""
        guards.inputs = tuple(each for each in guards.inputs if each.guard is not self)
        super().shutdown()

    def _is_new(self, span_id: str) -> bool:
        """Whether a span was not counted yet. Without a lock, which a fork could leave held: setdefault is one step."""
        mine = object()
        if self._seen.setdefault(span_id, mine) is not mine:
            return False
        if len(self._seen) > _REMEMBERED:
            for oldest in list(self._seen)[: _REMEMBERED // 2]:
                self._seen.pop(oldest, None)
        return True

    def _unpriced(self, span: Span) -> None:
        self.unpriced += 1
        if self.unpriced > 1:
            return
        hint = "peekr.set_price(model, input=, output=) sets it"
        if find_spec("peekr_cost") is None:
            hint = "Prices come with: pip install peekr-cost"
        model = span.attributes.get("model")
        logger.warning("a call of %r has no known price, so %s does not count it.\n%s", model, self.name, hint)

    # -- the limit --------------------------------------------------------------------------------------------

    def _add(self, cost: float) -> None:
        with self._state.changing(self.name) as memory:
            now = self._now()
            if memory.get("window") != now:
                memory.clear()
                memory["window"] = now
            spent = memory["spent"] = float(memory.get("spent", 0.0)) + cost
            warns = not memory.get("warned") and spent >= self.limit_usd * self.warning_pct
            ends = not memory.get("ended") and spent >= self.limit_usd
            memory["warned"] = bool(memory.get("warned")) or warns
            memory["ended"] = bool(memory.get("ended")) or ends
        if warns:
            self._tell(self.on_warning, spent, f"{self.name}: {self._share(spent)} is spent")
        if ends:
            self._tell(self.on_exceeded, spent, f"{self._over(spent)}; model calls are refused")

    def _tell(self, callback: Optional[Callback], spent: float, message: str) -> None:
        if callback is None:
            self.say(message)
            return
        try:
            call_with(callback, spent, self.limit_usd)
        except Exception as error:
            logger.warning("a callback of %r failed: %r", self.name, error, exc_info=error)
        self._send(message)

    def _share(self, spent: float) -> str:
        limit = f"{self.limit_usd:,.2f}" if self.limit_usd >= 0.1 else f"{self.limit_usd:.6f}".rstrip("0")
        return f"${spent:,.4f} of ${limit} ({spent / self.limit_usd:.0%}) for this {self.window}"

    def _over(self, spent: float) -> str:
        return f"{self.name}: the budget is exceeded, {self._share(spent)}"

    def _raise_at_limit(self) -> None:
        spent = self.spent
        if spent >= self.limit_usd:
            raise BudgetExceededError(
                f"{self._over(spent)}.\nCalls go on in the next {self.window} (UTC), or after BudgetAlert.reset()",
                spent,
                self.limit_usd,
            )

    def _raise_by_hand(self) -> None:
        """An exporter or alert that raises in a thread of peekr's would only be counted as broken."""
        if not in_own_thread():
            self._raise_at_limit()

    def __repr__(self) -> str:
        return f"BudgetAlert(limit_usd={self.limit_usd}, window={self.window!r}, spent={self.spent:.4f})"


def in_own_thread() -> bool:
    """Whether this is one of peekr's threads."""
    return threading.current_thread().name.startswith("peekr-")


def call_with(function: Callback, *arguments: Any) -> object:
    """Call a function with as many of the arguments as it takes."""
    for count in range(len(arguments), -1, -1):
        try:
            inspect.signature(function).bind(*arguments[:count])
        except TypeError:
            continue
        except ValueError:  # a built-in that tells no signature
            break
        return function(*arguments[:count])
    return function(*arguments)


def budget_alert(
    limit_usd: float,
    on_warning: Optional[Callback] = None,
    on_exceeded: Optional[Callback] = None,
    warning_pct: float = 0.8,
    window: str = "day",
    **options: Any,
) -> BudgetAlert:
    """Return a :class:`BudgetAlert`; the arguments are its own."""
    return BudgetAlert(limit_usd, on_warning, on_exceeded, warning_pct, window, **options)
