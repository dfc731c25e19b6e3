"""The functions of LiteLLM, each with a way to call it, sync and async, and the Router's."""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, List, Optional

from peekr.probes import Absent, Probe, reach
from peekr_litellm.doctor.api import TOKENS

QUESTION = "What is the capital of France?"
_MESSAGES = [{"role": "user", "content": QUESTION}]
_KEY = {"api_key": "none"}
#: ``{url}`` in a text stands for the server's.
_OPENAI = {"api_base": "{url}/v1", **_KEY}
_CHAT = {"model": "openai/gpt-4o", "messages": _MESSAGES, **_OPENAI}
_CLAUDE = {"model": "anthropic/claude-sonnet-4-5", "messages": _MESSAGES, "api_base": "{url}", **_KEY}
_TEXT = {"model": "text-completion-openai/gpt-3.5-turbo-instruct", "prompt": QUESTION, **_OPENAI}
_RESPONSE = {"model": "openai/gpt-4o", "input": QUESTION, **_OPENAI}
_EMBEDDING = {"model": "openai/text-embedding-3-small", "input": [QUESTION], **_OPENAI}
_RERANK = {"model": "jina_ai/jina-reranker-v2", "query": QUESTION, "documents": ["Paris"], **_KEY}
_STREAM = {"stream": True}
#: Name, way, tokens, arguments.
_CALLS: List[Any] = [
    ("completion", "plain", TOKENS, _CHAT),
    ("completion", "streamed", TOKENS, {**_CHAT, **_STREAM}),
    ("completion", "anthropic", TOKENS, _CLAUDE),
    ("completion", "anthropic streamed", TOKENS, {**_CLAUDE, **_STREAM}),
    ("text_completion", "plain", TOKENS, _TEXT),
    ("text_completion", "streamed", TOKENS, {**_TEXT, **_STREAM}),
    ("responses", "plain", TOKENS, _RESPONSE),
    ("responses", "streamed", TOKENS, {**_RESPONSE, **_STREAM}),
    ("embedding", "plain", 11, _EMBEDDING),
    ("image_generation", "plain", None, {"model": "openai/dall-e-3", "prompt": QUESTION, **_OPENAI}),
    ("moderation", "plain", None, {"input": QUESTION, **_OPENAI}),
    ("rerank", "plain", None, {**_RERANK, "api_base": "{url}/v1/rerank"}),
    ("transcription", "plain", None, {"model": "openai/whisper-1", "file": ("a.mp3", b"ID3"), **_OPENAI}),
    ("speech", "plain", None, {"model": "openai/tts-1", "input": QUESTION, "voice": "alloy", **_OPENAI}),
]
_ROUTED = ("completion", "text_completion", "embedding")


def probes() -> List[Probe]:
    """Return all of them."""
    found: List[Probe] = []
    for name, way, tokens, arguments in _CALLS:
        found.append(Probe(name, _sync("litellm", name, arguments), way, False, tokens))
        found.append(Probe(f"a{name}", _async("litellm", f"a{name}", arguments), way, True, tokens))
    for name, way, tokens, arguments in _CALLS:
        if name in _ROUTED and way in ("plain", "streamed"):
            found.append(Probe(f"Router.{name}", _sync("router", name, arguments), way, False, tokens))
            found.append(Probe(f"Router.a{name}", _async("router", f"a{name}", arguments), way, True, tokens))
    found.append(Probe("batch_completion", _batch, "batch", False, 2 * TOKENS, 2))
    found.append(Probe("arealtime", untraced="a websocket"))
    return found


def _filled(arguments: Dict[str, Any], url: str) -> Dict[str, Any]:
    return {name: value.replace("{url}", url) if isinstance(value, str) else value for name, value in arguments.items()}


def _function(owner: str, name: str, arguments: Dict[str, Any]) -> Callable[..., Any]:
    """Return what is called: a function of the module, or the method of a Router with one deployment."""
    litellm: Any = sys.modules["litellm"]
    litellm.suppress_debug_info = True
    if not hasattr(litellm, name.lstrip("a") if name == "amoderation" else name):
        raise Absent(name)
    if owner == "litellm":
        return reach(litellm, name)  # type: ignore[no-any-return]
    own = {key: arguments[key] for key in ("model", "api_base", "api_key")}
    router = litellm.Router(model_list=[{"model_name": "capital", "litellm_params": own}])
    return reach(router, name)  # type: ignore[no-any-return]


def _rest(owner: str, arguments: Dict[str, Any]) -> Dict[str, Any]:
    if owner == "litellm":
        return arguments
    return {**{key: arguments[key] for key in arguments if key not in ("api_base", "api_key")}, "model": "capital"}


def _sync(owner: str, name: str, arguments: Dict[str, Any]) -> Callable[[str], Any]:
    def run(url: str) -> None:
        given = _filled(arguments, url)
        result = _function(owner, name, given)(**_rest(owner, given))
        if given.get("stream"):
            list(result)

    return run


def _async(owner: str, name: str, arguments: Dict[str, Any]) -> Callable[[str], Any]:
    async def run(url: str) -> None:
        given = _filled(arguments, url)
        result = await _function(owner, name, given)(**_rest(owner, given))
        if given.get("stream"):
            async for _ in result:
                pass

    return run


def _batch(url: str) -> Optional[Any]:
    litellm: Any = sys.modules["litellm"]
    given = _filled(_CALLS[0][-1], url)
    given["messages"] = [_MESSAGES, _MESSAGES]
    return reach(litellm, "batch_completion")(**given)
