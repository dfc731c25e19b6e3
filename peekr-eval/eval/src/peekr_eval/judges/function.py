"""Any callable as a judge: ``judge=lambda prompt: my_model(prompt)``."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from typing import Any, Callable, List

from peekr_eval.errors import JudgeAnswerInvalid, JudgeTimeout
from peekr_eval.judges.base import TIMEOUT_S, Answer
from peekr_eval.prompts import Question


class FunctionJudge:
    """Calls a function with the prompt; what it returns is the answer.

    :param function: takes one text, returns a text, a number, or an :class:`Answer`; may be async. Called from several
        threads at a time.
    :param timeout_s: seconds after which its answer is no longer waited for.
    """

    provider = "function"

    def __init__(self, function: Callable[[str], Any], model: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._function = function
        self._timeout_s = timeout_s
        name = getattr(function, "__qualname__", None) or type(function).__qualname__
        self.model = model or f"{getattr(function, '__module__', '?')}.{name}"

    def ask(self, question: Question) -> Answer:
        """Call the function, in a thread that can be left behind.

        :raises JudgeTimeout: if it does not answer in time.
        :raises Exception: whatever it raises.
        """
        outcome: List[Any] = []
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=lambda: context.run(self._call, question.text, outcome), name="peekr-judge-call", daemon=True
        )
        thread.start()
        thread.join(self._timeout_s)
        if not outcome:
            raise JudgeTimeout(f"the judge {self.model} did not answer within {self._timeout_s:g} s")
        value, error = outcome
        if error is not None:
            raise error
        return _answer(value)

    def _call(self, prompt: str, outcome: List[Any]) -> None:
        try:
            value = self._function(prompt)
            if inspect.isawaitable(value):
                value = asyncio.run(_awaited(value))
            outcome[:] = [value, None]
        except BaseException as error:
            outcome[:] = [None, error]


async def _awaited(value: Any) -> Any:
    return await value


def _answer(value: Any) -> Answer:
    if isinstance(value, Answer):
        return value
    if isinstance(value, str):
        return Answer(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Answer(str(value))
    if value is None:
        return Answer("")
    raise JudgeAnswerInvalid(f"the judge returned {type(value).__name__}, not a text")
