"""The wrappers around what runs the caller's functions for the model: their spans go under the turn's parent."""

from __future__ import annotations

import functools
from typing import Any

from peekr.context import restore
from peekr.patching import note_failure
from peekr_gemini.turn import Turn, Use, current_turn, enter_turn, leave_turn


def wrap_functions(original: Any) -> Any:
    """Wrap the function that runs the caller's functions for the model, sync: they are children of the turn."""

    @functools.wraps(original)
    def run(response: Any, function_map: Any, *args: Any, **kwargs: Any) -> Any:
        entered = _enter_functions(response, function_map)
        try:
            return original(response, function_map, *args, **kwargs)
        finally:
            _leave_functions(entered)

    return run


def wrap_async_functions(original: Any) -> Any:
    """The async twin of :func:`wrap_functions`."""

    @functools.wraps(original)
    async def run(response: Any, function_map: Any, *args: Any, **kwargs: Any) -> Any:
        entered = _enter_functions(response, function_map)
        try:
            return await original(response, function_map, *args, **kwargs)
        finally:
            _leave_functions(entered)

    return run


def _enter_functions(response: Any, function_map: Any) -> Any:
    """Make the turn's parent current, if a function will be run; it may call the model itself, in its own turn."""
    turn = current_turn()
    if turn is None or not turn.begun:
        return None
    try:
        if not _runs(response, function_map):
            return None
        return _enter(turn)
    except Exception as error:
        note_failure("following Gemini's function calls", error)
        return None


def _leave_functions(entered: Any) -> None:
    if entered is not None:
        token, turn_token = entered
        leave_turn(turn_token)
        restore(token)


def _runs(response: Any, function_map: Any) -> bool:
    parts = response.candidates[0].content.parts if response.candidates else None
    calls = [part.function_call for part in parts or () if getattr(part, "function_call", None) is not None]
    return any(call.name in function_map for call in calls)


def wrap_function(original: Any) -> Any:
    """Wrap the method of the older SDK that runs one function of the caller's for the model."""

    @functools.wraps(original)
    def run(*args: Any, **kwargs: Any) -> Any:
        turn = current_turn()
        entered = _enter(turn) if turn is not None and turn.begun else None
        try:
            return original(*args, **kwargs)
        finally:
            _leave_functions(entered)

    return run


def _enter(turn: Turn) -> Any:
    return Use.tracer.activate(turn.parent()), enter_turn(None)
