"""Which functions of the SDK are wrapped. Light to import: the rest comes with the SDK."""

from __future__ import annotations

import sys
from typing import Any

from peekr.patching import Patches


class OpenAIProvider:
    """Patches the one function that every call of a client passes through, in the sync and the async client.

    Around ``request`` goes the span; ``_process_response`` shows the body as it came over the wire; the function
    that waits before a retry counts retries; ``parse`` tells what became of a raw response. Each patch stands
    alone: without all but the first, spans lack ``retry_count``, or the result is read instead of the body.
    """

    name = "openai"
    target = "openai"

    def __init__(self) -> None:
        self._patches = Patches(self.name)

    def instrument(self, tracer: Any) -> None:
        """Patch the SDK, which has been imported. Twice is as once; the newest tracer counts."""
        from peekr_openai import calls, raw

        calls.use(tracer)
        for client, wrap_request in (
            ("SyncAPIClient", calls.wrap_request),
            ("AsyncAPIClient", calls.wrap_async_request),
        ):
            base = _owner("_base_client", client)
            # before 1.61 the SDK retried by recursion
            wait = "_sleep_for_retry" if hasattr(base, "_sleep_for_retry") else "_retry_request"
            self._patches.wrap(base, "request", wrap_request)
            self._patches.wrap(base, "_process_response", calls.wrap_process_response)
            self._patches.wrap(base, wait, calls.wrap_retry)
        self._patches.wrap(_owner("_legacy_response", "LegacyAPIResponse"), "parse", raw.wrap_parse)
        self._patches.wrap(_owner("_response", "APIResponse"), "parse", raw.wrap_parse)
        self._patches.wrap(_owner("_response", "AsyncAPIResponse"), "parse", raw.wrap_parse)

    def uninstrument(self) -> None:
        """Put everything back."""
        self._patches.undo()


def _owner(module: str, name: str) -> Any:
    """A class of the imported SDK; None, which the patch then reports, if it is not where it was."""
    return getattr(sys.modules.get(f"openai.{module}"), name, None)
