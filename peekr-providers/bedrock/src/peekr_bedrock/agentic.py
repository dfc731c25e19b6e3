"""Agentic retrieval and the optimisation of prompts: what their event streams tell. Neither reports tokens."""

from __future__ import annotations

from typing import Any, Dict, List

import msgspec

from peekr.capture import LLM_LIMIT, PAYLOAD_LIMIT, text
from peekr.messages import lighten
from peekr_bedrock.agents import MarkedFold
from peekr_bedrock.answer import Answer, Json, objects, part


def read_agentic(response: Json) -> Answer:
    """Read what came of AgenticRetrieveStream: an answer where one was asked for, else what was found."""
    made = part(response, "generatedResponse")
    found, citations = list(objects(response.get("results"))), list(objects(made.get("citations")))
    words = made.get("answer") or response.get("text")
    answer = Answer(words if isinstance(words, str) and words else text(lighten(found), LLM_LIMIT))
    answer.more = {"results_count": len(found), "citations_count": len(citations) or None}
    if response.get("guardrailAction") == "INTERVENED":
        answer.reason = "guardrail"
    return answer


def read_optimized(response: Json) -> Answer:
    """Read what came of OptimizePrompt."""
    words = part(response, "optimizedPrompt", "textPrompt").get("text")
    return Answer(words if isinstance(words, str) else "")


class AgenticFold(MarkedFold):
    """Folds the events of AgenticRetrieveStream; its steps are kept up to the size of a payload."""

    def __init__(self) -> None:
        self._text: List[str] = []
        self._steps: List[Json] = []
        self._room = PAYLOAD_LIMIT
        self._rest: Dict[str, Any] = {}

    @property
    def complete(self) -> bool:  # type: ignore[override]
        """Whether the result has come, which is the last event."""
        return "results" in self._rest or "generatedResponse" in self._rest

    def add(self, name: str, event: Json) -> None:
        if name == "responseEvent":
            self._text.append(str(event.get("text") or ""))
        elif name == "result":
            self._result(event)
        elif name == "traceEvent":
            self._step(event)

    def _result(self, event: Json) -> None:
        self._rest.setdefault("results", []).extend(objects(event.get("results")))
        self._rest.update((key, value) for key, value in event.items() if key != "results")

    def _step(self, event: Json) -> None:
        for warning in objects(part(event, "attributes").get("warnings")):
            if part(warning, "guardrail").get("action") == "INTERVENED":
                self._rest["guardrailAction"] = "INTERVENED"
        self._room -= len(msgspec.json.encode(event)) if self._room > 0 else 0
        if self._room > 0:
            self._steps.append(event)

    def response(self) -> Dict[str, Any]:
        whole = {"text": "".join(self._text), **self._rest}
        return {**whole, "steps": self._steps} if self._steps else whole


class OptimizeFold(MarkedFold):
    """Folds the events of OptimizePrompt."""

    def __init__(self) -> None:
        self._analysis: List[str] = []
        self._rest: Dict[str, Any] = {}

    @property
    def complete(self) -> bool:  # type: ignore[override]
        """Whether the optimised prompt has come."""
        return bool(self._rest)

    def add(self, name: str, event: Json) -> None:
        if name == "analyzePromptEvent":
            self._analysis.append(str(event.get("message") or ""))
        elif name == "optimizedPromptEvent":
            self._rest.update(event)

    def response(self) -> Dict[str, Any]:
        return {**self._rest, "analysis": "".join(self._analysis)}
