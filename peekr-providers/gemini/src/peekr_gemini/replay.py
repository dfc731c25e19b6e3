"""Sending recorded calls again: content and embeddings."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional
from urllib.parse import urlsplit

from peekr.replaying import Request, Shape
from peekr.spans import Span
from peekr_gemini.call import Call
from peekr_gemini.data import serialize
from peekr_gemini.operations import GENERATE

_OWN_HOSTS = ("generativelanguage.googleapis.com", "aiplatform.googleapis.com")
_NAMES = ("gemini.generate_content", "gemini.generate_content_stream")
_GENERATION = "generationConfig"


def _content(text: str) -> Dict[str, Any]:
    return {"role": "user", "parts": [{"text": text}]}


_SHAPE = Shape(
    "contents",
    "systemInstruction",
    as_system=lambda text: {"role": "user", "parts": [{"text": text}]},
    message=_content,
    inside=_GENERATION,
    top=frozenset(("contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "cachedContent")),
    names={
        "max_tokens": f"{_GENERATION}.maxOutputTokens",
        "max_output_tokens": f"{_GENERATION}.maxOutputTokens",
        "top_p": f"{_GENERATION}.topP",
        "top_k": f"{_GENERATION}.topK",
        "stop": f"{_GENERATION}.stopSequences",
    },
)


class GeminiReplayer:
    """By ``google.genai``; calls of its predecessor and of the Interactions API cannot be sent again."""

    distribution = "google-genai"

    def shape(self, span: Span) -> Optional[Shape]:
        return _SHAPE if span.name in _NAMES else None

    def client(self, span: Span) -> Any:
        from google import genai

        return genai.Client(vertexai=True) if _is_vertex(span) else genai.Client()

    def host(self, client: Any) -> Optional[str]:
        host = urlsplit(_base_url(client) or "").hostname
        return None if host is None or host.endswith(_OWN_HOSTS) else host

    def send(self, span: Span, old: Span, request: Request, client: Any) -> None:
        call = Call(span, GENERATE, request.get("model"), _is_vertex(old), True)
        call.take_request(request, _base_url(client))
        try:
            result = client.models.generate_content(**arguments(request))
            call.body = serialize(result)
        except Exception as error:
            call.describe_error(span, error)
            raise
        finally:
            call.resolve(span)


def _is_vertex(old: Span) -> bool:
    return old.attributes.get("provider") == "vertex"


def _base_url(client: Any) -> Any:
    return getattr(getattr(client._api_client, "_http_options", None), "base_url", None)


def arguments(request: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the arguments of ``generate_content`` that make this request of the API."""
    from google.genai import types

    config: Dict[str, Any] = {}
    contents: List[Any] = []
    for name, value in request.items():
        if name == "contents":
            contents = [types.Content.model_validate_json(json.dumps(each)) for each in _listed(value)]
        elif name == _GENERATION and isinstance(value, Mapping):
            config.update(value)
        elif name != "model" and name[:1] != "_":
            config[name] = value
    return {
        "model": request.get("model"),
        "contents": contents,
        "config": types.GenerateContentConfig.model_validate_json(json.dumps(config)) if config else None,
    }


def _listed(contents: Any) -> List[Any]:
    given = contents if isinstance(contents, list) else [contents]
    return [_content(each) if isinstance(each, str) else each for each in given]
