"""Which functions of the SDK are wrapped. Light to import: the rest comes with the SDK."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, List, Set

from peekr.patching import Patches

if TYPE_CHECKING:
    from peekr.probes import Suite
    from peekr.tracer import Tracer
    from peekr_gemini.replay import GeminiReplayer


class GeminiProvider:
    """Patches the SDK's one inner method for each operation, behind all of its public helpers.

    Around that goes the span; the client's ``request`` shows the bodies as they go over the wire; ``_request_once``
    counts attempts; the public methods tell which calls of the model belong together. Each patch stands alone.

    :ivar targets: the SDK, the part of it that is imported on first use, and the SDK's predecessor.
    """

    name = "gemini"
    target = "google.genai"
    targets = (target, "google.genai._gaos.google_genai", "google.generativeai")

    def __init__(self) -> None:
        self._patches = Patches(self.name)
        self._patched: Set[str] = set()

    def instrument(self, tracer: Tracer) -> None:
        """Patch what has been imported and is not patched yet; the newest tracer counts."""
        from peekr_gemini import interactions, legacy
        from peekr_gemini.turn import Use

        Use.tracer = tracer
        for module, patch in (
            ("google.genai.models", self._patch_sdk),
            ("google.genai._gaos.google_genai", interactions.patch_newer),
            ("google.genai._interactions.resources.interactions", interactions.patch_older),
            ("google.generativeai.generative_models", legacy.patch),
        ):
            if module in sys.modules and module not in self._patched:
                self._patched.add(module)
                patch(self._patches)

    def uninstrument(self) -> None:
        """Put everything back."""
        self._patches.undo()
        self._patched.clear()

    def replayer(self) -> GeminiReplayer:
        """Return what ``peekr replay`` sends recorded calls with."""
        from peekr_gemini.replay import GeminiReplayer

        return GeminiReplayer()

    def probes(self) -> List[Suite]:
        """Return what ``peekr doctor`` drives."""
        from peekr_gemini.doctor import LEGACY_SUITE, SUITE

        return [SUITE, LEGACY_SUITE]

    def _patch_sdk(self, patches: Patches) -> None:
        self._patch_models()
        self._patch_client()
        self._patch_turns()

    def _patch_models(self) -> None:
        from peekr_gemini import calls
        from peekr_gemini.operations import METHODS

        for owner in ("Models", "AsyncModels"):
            models = _owner("models", owner)
            for names, operation in METHODS.items():
                name = next((name for name in names if _is_method(models, name)), None)
                if name is None:
                    continue
                if owner == "AsyncModels":
                    self._patches.wrap(models, name, calls.wrap_async(operation))
                elif operation.streaming:
                    self._patches.wrap(models, name, calls.wrap_stream(operation))
                else:
                    self._patches.wrap(models, name, calls.wrap(operation))

    def _patch_client(self) -> None:
        from peekr_gemini import http

        client = _owner("_api_client", "BaseApiClient")
        self._patches.wrap(client, "request", http.wrap_request)
        self._patches.wrap(client, "async_request", http.wrap_async_request)
        self._patches.wrap(client, "request_streamed", http.wrap_streamed)
        self._patches.wrap(client, "async_request_streamed", http.wrap_async_streamed)
        for name in ("_request_once", "_async_request_once"):
            self._patches.wrap(client, name, http.noting(http.note_attempt))

    def _patch_turns(self) -> None:
        from peekr_gemini import functions, turns

        for module, sync, asynchronous, public, name in (
            ("models", "Models", "AsyncModels", "generate_content", "gemini.models.generate_content"),
            ("chats", "Chat", "AsyncChat", "send_message", "gemini.chats.send_message"),
        ):
            owner, async_owner = _owner(module, sync), _owner(module, asynchronous)
            stream, stream_name = f"{public}_stream", f"{name}_stream"
            if _is_method(owner, public):
                self._patches.wrap(owner, public, turns.wrap_method(name))
            if inspect.isgeneratorfunction(getattr(owner, stream, None)):
                self._patches.wrap(owner, stream, turns.wrap_generator(stream_name))
            if inspect.iscoroutinefunction(getattr(async_owner, public, None)):
                self._patches.wrap(async_owner, public, turns.wrap_async_method(name))
            if inspect.iscoroutinefunction(getattr(async_owner, stream, None)):
                self._patches.wrap(async_owner, stream, turns.wrap_async_generator(stream_name))
        utilities = sys.modules.get(f"{self.target}._extra_utils")
        for name, wrap in (
            ("get_function_response_parts", functions.wrap_functions),
            ("get_function_response_parts_async", functions.wrap_async_functions),
        ):
            if hasattr(utilities, name):
                self._patches.wrap(utilities, name, wrap)


def _owner(module: str, name: str) -> Any:
    """A class of the imported SDK; None, which the patch then reports, if it is not where it was."""
    return getattr(sys.modules.get(f"google.genai.{module}"), name, None)


def _is_method(owner: Any, name: str) -> bool:
    """Whether a class has this method; a stand-in that somebody put in its place is theirs."""
    return inspect.isfunction(getattr(owner, name, None))
