"""The wrappers around the interactions API, which has a generated client of its own, another in each major version."""

from __future__ import annotations

import sys
from typing import Any, Dict, Mapping, Optional

from peekr.patching import Patches, note_failure
from peekr.streaming import Gathering, StreamRecorder
from peekr_gemini.call import Call
from peekr_gemini.calls import around, async_around, begin
from peekr_gemini.data import get, plain
from peekr_gemini.events import InteractionAccumulator, is_content, said
from peekr_gemini.http import note_attempt, note_retry, noting
from peekr_gemini.operations import INTERACTION, INTERACTION_STREAM
from peekr_gemini.turns import wrap_async_method, wrap_method

_NAME = "gemini.interactions.create"
#: Arguments of ``create`` that are no part of the request's body.
_OPTIONS = frozenset(("request", "api_version", "extra_headers", "extra_query", "extra_body", "timeout"))


def patch_newer(patches: Patches) -> None:
    """Patch the client of google-genai 2 and 3: the generated ``create`` inside the public one."""
    patches.wrap(_part("_gaos.interactions", "Interactions"), "create", wrap_create)
    patches.wrap(_part("_gaos.interactions", "AsyncInteractions"), "create", wrap_async_create)
    patches.wrap(_part("_gaos.google_genai", "GeminiNextGenInteractions"), "create", wrap_method(_NAME))
    patches.wrap(_part("_gaos.google_genai", "AsyncGeminiNextGenInteractions"), "create", wrap_async_method(_NAME))
    patches.wrap(_part("_gaos._hooks.sdkhooks", "SDKHooks"), "before_request", noting(note_attempt))
    patches.wrap(_part("_gaos._hooks.asyncsdkhooks", "AsyncSDKHooks"), "before_request", noting(note_attempt))


def patch_older(patches: Patches) -> None:
    """Patch the client of google-genai 1."""
    patches.wrap(_part("_interactions.resources.interactions", "InteractionsResource"), "create", wrap_create)
    patches.wrap(
        _part("_interactions.resources.interactions", "AsyncInteractionsResource"), "create", wrap_async_create
    )
    for client in ("SyncAPIClient", "AsyncAPIClient"):
        patches.wrap(_part("_interactions._base_client", client), "_sleep_for_retry", noting(note_retry))


def _part(module: str, name: str) -> Any:
    """A class of the imported SDK; None, which the patch then reports, if it is not where it was."""
    return getattr(sys.modules.get(f"google.genai.{module}"), name, None)


def _body(kwargs: Mapping[str, Any]) -> Dict[str, Any]:
    """The request's body, from keyword arguments or from one request object."""
    request = plain(kwargs.get("request"))
    body = get(request, "body") if isinstance(request, dict) else None
    if not isinstance(body, dict):
        body = {name: plain(value) for name, value in kwargs.items() if name not in _OPTIONS and not _unset(value)}
    extra = kwargs.get("extra_body")
    return {**body, **extra} if isinstance(extra, Mapping) else body


def _unset(value: Any) -> bool:
    return value is None or type(value).__name__ in ("Unset", "Omit", "NotGiven")


def _start(args: Any, kwargs: Dict[str, Any]) -> Call:
    body = _body(kwargs)
    operation = INTERACTION_STREAM if body.get("stream") is True else INTERACTION
    server = _server(args[0])
    call = begin(operation, body.get("model"), "aiplatform" in (server or ""), {})
    call.take_request(body, server)
    call.sent = False
    return call


def _server(resource: Any) -> Optional[str]:
    """The base URL, from the configuration of the newer client or from the older one itself."""
    configuration = getattr(resource, "sdk_configuration", None)
    if configuration is not None:
        return str(configuration.get_server_details()[0])
    return str(getattr(getattr(resource, "_client", None), "base_url", "")) or None


def _returned(call: Call, result: Any) -> Any:
    """Note what the SDK returned: an interaction, a stream of events, or a raw response."""
    try:
        if _follow(call, result):
            return result
        http = getattr(result, "http_response", None)
        if http is not None:
            call.take_response(_read_body(http))
    except Exception as error:
        note_failure("capturing a Gemini interaction", error)
    call.finish_asking(result)
    return result


wrap_create = around(_start, _returned)
wrap_async_create = async_around(_start, _returned)


def _follow(call: Call, stream: Any) -> bool:
    """Record the SDK's stream object in place; return whether it was one."""
    name = next((name for name in ("generator", "_iterator") if hasattr(stream, name)), None)
    http = getattr(stream, "response", None)
    if name is None or http is None:
        return False
    recorder = StreamRecorder(call.span, StreamedInteraction(call), call.describe_error, call.close)
    inner = getattr(stream, name)
    if hasattr(inner, "__anext__"):
        setattr(stream, name, recorder.wrap_async(inner))
        recorder.watch(http, "aclose")
    else:
        setattr(stream, name, recorder.wrap(inner))
        recorder.watch(http, "close")
    return True


def _read_body(http: Any) -> Optional[bytes]:
    try:
        return http.content  # type: ignore[no-any-return]
    except Exception:  # ResponseNotRead, of httpx or httpx2: the caller reads it by hand
        return None


class StreamedInteraction(Gathering):
    """Gathers the events of a streamed interaction."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._accumulator = InteractionAccumulator()

    def is_content(self, chunk: Any) -> bool:
        return is_content(chunk)

    def said(self, chunk: Any) -> Any:
        return said(plain(chunk))

    def preview(self, span: Any, *, answered: bool) -> None:
        self._call.preview(span, self._accumulator.interaction() if answered else None)

    def add(self, chunks: Any) -> None:
        for chunk in chunks:
            self._accumulator.add(plain(chunk))

    def is_complete(self) -> bool:
        return self._accumulator.is_complete()

    def finish(self, span: Any) -> None:
        if span.status == "ok" and not self.is_complete():
            span.attributes["stream_incomplete"] = True
        self._call.describe(span, self._accumulator.interaction())
