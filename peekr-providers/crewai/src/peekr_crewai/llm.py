"""A call of a model: what is noted of it in the caller's thread, and what the worker makes of that."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Dict, List, Optional, Tuple

import attrs
import msgspec

from peekr.context import current
from peekr.frameworks import FrameworkCall
from peekr.guarding import guards
from peekr.messages import lighten, messages_text
from peekr.patching import note_failure
from peekr.payload import exchange, request_document
from peekr.settings import settings
from peekr.spans import Span
from peekr_crewai.answers import answer_message, messages_of, output_attributes, parameters_of, usage_attributes
from peekr_crewai.doing import Call, Doing, Step
from peekr_crewai.outline import name_of, plain_of, role_of


@attrs.define(eq=False)
class LLMNotes:
    """The record of one call until the worker has made attributes of it.

    :ivar facts: attributes without content.
    :ivar request: what was asked, as JSON; None where nothing may be captured.
    :ivar cut: whether it was cut.
    :ivar answer: what came back, as JSON; None where nothing did, or may be captured.
    :ivar unkept: both, where nothing may be captured, for evaluators only.
    :ivar usages: what CrewAI noted of the tokens of each request.
    :ivar recorded: whether another span recorded the same call.
    """

    facts: Dict[str, Any]
    request: Optional[bytes] = None
    cut: bool = False
    answer: Optional[bytes] = None
    unkept: Tuple[Optional[bytes], Optional[bytes]] = (None, None)
    usages: List[Dict[str, Any]] = attrs.field(factory=list)
    recorded: bool = False

    def preview_answer(self, view: Span) -> None:
        """Describe the call on a copy of its span, whatever may be captured."""
        request, answer = self.unkept
        attrs.evolve(self, facts=dict(self.facts), request=request, answer=answer).resolve(view)

    def resolve(self, span: Span) -> None:
        """Set the span's attributes and payload. In the worker."""
        found = self.facts
        answer = None if self.answer is None else msgspec.json.decode(self.answer)
        if self.request is not None:
            found["input"] = messages_text(lighten(msgspec.json.decode(self.request).get("messages")))
            if not self.recorded:
                span._payload = exchange(self.request, answer, cut=self.cut)
        if answer is not None:
            found.update(output_attributes(answer))
        if self.recorded:
            found["billed"] = False
        else:
            found.update(usage_attributes(self.usages))
        known = span.attributes
        for name, value in found.items():
            if value is not None:
                known.setdefault(name, value)


class LLMDoing(Doing, FrameworkCall):
    """A call of a model: what a provider's plugin records of it is the call that is billed."""

    def __init__(self, step: Step, owner: Any, span: Span) -> None:
        super().__init__(span, current.get())
        self.start(step, owner, span)

    def leave(self) -> None:
        """Make current what was before; what still runs in copies of the context belongs to the call no more."""
        super().leave()
        self.close()


class LLMCall(Step):
    """``call`` and ``acall`` of CrewAI's models: one call, whatever number of requests it takes."""

    name = "crewai.llm.call"
    kind = "llm"

    def place(self, call: Call, span: Span) -> Doing:
        return LLMDoing(self, call.owner, span)

    def begin(self, doing: Doing, call: Call) -> None:
        llm = call.owner
        notes = doing.notes = LLMNotes(
            {
                "model": name_of(getattr(llm, "model", None)),
                "provider": name_of(getattr(llm, "provider", None)),
                "agent_role": role_of(call.kwargs.get("from_agent"), settings.capture_io),
            }
        )
        if not (settings.capture_io or guards.any):
            return
        asked = {"model": notes.facts["model"], "messages": messages_of(call.given(0, "messages"))}
        asked.update(parameters_of(llm))
        tools = call.given(1, "tools")
        if tools:
            asked["tools"] = plain_of(tools)
        request, notes.cut = request_document(asked)
        doing.own._size += len(request)
        if settings.capture_io:
            notes.request = request
        else:
            notes.unkept = (request, None)

    def finish(self, doing: Doing, result: Any) -> None:
        notes = doing.notes
        if notes is None or doing.own is None or not (settings.capture_io or guards.any):
            return
        answer, _ = request_document(answer_message(result))
        doing.own._size += len(answer)
        if settings.capture_io:
            notes.answer = answer
        else:
            notes.unkept = (notes.unkept[0], answer)

    def close(self, doing: Doing, *, finalizing: bool = False) -> None:
        notes = doing.notes
        if notes is not None and isinstance(doing, LLMDoing):
            notes.recorded = doing.recorded
            doing.own._pending = notes.resolve  # not sooner: who reads or sets an attribute resolves it
            doing.notes = None
        super().close(doing, finalizing=finalizing)


def call_around() -> Optional[LLMNotes]:
    """Return the notes of the call of a model that the running code is a part of."""
    here = current.get()
    call = here if isinstance(here, LLMDoing) else None if here is None else here.scope.framework
    return call.notes if isinstance(call, LLMDoing) and isinstance(call.notes, LLMNotes) else None


def wrap_usage(original: Any) -> Any:
    """Wrap ``_track_token_usage_internal(usage)``, which a model's object calls after each request."""

    @functools.wraps(original)
    def track(self: Any, *args: Any, **kwargs: Any) -> Any:
        _note_usage(args[0] if args else next(iter(kwargs.values()), None))
        return original(self, *args, **kwargs)

    return track


def wrap_token_callback(original: Any) -> Any:
    """Wrap ``TokenCalcHandler.log_success_event``, with which older versions count tokens.

    LiteLLM calls it too, in a thread of its own, with real times; CrewAI itself passes zeros.
    """

    @functools.wraps(original)
    def log_success_event(self: Any, *args: Any, **kwargs: Any) -> Any:
        started = kwargs.get("start_time", args[2] if len(args) > 2 else None)
        response = kwargs.get("response_obj", args[1] if len(args) > 1 else None)
        if type(started) is int and isinstance(response, dict):
            _note_usage(response.get("usage"))
        return original(self, *args, **kwargs)

    return log_success_event


def _note_usage(usage: Any) -> None:
    try:
        notes = call_around()
        fields = usage if isinstance(usage, dict) else getattr(usage, "__dict__", None)
        if notes is not None and isinstance(fields, dict):
            notes.usages.append(dict(fields))
    except Exception as error:
        note_failure("noting CrewAI's token counts", error)


def is_concrete(owner: Any, name: str) -> bool:
    """Whether a class has this method of its own, and it can be called."""
    method = vars(owner).get(name)
    return inspect.isfunction(method) and not getattr(method, "__isabstractmethod__", False)
