"""What the agent run around a crew is told: errors, and the last word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peekr.agent import run_of
from peekr.agent_steps import STEPS, Writer
from peekr.spans import describe_error

if TYPE_CHECKING:
    from peekr_crewai.doing import Doing


def report_error(doing: Doing, error: BaseException) -> None:
    """Tell the agent run around of an error, once, where it happened."""
    if not isinstance(error, Exception):
        return
    if doing.reported != id(error):
        context = run_of(doing.own)
        if context is not None:
            context.error(type(error).__name__, describe_error(error), critical=False)
    around = doing.around
    if around is not None:
        around.reported = id(error)


def write_answer(doing: Doing, answer: str) -> None:
    """Write what the outermost crew said last as its run's final answer."""
    context = run_of(doing.own)
    if context is None or context._span is None or doing.around is not None:
        return
    Writer(context._span, doing.own, None).write(STEPS["final"], {"answer": answer})
