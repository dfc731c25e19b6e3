"""Asking for the token counts of a stream that the caller did not ask for, and keeping that from the caller."""

from __future__ import annotations

import sys
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from peekr.patching import note_failure
from peekr_litellm.operations import CHAT, TEXT, Operation

#: Providers that tell the counts of a stream only if they are asked; and LiteLLM's list of compatible ones.
_PROVIDERS = frozenset(("openai", "azure", "azure_text", "text-completion-openai", "custom_openai"))
#: Servers that turned the question down.
_without: Set[Tuple[str, Any]] = set()


def asking(operation: Operation, given: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """Return the ``stream_options`` to call with, or None where the request is to stay as it is. Never raises."""
    if operation not in (CHAT, TEXT) or not given.get("stream"):
        return None
    try:
        options = given.get("stream_options")
        if options is not None and (not isinstance(options, dict) or "include_usage" in options):
            return None
        return {**(options or {}), "include_usage": True} if _understands(operation, given) else None
    except Exception as error:
        note_failure("asking LiteLLM for the usage of a stream", error)
        return None


def _understands(operation: Operation, given: Mapping[str, Any]) -> bool:
    """Whether the provider will tell if it is asked. Nothing is asked where it would change LiteLLM's cache keys."""
    litellm: Any = sys.modules["litellm"]
    if given.get("mock_response") is not None or getattr(litellm, "cache", None) is not None:
        return False
    provider, model = _provider(litellm, given)
    if provider is None or (provider, given.get("api_base") or given.get("base_url")) in _without:
        return False
    if provider not in _PROVIDERS and provider not in getattr(litellm, "openai_compatible_providers", ()):
        return False
    if operation is TEXT:
        return True
    supported = litellm.get_supported_openai_params(model=model, custom_llm_provider=provider)
    return "stream_options" in (supported or ())


def _provider(litellm: Any, given: Mapping[str, Any]) -> Tuple[Optional[str], str]:
    """Return the provider and its name of the model. LiteLLM's own function prints where it does not know."""
    model = given.get("model")
    if not isinstance(model, str):
        return None, ""
    named = given.get("custom_llm_provider")
    if isinstance(named, str) and named:
        return named, model
    prefix, _, rest = model.partition("/")
    if rest and prefix in getattr(litellm, "provider_list", ()):
        return str(getattr(prefix, "value", prefix)), rest
    known = getattr(litellm, "model_cost", {}).get(model)
    provider = known.get("litellm_provider") if isinstance(known, dict) else None
    return (provider, model) if isinstance(provider, str) else (None, model)


def turned_down(error: BaseException, given: Mapping[str, Any]) -> bool:
    """Whether a server does not know ``stream_options``; it is not asked again."""
    if getattr(error, "status_code", None) not in (400, 404, 422) or "stream_options" not in str(error):
        return False
    provider, _ = _provider(sys.modules["litellm"], given)
    _without.add((str(provider), given.get("api_base") or given.get("base_url")))
    return True


def unasked(stream: Any, options: Optional[Mapping[str, Any]]) -> None:
    """Let a stream keep to itself what only peekr asked for.

    :param options: the caller's own ``stream_options``.
    """
    for each in _both(stream):
        for owner in (each, getattr(each, "logging_obj", None)):
            if owner is not None and isinstance(getattr(owner, "stream_options", None), dict):
                owner.stream_options = options
        if getattr(each, "send_stream_usage", None) is True:
            each.send_stream_usage = False


def usages(stream: Any) -> List[List[Any]]:
    """Return the lists in which a stream, and the one in it, keep their chunks, with the usage in them."""
    return [each.chunks for each in _both(stream) if isinstance(getattr(each, "chunks", None), list)]


def _both(stream: Any) -> List[Any]:
    return [each for each in (stream, getattr(stream, "completion_stream", None)) if each is not None]
