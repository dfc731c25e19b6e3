"""The entry points of google-genai that call a model or belong to it, sync and async."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, List, Optional

import attrs

from peekr.probes import Probe, reach
from peekr_gemini.doctor.answers import MODEL, TOKENS

_QUESTION = "What is the capital of France?"
_ASK = {"model": MODEL, "contents": _QUESTION}


@attrs.frozen
class _Case:
    """One method, and what it is called with.

    :ivar entry: its path from the client; from ``client.aio`` in the async twin.
    :ivar arguments: a function that returns them, as some are objects of the SDK.
    """

    entry: str
    arguments: Callable[[], Dict[str, Any]]
    way: str = "plain"
    tokens: Optional[int] = None
    spans: int = 1
    vertex: bool = False


def probes() -> List[Probe]:
    """Return all of them."""
    found: List[Probe] = []
    for case in (*_models(), *_chats(), *_interactions(), *_media()):
        for asynchronous in (False, True):
            run = _run_async(case) if asynchronous else _run(case)
            found.append(Probe(case.entry, run, case.way, asynchronous, case.tokens, case.spans))
    live = "a websocket, not an HTTP call"
    return [*found, Probe("live.connect", _has_live, asynchronous=True, untraced=live)]


def _models() -> List[_Case]:
    generate, stream = "models.generate_content", "models.generate_content_stream"
    return [
        _Case(generate, lambda: _ASK, tokens=TOKENS),
        _Case(stream, lambda: _ASK, "streamed", TOKENS),
        _Case(generate, _with_function, "functions", 2 * TOKENS, 2),
        _Case(stream, _with_function, "functions streamed", 2 * TOKENS, 2),
        _Case(generate, lambda: _ASK, "vertex", TOKENS, vertex=True),
        _Case(stream, lambda: _ASK, "vertex streamed", TOKENS, vertex=True),
        _Case("models.embed_content", lambda: {"model": "gemini-embedding-001", "contents": "hello"}),
        _Case("models.count_tokens", lambda: _ASK),
        _Case("models.compute_tokens", lambda: _ASK, "vertex", vertex=True),
    ]


def _chats() -> List[_Case]:
    return [
        _Case("chats.send_message", lambda: {"message": _QUESTION}, tokens=TOKENS),
        _Case("chats.send_message_stream", lambda: {"message": _QUESTION}, "streamed", TOKENS),
        _Case("chats.send_message", _said_with_function, "functions", 2 * TOKENS, 2),
        _Case("chats.send_message_stream", _said_with_function, "functions streamed", 2 * TOKENS, 2),
    ]


def _interactions() -> List[_Case]:
    ask = {"model": MODEL, "input": _QUESTION}
    return [
        _Case("interactions.create", lambda: ask, tokens=TOKENS),
        _Case("interactions.create", lambda: {**ask, "stream": True}, "streamed", TOKENS),
    ]


def _media() -> List[_Case]:
    """Not billed by tokens."""

    def picture() -> Any:
        from google.genai import types

        return types.Image(image_bytes=b"hi", mime_type="image/png")

    def edited() -> Dict[str, Any]:
        from google.genai import types

        reference = types.RawReferenceImage(reference_id=1, reference_image=picture())
        return {"model": "imagen-3.0-capability-001", "prompt": "a cat", "reference_images": [reference]}

    drawn = {"model": "imagen-4.0-generate-001", "prompt": "a cat"}
    filmed = {"model": "veo-3.0-generate-001", "prompt": "a cat"}
    upscaled = {"model": "imagen-3.0-generate-002", "upscale_factor": "x2"}
    return [
        _Case("models.generate_images", lambda: drawn, "vertex", vertex=True),
        _Case("models.edit_image", edited, "vertex", vertex=True),
        _Case("models.upscale_image", lambda: {**upscaled, "image": picture()}, "vertex", vertex=True),
        _Case("models.generate_videos", lambda: filmed, "vertex", vertex=True),
    ]


def _with_function() -> Dict[str, Any]:
    from google.genai import types

    def capital(country: str) -> str:
        """Return the capital of a country."""
        return "Paris"

    capital.__annotations__ = {"country": str, "return": str}  # older versions cannot read them as texts
    return {**_ASK, "config": types.GenerateContentConfig(tools=[capital])}


def _said_with_function() -> Dict[str, Any]:
    return {"message": _QUESTION, "config": _with_function()["config"]}


def _client(url: str, vertex: bool) -> Any:
    from google import genai

    options: Any = {"base_url": url, "api_version": "v1beta"}
    if not vertex:
        return genai.Client(api_key="none", http_options=options)
    from google.oauth2 import credentials

    make: Any = credentials.Credentials
    place: Any = {"project": "none", "location": "us-east1"}
    return genai.Client(vertexai=True, credentials=make(token="none"), http_options=options, **place)


def _method(client: Any, entry: str) -> Any:
    """The method; a chat is one of its own, made for this call."""
    owner, _, name = entry.partition(".")
    return reach(client.chats.create(model=MODEL) if owner == "chats" else client, name if owner == "chats" else entry)


def _run(case: _Case) -> Callable[[str], None]:
    def run(url: str) -> None:
        client = _client(url, case.vertex)
        with warnings.catch_warnings():  # that the interactions API is experimental
            warnings.simplefilter("ignore")
            try:
                result = _method(client, case.entry)(**case.arguments())
                if case.way.endswith("streamed"):
                    list(result)
            finally:
                client._api_client._httpx_client.close()

    return run


def _run_async(case: _Case) -> Callable[[str], Any]:
    async def run(url: str) -> None:
        client = _client(url, case.vertex)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                result = await _method(client.aio, case.entry)(**case.arguments())
                if case.way.endswith("streamed"):
                    async for _ in result:
                        pass
            finally:
                await _close_async(client)

    return run


async def _close_async(client: Any) -> None:
    if hasattr(client.aio, "aclose"):
        await client.aio.aclose()
    else:
        await client._api_client._async_httpx_client.aclose()


async def _has_live(url: str) -> None:
    client = _client(url, False)
    reach(client.aio, "live.connect")
    await _close_async(client)
