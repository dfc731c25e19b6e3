"""An LLM run: what is noted of it in the caller's thread, and what the worker makes of that."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

import attrs
import msgspec

from peekr.capture import LLM_LIMIT, cut
from peekr.guarding import guards
from peekr.messages import compose, lighten, messages_text
from peekr.payload import exchange, request_document
from peekr.settings import settings
from peekr.spans import Span
from peekr_langchain.answers import answer_facts, answer_messages, first_text
from peekr_langchain.outline import Json, words_of
from peekr_langchain.runs import LangChainRun
from peekr_langchain.taken import Question, take_answers, take_question, take_result

_MODELS = ("model", "model_name", "model_id", "deployment_name", "azure_deployment", "repo_id")


@attrs.define(eq=False)
class LLMNotes:
    """The record of one LLM run until the worker has made attributes of it.

    :ivar facts: attributes without content.
    :ivar told: the result, which tells more of them.
    :ivar asked: the model asked for.
    :ivar request: what was asked, a copy or JSON; None where nothing may be captured.
    :ivar cut: whether ``request`` was cut already.
    :ivar answers: the result or the messages in it as JSON; None where there were none, or none may be captured.
    :ivar unkept: ``request`` and ``answers`` where nothing may be captured, for evaluators only.
    :ivar recorded: whether another span recorded the same call.
    :ivar ttft_ms: until the first token.
    """

    facts: Dict[str, Any]
    asked: Optional[str] = None
    told: Optional[Json] = None
    request: Union[Question, bytes, None] = None
    cut: bool = False
    answers: Union[Json, bytes, None] = None
    unkept: Tuple[Union[Question, bytes, None], Union[Json, bytes, None]] = (None, None)
    recorded: bool = False
    ttft_ms: Optional[float] = None

    def seal(self, run: LangChainRun) -> None:
        """Note whether a provider recorded the call, and when its answer began."""
        self.recorded = run.call is not None and run.call.recorded
        if run.first_ns:
            self.ttft_ms = round((run.first_ns - run.span._t0) / 1e6, 3)

    def preview_answer(self, view: Span) -> None:
        """Describe the call on a copy of its span, whatever may be captured."""
        request, answers = self.unkept
        attrs.evolve(self, facts=dict(self.facts), request=request, answers=answers).resolve(view)

    def resolve(self, span: Span) -> None:
        """Set the span's attributes and payload. In the worker."""
        found = self.facts
        if self.told is not None:
            found.update(answer_facts(self.told))
        if self.asked is not None and found.setdefault("model", self.asked) != self.asked:
            found["model_requested"] = self.asked
        if self.ttft_ms is not None:
            found.update(streaming=True, ttft_ms=self.ttft_ms)
        answers = _answers(self.answers)
        if self.request is not None:
            request, was_cut = (self.request, False) if isinstance(self.request, bytes) else self.request.document()
            found["input"] = _input_text(msgspec.json.decode(request))
            if not self.recorded:
                said = {"messages": answers} if answers else None
                span._payload = exchange(request, said, cut=self.cut or was_cut)
        if answers:
            found.update(_output(answers))
        if self.recorded:
            found = {name: value for name, value in found.items() if not name.startswith("tokens_")}
            found["billed"] = False
        known = span.attributes
        for name, value in found.items():
            if value is not None:
                known.setdefault(name, value)


def _answers(taken: Union[Json, bytes, None]) -> List[Any]:
    """Return the messages that came back, as JSON data."""
    if taken is None:
        return []
    document = taken if isinstance(taken, bytes) else request_document(answer_messages(taken))[0]
    return msgspec.json.decode(document)  # type: ignore[no-any-return]


def _input_text(asked: Mapping[str, Any]) -> str:
    if "messages" in asked:
        return messages_text(lighten(asked["messages"]))
    return cut(str(asked.get("prompt")), LLM_LIMIT)


def _output(answers: List[Any]) -> Dict[str, Any]:
    words = [words_of(one.get("content")) or one.get("refusal") or "" for one in answers]
    calls = [
        {"name": call.get("name"), "arguments": call.get("arguments")}
        for one in answers
        for call in one.get("tool_calls") or ()
    ]
    return {"output": compose("\n\n".join(filter(None, words)), calls), "tool_calls": len(calls) or None}


def take_request(run: LangChainRun, messages: Any, prompt: Optional[str], about: Mapping[str, Any]) -> None:
    """Note what is asked. In the caller's thread.

    :param messages: LangChain's messages, or None for a completion of ``prompt``.
    :param about: what LangChain says besides: ``invocation_params``, and ``metadata`` for who serves the model.
    """
    metadata, parameters = about.get("metadata"), about.get("invocation_params")
    metadata = metadata if isinstance(metadata, dict) else {}
    parameters = parameters if isinstance(parameters, dict) else {}
    model = first_text(parameters, _MODELS) or first_text(metadata, ("ls_model_name",))
    notes = run.notes = LLMNotes({"provider": metadata.get("ls_provider")}, model)
    if not (settings.capture_io or guards.any):
        return
    taken, was_cut, size = take_question(model, messages, prompt, parameters)
    run.span._size += size
    if settings.capture_io:
        notes.request, notes.cut = taken, was_cut
    else:
        notes.unkept = (taken, None)


def take_answer(run: LangChainRun, result: Any) -> None:
    """Note what came back, whole or, after a failure, in part. In the caller's thread."""
    notes = run.notes
    if not isinstance(notes, LLMNotes):
        return
    notes.told = told = take_result(result)
    if not (settings.capture_io or guards.any):
        return
    taken, size = take_answers(told)
    run.span._size += size
    if settings.capture_io:
        notes.answers = taken
    else:
        notes.unkept = (notes.unkept[0], taken)
