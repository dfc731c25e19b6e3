"""Evaluators: ``peekr.instrument(evaluators=[peekr.eval.Hallucination(), peekr.eval.NotEmpty()])``.

:class:`Rubric` and :class:`Hallucination` ask a model, see :mod:`peekr_eval.judges`; :class:`CitationAccuracy`,
:class:`NotEmpty` and :class:`NoError` do not. ``peekr eval <store>`` scores stored spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peekr_eval.cache import DiskCache as DiskCache
    from peekr_eval.cache import MemoryCache as MemoryCache
    from peekr_eval.checks import NoError as NoError
    from peekr_eval.checks import NotEmpty as NotEmpty
    from peekr_eval.citation_accuracy import CitationAccuracy as CitationAccuracy
    from peekr_eval.errors import JudgeError as JudgeError
    from peekr_eval.errors import JudgeUnavailable as JudgeUnavailable
    from peekr_eval.hallucination import Hallucination as Hallucination
    from peekr_eval.judges.anthropic import AnthropicJudge as AnthropicJudge
    from peekr_eval.judges.base import Answer as Answer
    from peekr_eval.judges.base import Judge as Judge
    from peekr_eval.judges.bedrock import BedrockJudge as BedrockJudge
    from peekr_eval.judges.function import FunctionJudge as FunctionJudge
    from peekr_eval.judges.gemini import GeminiJudge as GeminiJudge
    from peekr_eval.judges.openai import OpenAIJudge as OpenAIJudge
    from peekr_eval.prompts import Question as Question
    from peekr_eval.rag import RAG as RAG
    from peekr_eval.rag import instrument_rag as instrument_rag
    from peekr_eval.rubric import Rubric as Rubric

_HOMES = {
    "Answer": "judges.base",
    "AnthropicJudge": "judges.anthropic",
    "BedrockJudge": "judges.bedrock",
    "CitationAccuracy": "citation_accuracy",
    "DiskCache": "cache",
    "FunctionJudge": "judges.function",
    "GeminiJudge": "judges.gemini",
    "Hallucination": "hallucination",
    "Judge": "judges.base",
    "JudgeError": "errors",
    "JudgeUnavailable": "errors",
    "MemoryCache": "cache",
    "NoError": "checks",
    "NotEmpty": "checks",
    "OpenAIJudge": "judges.openai",
    "Question": "prompts",
    "RAG": "rag",
    "Rubric": "rubric",
    "instrument_rag": "rag",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Load each on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
