"""Sending recorded calls again: Converse and InvokeModel."""

from __future__ import annotations

import base64
import json
from typing import Any, Dict, List, Optional
from urllib.parse import urlsplit

import attrs

from peekr.replaying import Request, Shape
from peekr.spans import Span
from peekr_bedrock.call import Call
from peekr_bedrock.errors import describe_error
from peekr_bedrock.operations import INVOKE_MODEL, OPERATIONS

_CONVERSE = Shape(
    system="system",
    as_system=lambda text: [{"text": text}],
    message=lambda text: {"role": "user", "content": [{"text": text}]},
    model="modelId",
    names={
        "temperature": "inferenceConfig.temperature",
        "max_tokens": "inferenceConfig.maxTokens",
        "maxTokens": "inferenceConfig.maxTokens",
        "top_p": "inferenceConfig.topP",
        "topP": "inferenceConfig.topP",
        "stop": "inferenceConfig.stopSequences",
        "stopSequences": "inferenceConfig.stopSequences",
    },
)
_INVOKE = Shape(None, model="modelId", inside="body")
#: Streamed calls are sent at once.
_SHAPES = {
    "bedrock.converse": _CONVERSE,
    "bedrock.converse_stream": _CONVERSE,
    "bedrock.invoke_model": _INVOKE,
    "bedrock.invoke_model_with_response_stream": _INVOKE,
}


class BedrockReplayer:
    """By boto3, with its credentials and in the region of the recorded call."""

    distribution = "boto3"

    def shape(self, span: Span) -> Optional[Shape]:
        shape = _SHAPES.get(span.name)
        return _body_shape(span) if shape is _INVOKE else shape

    def client(self, span: Span) -> Any:
        import boto3

        return boto3.client("bedrock-runtime", region_name=span.attributes.get("region"))

    def host(self, client: Any) -> Optional[str]:
        host = urlsplit(client.meta.endpoint_url).hostname or ""
        return None if host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")) else host

    def send(self, span: Span, old: Span, request: Request, client: Any) -> None:
        operation = OPERATIONS["Converse"][1] if _SHAPES[old.name] is _CONVERSE else INVOKE_MODEL
        call = Call(span, operation, client.meta.region_name, client.meta.endpoint_url)
        try:
            if operation is INVOKE_MODEL:
                request = {**request, "body": json.dumps(request.get("body"), ensure_ascii=False).encode()}
                call.take_request(request, True)
                result = client.invoke_model(**request)
                call.body = result["body"].read()
            else:
                request = _with_bytes(request)
                call.take_request(request, True)
                result = client.converse(**request)
                call.take_result(result)
            call.take_metadata(result)
        except Exception as error:
            describe_error(span, error)
            raise
        finally:
            call.resolve(span)


def _body_shape(span: Span) -> Shape:
    """Each family of models has a body of its own: some with a system prompt beside the messages, some among them."""
    body = ((span.payload or {}).get("request") or {}).get("body")
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(messages, list):
        return _INVOKE
    among = "system" not in body and any(isinstance(each, dict) and each.get("role") == "system" for each in messages)
    parts = isinstance(body.get("system"), list) or "inferenceConfig" in body
    return attrs.evolve(
        _INVOKE,
        messages="body.messages",
        system=None if among else "body.system",
        as_system=_CONVERSE.as_system if parts else str,
    )


def _with_bytes(value: Any, key: str = "") -> Any:
    """The payload has bytes as base64."""
    if isinstance(value, dict):
        out: Dict[str, Any] = {name: _with_bytes(item, name) for name, item in value.items()}
        return out
    if isinstance(value, list):
        items: List[Any] = [_with_bytes(item, key) for item in value]
        return items
    return base64.b64decode(value) if key == "bytes" and isinstance(value, str) else value
