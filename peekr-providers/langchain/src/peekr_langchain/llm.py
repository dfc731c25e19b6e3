"""An LLM run: what is noted of it in the caller's thread, and what the worker makes of that."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import attrs
import msgspec

from peekr.capture import LLM_LIMIT, cut
from peekr.guarding import guards
from peekr.messages import compose, lighten, messages_text
from peekr.payload import exchange, request_document
from peekr.settings import settings
from peekr.spans import Span
from peekr_langchain.answers import answer_facts, answer_messages, first_text, taken_facts
from peekr_langchain.outline import MANY, Json, message_dict, outline, words_of
from peekr_langchain.runs import LangChainRun

_MODELS = ("model", "model_name", "model_id", "deployment_name", "azure_deployment", "repo_id")
#: What was asked or came back: plain data that nobody else can change, which the worker makes JSON of, else JSON.
Taken = Union[bytes, Json, List[Json]]
#: Characters of a conversation up to which it may wait for the worker as it is, without being cut.
_SHORT = 10_000
_SIMPLE = frozenset((str, int, float, bool))
#: Parameters that say nothing of the call itself.
_NO_PARAMETERS = frozenset(("_type", "stream", "model", "model_name", "messages"))


@attrs.define(eq=False)
class LLMNotes:
    """The record of one LLM run until the worker has made attributes of it.

    :ivar facts: attributes without content.
    :ivar told: what of the result tells more of them.
    :ivar asked: the model asked for.
    :ivar request: what was asked; None where nothing may be captured.
    :ivar cut: whether ``request`` was cut already.
    :ivar answers: the messages that came back; None where there were none, or none may be captured.
    :ivar unkept: ``request`` and ``answers`` where nothing may be captured, for evaluators only.
    :ivar recorded: whether another span recorded the same call.
    :ivar ttft_ms: until the first token.
    """

    facts: Dict[str, Any]
    asked: Optional[str] = None
    told: Optional[Json] = None
    request: Optional[Taken] = None
    cut: bool = False
    answers: Optional[Taken] = None
    unkept: Tuple[Optional[Taken], Optional[Taken]] = (None, None)
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
        answers: List[Any] = [] if self.answers is None else msgspec.json.decode(_document(self.answers)[0])
        if self.request is not None:
            request, was_cut = _document(self.request)
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


def _size_if_own(messages: Sequence[Json]) -> int:
    """Return how many characters of text the messages hold if it is little and nobody else can change it, else 0."""
    size = 0
    for message in messages:
        content = message["content"]
        if type(content) is not str or "tool_calls" in message:
            return 0
        size += len(content)
    return size if size <= _SHORT else 0


def _document(taken: Taken) -> Tuple[bytes, bool]:
    return (taken, False) if isinstance(taken, bytes) else request_document(taken)


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
    asked: Dict[str, Any] = {"model": model}
    if messages is None:
        asked["prompt"] = prompt
        size = 0
    else:
        asked["messages"] = said = [message_dict(message) for message in messages]
        size = _size_if_own(said)
    given = {name: value for name, value in parameters.items() if value is not None and name not in _NO_PARAMETERS}
    if given:
        asked = {**asked, **outline(given, MANY), **asked}  # what was said first, as the end may be cut off
        if not _SIMPLE.issuperset(map(type, given.values())):
            size = 0
    taken: Taken = asked
    if not size:
        taken, notes.cut = request_document(asked)
    run.span._size += size or len(taken)
    if settings.capture_io:
        notes.request = taken
    else:
        notes.unkept = (taken, None)


def take_answer(run: LangChainRun, result: Any) -> None:
    """Note what came back, whole or, after a failure, in part. In the caller's thread."""
    notes = run.notes
    if not isinstance(notes, LLMNotes):
        return
    notes.told = taken_facts(result)
    messages = answer_messages(result) if settings.capture_io or guards.any else None
    if messages:
        size = _size_if_own(messages)
        taken: Taken = messages if size else request_document(messages)[0]
        run.span._size += size or len(taken)
        if settings.capture_io:
            notes.answers = taken
        else:
            notes.unkept = (notes.unkept[0], taken)
