"""Tokens of a call by modality, out of the usage that the provider sent. Pure functions."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Tuple

#: Key of a usage object → what its details are part of, in OpenAI's two APIs and Gemini's.
_DETAILS = {
    "prompt_tokens_details": "input_tokens",
    "input_tokens_details": "input_tokens",
    "promptTokensDetails": "input_tokens",
    "completion_tokens_details": "output_tokens",
    "output_tokens_details": "output_tokens",
    "candidatesTokensDetails": "output_tokens",
    "cacheTokensDetails": "cache_read.input_tokens",
}
_MODALITIES = ("text", "image", "audio")


def tokens_by_modality(payload: Any) -> Dict[Tuple[str, str], int]:
    """Return ``(modality, tokens)`` → count, empty where the response of the payload does not tell.

    ``tokens`` is ``input_tokens``, ``output_tokens`` or ``cache_read.input_tokens``. Modalities without tokens are left
    out.
    """
    response = payload.get("response") if isinstance(payload, dict) else None
    usage = (response.get("usage") or response.get("usageMetadata")) if isinstance(response, dict) else None
    out: Dict[Tuple[str, str], int] = {}
    for key, tokens in _DETAILS.items():
        for modality, count in _split(usage.get(key) if isinstance(usage, dict) else None):
            if modality in _MODALITIES and type(count) is int and count > 0:
                out[modality, tokens] = count
    return out


def _split(details: Any) -> Iterator[Tuple[str, Any]]:
    """OpenAI has ``{"audio_tokens": 3}``, Gemini ``[{"modality": "AUDIO", "tokenCount": 3}]``."""
    if isinstance(details, Mapping):
        for name, count in details.items():
            yield str(name).partition("_tokens")[0], count
    elif isinstance(details, list):
        for item in details:
            if isinstance(item, Mapping):
                yield str(item.get("modality")).lower(), item.get("tokenCount")
