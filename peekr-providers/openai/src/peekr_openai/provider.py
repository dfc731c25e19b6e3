"""Which functions of the SDK are wrapped. Light to import: the rest comes with the SDK."""

from __future__ import annotations

import sys
from typing import Any

from peekr.patching import Patches


class OpenAIProvider:
    """Patches the one function that every call of a client passes through, in the sync and the async client.

    Around ``request`` goes the span; ``_process_response`` shows the body as it came over the wire; the function
    that waits before a retry counts retries. Each patch stands alone: without the latter two, spans lack
    ``retry_count``, and the result is read instead of the body.
    """

    name = "openai"
    target = "openai"

    def __init__(self) -> None:
        self._patches = Patches(self.name)

    def instrument(self, tracer: Any) -> None:
        """Patch the SDK, which has been imported. Twice is as once; the newest tracer counts."""
        from peekr_openai import calls

        calls.use(tracer)
        base = sys.modules.get("openai._base_client")
        if base is None:
            import openai._base_client as base  # type: ignore[import-not-found,no-redef,unused-ignore]
        self._client(base.SyncAPIClient, calls.wrap_request, calls.wrap_process_response)
        self._client(base.AsyncAPIClient, calls.wrap_async_request, calls.wrap_async_process_response)

    def _client(self, client: Any, wrap_request: Any, wrap_process_response: Any) -> None:
        from peekr_openai import calls

        wrap = self._patches.wrap
        wrap(client, "request", wrap_request)
        wrap(client, "_process_response", wrap_process_response)
        # before 1.61 the SDK retried by recursion
        waits = "_sleep_for_retry" if hasattr(client, "_sleep_for_retry") else "_retry_request"
        wrap(client, waits, calls.wrap_retry)

    def uninstrument(self) -> None:
        """Put everything back."""
        self._patches.undo()
