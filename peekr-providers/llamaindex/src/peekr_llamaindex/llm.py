"""A call of a model: what is noted of it in the caller's thread, and what the worker makes of that."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

import attrs
import msgspec

from peekr.capture import LLM_LIMIT, cut
from peekr.frameworks import FrameworkCall
from peekr.guarding import guards
from peekr.messages import compose, lighten, messages_text
from peekr.payload import exchange, request_document
from peekr.settings import settings
from peekr.spans import Span
from peekr_llamaindex.answers import answer_facts, answer_message, first_text
from peekr_llamaindex.operations import ModelPlace, Operation, begin
from peekr_llamaindex.outline import MANY, fields_of, message_dict, outline, text_of, words_of

_MODELS = ("model", "model_name", "model_id", "deployment_name", "engine")
#: LlamaIndex' word for a model without a name.
_UNKNOWN = "unknown"
_PARAMETERS = ("temperature", "max_tokens", "top_p", "max_new_tokens", "context_window")
#: Where the packages of the integrations are: ``llama_index.llms.openai``.
_PACKAGES = ("llms", "multi_modal_llms", "embeddings")


@attrs.define(eq=False)
class LLMNotes:
    """The record of one call until the worker has made attributes of it.

    :ivar facts: attributes without content.
    :ivar asked: the model asked for.
    :ivar call: knows whether a provider recorded the same call.
    :ivar request: what was asked, as JSON; None where nothing may be captured.
    :ivar cut: whether ``request`` was cut.
    :ivar answer: the message that came back, as JSON; None where there was none, or none may be captured.
    :ivar unkept: ``request`` and ``answer`` where nothing may be captured, for evaluators only.
    """

    facts: Dict[str, Any]
    asked: Optional[str]
    call: FrameworkCall
    request: Optional[bytes] = None
    cut: bool = False
    answer: Optional[bytes] = None
    unkept: Tuple[Optional[bytes], Optional[bytes]] = (None, None)

    def preview_answer(self, view: Span) -> None:
        """Describe the call on a copy of its span, whatever may be captured."""
        request, answer = self.unkept
        attrs.evolve(self, facts=dict(self.facts), request=request, answer=answer).resolve(view)

    def resolve(self, span: Span) -> None:
        """Set the span's attributes and payload. In the worker."""
        found, recorded = self.facts, self.call.recorded
        if self.asked is not None and found.setdefault("model", self.asked) != self.asked:
            found["model_requested"] = self.asked
        said = None if self.answer is None else msgspec.json.decode(self.answer)
        if self.request is not None:
            found["input"] = _input_text(msgspec.json.decode(self.request))
            if not recorded:
                answers = {"messages": [said]} if said else None
                span._payload = exchange(self.request, answers, cut=self.cut)
        if said:
            found.update(_output(said))
        if recorded:
            found = {name: value for name, value in found.items() if not name.startswith("tokens_")}
            found["billed"] = False
        known = span.attributes
        for name, value in found.items():
            if value is not None:
                known.setdefault(name, value)


def _input_text(asked: Mapping[str, Any]) -> str:
    if "messages" in asked:
        return messages_text(lighten(asked["messages"]))
    return cut(str(asked.get("prompt")), LLM_LIMIT)


def _output(said: Mapping[str, Any]) -> Dict[str, Any]:
    calls = [
        {"name": call.get("name"), "arguments": call.get("arguments")}
        for call in said.get("tool_calls") or ()
        if isinstance(call, dict)
    ]
    words = words_of(said.get("content")) or said.get("refusal") or ""
    return {"output": compose(words, calls), "tool_calls": len(calls) or None}


def begin_call(instance: Any, method: str, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Operation:
    """Begin the span of a call and note what is asked. In the caller's thread."""
    api = "chat" if "chat" in method else "complete"
    operation = begin(f"llamaindex.llm.{api}", "llm", "llm", instance)
    place = operation.place
    assert isinstance(place, ModelPlace)
    model = model_of(instance)
    notes = operation.notes = LLMNotes({"provider": provider_of(instance)}, model, place)
    notes.facts["component"] = type(instance).__name__
    if settings.capture_io or guards.any:
        request, was_cut = request_document(_asked(api, model, instance, args, kwargs))
        operation.span._size += len(request)
        if settings.capture_io:
            notes.request, notes.cut = request, was_cut
        else:
            notes.unkept = (request, None)
    return operation


def model_of(instance: Any) -> str:
    """Return the model that an LLM or embedding of LlamaIndex asks for; its class where it does not say.

    Its ``metadata`` is asked last: it may be computed, and may refuse a model that it does not know.
    """
    own = first_text(fields_of(instance), _MODELS)
    if own is None:
        try:
            own = text_of(instance.metadata.model_name)
        except Exception:
            own = None
    return own if own and own != _UNKNOWN else type(instance).__name__


def provider_of(instance: Any) -> Optional[str]:
    """Return who serves the model, by the package of LlamaIndex that asks: ``llama_index.llms.openai``."""
    names = type(instance).__module__.split(".")
    known = len(names) > 2 and names[0] == "llama_index" and names[1] in _PACKAGES
    return names[2] if known else None


def _asked(api: str, model: Optional[str], instance: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    name = "messages" if api == "chat" else "prompt"
    given = dict(kwargs)
    said = given.pop(name, args[0] if args else None)
    given.pop("formatted", None)
    own = fields_of(instance)
    parameters = {key: own[key] for key in _PARAMETERS if isinstance(own.get(key), (int, float))}
    more = outline({**parameters, **{key: value for key, value in given.items() if value is not None}}, MANY)
    if api == "complete":
        return {"model": model, "prompt": said, **more}
    messages = [message_dict(message) for message in said] if isinstance(said, (list, tuple)) else []
    return {"model": model, "messages": messages, **more}


def take_answer(operation: Operation, response: Any, answer: Any = None) -> None:
    """Note what came back. In the caller's thread.

    :param answer: the message, where it is not that of ``response``.
    """
    notes = operation.notes
    if not isinstance(notes, LLMNotes):
        return
    notes.facts.update(answer_facts(response))
    if not (settings.capture_io or guards.any):
        return
    message = answer_message(response) if answer is None else answer
    if message is None:
        return
    taken = request_document(message)[0]
    operation.span._size += len(taken)
    if settings.capture_io:
        notes.answer = taken
    else:
        notes.unkept = (notes.unkept[0], taken)
