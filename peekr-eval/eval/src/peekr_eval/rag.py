"""Retrieval-augmented generation in four words: retrieve, rerank, generate, context (contract MEM-6).

::

    rag = peekr.instrument_rag(faithfulness_threshold=0.7, storage="sqlite")

    @rag.retrieve
    def search(question):
        return index.search(question)

    @rag.generate
    def answer(question, documents):
        return client.chat.completions.create(...)

    answer(question, search(question))

What was retrieved is the evidence (:mod:`peekr.grounding`) of the LLM calls that follow, and every answer is judged by
it.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable, ContextManager, Dict, List, Optional, Sequence

import peekr
from peekr.capture import cut, text
from peekr.errors import ConfigurationError
from peekr.grounding import evidence, record_evidence
from peekr.settings import settings
from peekr.spans import Span
from peekr_eval.hallucination import Hallucination

Function = Callable[..., Any]

#: Characters of ``rag.query`` and of each document in ``rag.retrieved_docs``.
_SHOWN = 200
_SHOWN_DOCS = 20


def instrument_rag(
    exporter: Any = None,
    faithfulness_threshold: float = 0.7,
    detailed: bool = False,
    console: bool = False,
    **arguments: Any,
) -> RAG:
    """Switch tracing on for a program that answers from documents; return the decorators for its functions.

    :param exporter: as for :func:`peekr.instrument`.
    :param faithfulness_threshold: an alert is raised for each trace with an answer that scores less, 0 to 1.
    :param detailed: judge every claim by itself, against each document.
    :param arguments: further arguments of :func:`peekr.instrument`; ``evaluators`` and ``alerts`` are added to those of
        this preset.
    :raises ConfigurationError: (a ValueError) if an argument cannot work.
    """
    number = faithfulness_threshold
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number <= 1:
        raise ConfigurationError(f"faithfulness_threshold must be a number from 0 to 1, got {number!r}.")
    given = list(arguments.pop("evaluators", None) or ())
    evaluators = given if any(isinstance(each, Hallucination) for each in given) else [_judge(detailed), *given]
    alert = Unfaithful(number)
    peekr.instrument(
        exporter=exporter,
        console=console,
        evaluators=evaluators,
        alerts=[alert, *(arguments.pop("alerts", None) or ())],
        **arguments,
    )
    return RAG(alert)


def _judge(detailed: bool) -> Hallucination:
    return Hallucination(detailed=detailed)


class Unfaithful(peekr.alert.BaseAlert):
    """Raised for each trace with an answer that its documents support too little.

    :ivar triggered: how often it was.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.triggered = 0

    def check(self, trace: Sequence[Span]) -> None:
        """Look at the scores of one complete trace."""
        scores = [score for span in trace for score in [_faithfulness(span)] if score is not None]
        worst = min(scores, default=1.0)
        if worst < self.threshold:
            self.triggered += 1
            self.on_trigger(
                f"faithfulness {worst:.2f} is below {self.threshold:.2f} in trace {trace[-1].trace_id[:8]}: "
                "an answer says what the retrieved documents do not"
            )


def _faithfulness(span: Span) -> Optional[float]:
    scores = span.attributes.get("eval_scores")
    value = scores.get("Hallucination") if isinstance(scores, dict) else None
    return float(value) if isinstance(value, (int, float)) else None


class RAG:
    """The decorators for the functions of a RAG program. Each takes plain functions and coroutines, with or without
    brackets: ``@rag.retrieve``, ``@rag.retrieve(name="search")``.

    :ivar alert: what is raised for unfaithful answers; replace its ``on_trigger`` to be told.
    """

    def __init__(self, alert: Unfaithful) -> None:
        self.alert = alert

    def retrieve(self, function: Optional[Function] = None, *, name: str = "rag.retrieve") -> Any:
        """Trace a function that returns documents; they are the evidence of the LLM calls that follow."""
        return _decorated(function, lambda each: _searching(each, name))

    def rerank(self, function: Optional[Function] = None, *, name: str = "rag.rerank") -> Any:
        """Trace a function that returns documents in a better order; they take the place of those retrieved."""
        return _decorated(function, lambda each: _searching(each, name))

    def generate(self, function: Optional[Function] = None, *, name: str = "rag.generate") -> Any:
        """Trace a function that answers; the evidence of the question ends with it."""
        return _decorated(function, lambda each: _answering(each, name))

    def context(self, documents: Any) -> ContextManager[List[Dict[str, Any]]]:
        """Attach documents to the LLM calls of a block: ``with rag.context(documents):``."""
        return evidence(documents)


def _decorated(function: Optional[Function], decorate: Callable[[Function], Function]) -> Any:
    if function is None:
        return decorate
    if not callable(function):
        raise TypeError(f"this decorates a function, not {function!r}.\nWrite @rag.retrieve above a function")
    return decorate(function)


def _searching(function: Function, name: str) -> Function:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def search_async(*args: Any, **kwargs: Any) -> Any:
            with peekr.span(name, kind="retrieval") as span:
                _note_query(span, args, kwargs)
                found = _note_documents(span, await function(*args, **kwargs))
            return found

        return search_async

    @functools.wraps(function)
    def search(*args: Any, **kwargs: Any) -> Any:
        with peekr.span(name, kind="retrieval") as span:
            _note_query(span, args, kwargs)
            found = _note_documents(span, function(*args, **kwargs))
        return found

    return search


def _answering(function: Function, name: str) -> Function:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def answer_async(*args: Any, **kwargs: Any) -> Any:
            with peekr.span(name, kind="chain") as span:
                _note_query(span, args, kwargs)
                try:
                    return _note_answer(span, await function(*args, **kwargs))
                finally:
                    peekr.clear_evidence()

        return answer_async

    @functools.wraps(function)
    def answer(*args: Any, **kwargs: Any) -> Any:
        with peekr.span(name, kind="chain") as span:
            _note_query(span, args, kwargs)
            try:
                return _note_answer(span, function(*args, **kwargs))
            finally:
                peekr.clear_evidence()

    return answer


def _note_query(span: Span, args: Any, kwargs: Dict[str, Any]) -> None:
    """The question is the first text among the arguments."""
    if not settings.capture_io:
        return
    span.attributes["input"] = text({"args": args, "kwargs": kwargs})
    query = next((each for each in (*args, *kwargs.values()) if isinstance(each, str)), None)
    if query is not None:
        span.attributes["rag.query"] = cut(query, _SHOWN)


def _note_documents(span: Span, found: Any) -> Any:
    """Record what was found; an iterator is read here, once, and handed on as a list."""
    if inspect.isgenerator(found):
        found = list(found)
    documents = record_evidence(found)
    span.attributes["rag.docs_count"] = len(documents)
    if settings.capture_io:
        span.attributes["output"] = text(found)
        span.attributes["rag.retrieved_docs"] = [
            {**{key: each[key] for key in ("id", "title", "score", "rank")}, "text": cut(each["text"] or "", _SHOWN)}
            for each in documents[:_SHOWN_DOCS]
        ]
    return found


def _note_answer(span: Span, answer: Any) -> Any:
    if settings.capture_io:
        span.attributes["output"] = cut(answer, 500) if isinstance(answer, str) else text(answer)
    return answer
