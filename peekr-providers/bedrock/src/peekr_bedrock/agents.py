"""Guardrails, agents, flows and knowledge bases: what their responses and event streams tell."""

from __future__ import annotations

import base64
from typing import Any, Dict, List

import msgspec

from peekr.capture import LLM_LIMIT, PAYLOAD_LIMIT, text
from peekr.messages import lighten
from peekr_bedrock.answer import Answer, Json, joined, objects, part
from peekr_bedrock.tokens import token_attributes


def read_guardrail(response: Json) -> Answer:
    """Read a response of ApplyGuardrail; its usage counts policy units, not tokens."""
    action = response.get("action")
    intervened = action == "GUARDRAIL_INTERVENED"
    return Answer(
        joined(response.get("outputs"), "text"), finishes=[action], reason="guardrail" if intervened else None
    )


def read_retrieval(response: Json) -> Answer:
    """Read a response of Retrieve or Rerank."""
    found = list(objects(response.get("retrievalResults", response.get("results"))))
    answer = Answer(text(lighten(found), LLM_LIMIT), more={"results_count": len(found)})
    return _guarded(answer, response)


def read_rag(response: Json) -> Answer:
    """Read a response of RetrieveAndGenerate, which reports no tokens."""
    citations = list(objects(response.get("citations")))
    words = part(response, "output").get("text")
    answer = Answer(words if isinstance(words, str) else "", more={"citations_count": len(citations)})
    return _guarded(answer, response)


def read_flow(response: Json) -> Answer:
    """Read what came of a flow."""
    documents = [part(output, "content").get("document") for output in objects(response.get("outputs"))]
    words = [one if isinstance(one, str) else text(one, LLM_LIMIT) for one in documents]
    return Answer("\n\n".join(words), finishes=[response.get("completionReason")])


def read_agent(response: Json) -> Answer:
    """Read what came of an agent's turn. It reports models and tokens only to those who ask for its trace."""
    answer = Answer(str(response.get("text") or ""), usage=response.get("usage"), more={"model": response.get("model")})
    for asked in objects(part(response, "returnControl").get("invocationInputs")):
        function, api = part(asked, "functionInvocationInput"), part(asked, "apiInvocationInput")
        answer.call(
            function.get("function") or f"{api.get('httpMethod')} {api.get('apiPath')}",
            {str(one.get("name")): one.get("value") for one in objects((function or api).get("parameters"))},
        )
    return answer


def read_other(response: Json) -> Answer:
    """Show a response of no special reading as it is."""
    return Answer(text(lighten(dict(response)), LLM_LIMIT))


def _guarded(answer: Answer, response: Json) -> Answer:
    if response.get("guardrailAction") == "INTERVENED":
        answer.reason = "guardrail"
    return answer


class Fold:
    """Folds the events of a stream that has no mark at its end: it is whole when it ends by itself."""

    complete = cut = False

    def add(self, name: str, event: Json) -> None:
        """Fold one event."""

    def response(self) -> Dict[str, Any]:
        """Return what is known as one response."""
        return {}


class MarkedFold(Fold):
    """Folds the events of a stream whose last one is known: without it, the stream was cut."""

    @property
    def cut(self) -> bool:  # type: ignore[override]
        """Whether the end is missing."""
        return not self.complete


class AgentFold(Fold):
    """Folds the events of InvokeAgent and InvokeInlineAgent.

    The agent's traces are kept up to the size of a payload; their tokens are summed up, one model call each.
    """

    def __init__(self) -> None:
        self._text: List[bytes] = []
        self._traces: List[Json] = []
        self._room = PAYLOAD_LIMIT
        self._usage: Dict[str, int] = {}
        self._rest: Dict[str, Any] = {}

    def add(self, name: str, event: Json) -> None:
        if name == "chunk":
            self._text.append(blob(event.get("bytes")))
        elif name == "trace":
            self._trace(event)
        elif name == "returnControl":
            self._rest[name] = event

    def _trace(self, event: Json) -> None:
        for step in part(event, "trace").values():
            model = part(step, "modelInvocationInput").get("foundationModel")
            if isinstance(model, str):
                self._rest["model"] = model
            spent = token_attributes([part(step, "modelInvocationOutput", "metadata", "usage")])
            for key, name in (("inputTokens", "tokens_input"), ("outputTokens", "tokens_output")):
                if name in spent:
                    self._usage[key] = self._usage.get(key, 0) + spent[name]
        self._room -= len(msgspec.json.encode(event)) if self._room > 0 else 0
        if self._room > 0:
            self._traces.append(event)

    def response(self) -> Dict[str, Any]:
        whole = {"text": b"".join(self._text).decode("utf-8", "replace"), **self._rest}
        if self._usage:
            whole["usage"] = self._usage
        if self._traces:
            whole["traces"] = self._traces
        return whole


class RagFold(Fold):
    """Folds the events of RetrieveAndGenerateStream."""

    def __init__(self) -> None:
        self._text: List[str] = []
        self._citations: List[Json] = []
        self._rest: Dict[str, Any] = {}

    def add(self, name: str, event: Json) -> None:
        if name == "output":
            self._text.append(str(event.get("text") or ""))
        elif name == "citation":
            self._citations.append(event)
        elif name == "guardrail":
            self._rest["guardrailAction"] = event.get("action")

    def response(self) -> Dict[str, Any]:
        return {"output": {"text": "".join(self._text)}, "citations": self._citations, **self._rest}


class FlowFold(Fold):
    """Folds the events of InvokeFlow."""

    def __init__(self) -> None:
        self._outputs: List[Json] = []
        self._rest: Dict[str, Any] = {}

    @property
    def complete(self) -> bool:  # type: ignore[override]
        """Whether the flow said that it has ended."""
        return "completionReason" in self._rest

    def add(self, name: str, event: Json) -> None:
        if name == "flowOutputEvent":
            self._outputs.append(event)
        elif name == "flowCompletionEvent":
            self._rest.update(event)

    def response(self) -> Dict[str, Any]:
        return {"outputs": self._outputs, **self._rest}


def blob(value: Any) -> bytes:
    """Return the bytes of a blob: base64 on the wire, bytes once the SDK has parsed it."""
    if isinstance(value, str):
        return base64.b64decode(value)
    return bytes(value) if isinstance(value, (bytes, bytearray)) else b""
