"""Judges: models that answer a question about an answer. None of their SDKs is imported before it is asked.

* :class:`~peekr_eval.judges.openai.OpenAIJudge`, :class:`~peekr_eval.judges.anthropic.AnthropicJudge`,
  :class:`~peekr_eval.judges.gemini.GeminiJudge`, :class:`~peekr_eval.judges.bedrock.BedrockJudge`
* :class:`~peekr_eval.judges.function.FunctionJudge`: any callable that takes the prompt and returns the answer

:func:`~peekr_eval.judges.choice.choose` picks one. A judge of your own has ``provider``, ``model`` and
``ask(question)``.
"""

from __future__ import annotations

from peekr_eval.judges.base import Answer, Judge
from peekr_eval.judges.choice import choose
from peekr_eval.judges.function import FunctionJudge

__all__ = ["Answer", "FunctionJudge", "Judge", "choose"]
