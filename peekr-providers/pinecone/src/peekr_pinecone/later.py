"""Results that are still to come: ``async_req=True`` returns a promise, and the call ends when it is kept."""

from __future__ import annotations

from concurrent.futures import CancelledError
from contextvars import copy_context
from functools import partial, wraps
from typing import Any, Callable

from peekr.vectorstores.calls import Settle


def later(result: Any, settle: Settle) -> bool:
    """See to it that ``settle`` is told of the outcome, if the result is a promise: a future, or a pool's result."""
    if hasattr(type(result), "add_done_callback"):
        result.add_done_callback(partial(_done, settle))
        return True
    if type(result).__name__ == "ApplyResult" and hasattr(result, "_error_callback"):
        _watch(result, settle)
        return True
    return False


def _done(settle: Settle, future: Any) -> None:
    """A future is done. In whatever thread that happens; it may be one that is being thrown away."""
    if future.cancelled():
        settle(None, CancelledError())
        return
    error = future.exception()
    settle(None if error is not None else future.result(), error)


def _watch(result: Any, settle: Settle) -> None:
    """A pool sets its result's outcome, and reads the callbacks after that; so whoever sees none yet is not late."""
    result._callback = _both(result._callback, lambda value: settle(value, None))
    result._error_callback = _both(result._error_callback, lambda error: settle(None, error))
    if hasattr(result, "_success"):
        settle(*((result._value, None) if result._success else (None, result._value)))


def _both(first: Any, second: Callable[[Any], None]) -> Callable[[Any], None]:
    def call(outcome: Any) -> None:
        try:
            second(outcome)
        finally:
            if first is not None:
                first(outcome)

    return call


def carry(original: Any) -> Any:
    """Wrap the function that gives a call to the pool of pinecone 9 and newer: its span begins in a pool's thread."""

    @wraps(original)
    def submit(self: Any, func: Any, kwargs: Any) -> Any:
        return original(self, partial(copy_context().run, func), kwargs)

    return submit
