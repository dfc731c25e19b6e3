"""What a request says about the call: from the arguments of LiteLLM's functions."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

from peekr.capture import LLM_LIMIT, PAYLOAD_LIMIT, cut, room, text
from peekr.messages import lighten, messages_text
from peekr.payload import request_document

# fmt: off
#: Arguments that go to the model; the others are keys, clients, addresses and LiteLLM's own affairs.
_PARAMETERS = frozenset((
    "model", "messages", "prompt", "input", "query", "documents", "instructions", "tools", "tool_choice",
    "functions", "function_call", "temperature", "top_p", "top_k", "top_n", "n", "stream", "stream_options",
    "stop", "max_tokens", "max_completion_tokens", "max_output_tokens", "presence_penalty", "frequency_penalty",
    "logit_bias", "logprobs", "top_logprobs", "user", "response_format", "seed", "parallel_tool_calls",
    "modalities", "prediction", "audio", "reasoning_effort", "reasoning", "thinking", "verbosity",
    "web_search_options", "service_tier", "safety_identifier", "prompt_cache_key", "suffix", "echo", "best_of",
    "dimensions", "encoding_format", "include", "max_tool_calls", "previous_response_id", "store", "text",
    "truncation", "background", "conversation", "size", "quality", "style", "output_format",
    "output_compression", "voice", "speed", "language", "timestamp_granularities", "return_documents",
    "rank_fields", "max_chunks_per_doc", "num_retries",
))
# fmt: on
#: Values of a request that are looked at one by one; what follows these is left to the encoder.
_MAX_VALUES = 20_000
_INPUTS = ("prompt", "input", "query", "messages")


def taken(given: Mapping[str, Any]) -> Tuple[bytes, bool]:
    """Return a request as a JSON document, and whether it was cut. In the caller's thread.

    Messages may be LiteLLM's own objects, as they came back; a format may be a class.
    """
    body = {name: given[name] for name in given if name in _PARAMETERS and given[name] is not None}
    if "file" in given:
        body["file"] = _file_note(given["file"])
    if room([body], PAYLOAD_LIMIT) < 0:
        body = _Shaping().of(body, 0)
    return request_document(body)


class _Shaping:
    """Makes plain data of the objects inside a request."""

    def __init__(self) -> None:
        self._left = _MAX_VALUES

    def of(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str or value is None or self._left <= 0 or depth > 32:
            return value
        if kind is dict:
            self._left -= len(value)
            return {key: self.of(item, depth + 1) for key, item in value.items()}
        if kind is list or kind is tuple:
            self._left -= len(value)
            return [self.of(item, depth + 1) for item in value] if self._left > 0 else value
        if isinstance(value, type):
            return value.__name__
        dump = getattr(value, "model_dump", None) or getattr(value, "dict", None)
        return self.of(dump(exclude_none=True), depth + 1) if callable(dump) else value


def _file_note(file: Any) -> Dict[str, Any]:
    """Describe an upload by name and size without reading it."""
    content = file[1] if isinstance(file, tuple) and len(file) > 1 else file
    name = file[0] if isinstance(file, tuple) and file else getattr(content, "name", None)
    size = len(content) if isinstance(content, (bytes, bytearray)) else None
    note = {"name": name if isinstance(name, str) else None, "size_bytes": size}
    return {key: value for key, value in note.items() if value is not None}


def request_attributes(family: str, request: Mapping[str, Any]) -> Dict[str, Any]:
    """Return ``input``, and ``system`` where the messages begin with one."""
    if family == "chat":
        messages = request.get("messages")
        return {"input": messages_text(lighten(messages)), "system": _system(messages)}
    if family == "responses":
        items = _conversation(request)
        return {"input": messages_text(lighten(items)), "system": _system(items)}
    for key in _INPUTS:
        value = request.get(key)
        if isinstance(value, str) and value:
            return {"input": cut(value, LLM_LIMIT)}
        if value:
            return {"input": text(lighten(value), LLM_LIMIT)}
    return {"input": text(request["file"], LLM_LIMIT)} if "file" in request else {}


def _conversation(request: Mapping[str, Any]) -> List[Any]:
    given = request.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else list(given or ())
    instructions = request.get("instructions")
    return [{"role": "system", "content": instructions}, *items] if instructions else items


def _system(messages: Any) -> Optional[str]:
    first = messages[0] if isinstance(messages, list) and messages else None
    if not isinstance(first, dict) or first.get("role") not in ("system", "developer"):
        return None
    content = first.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return cut(content, LLM_LIMIT) if isinstance(content, str) and content else None
