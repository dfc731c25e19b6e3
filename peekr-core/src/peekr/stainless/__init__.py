"""What the SDKs that Stainless generates have in common (OpenAI, Anthropic and others), for their providers.

All of them are one base with resources on top: every helper ends in ``request`` of ``SyncAPIClient`` or
``AsyncAPIClient``, which retries, hands the HTTP response to ``_process_response`` and returns an object, a raw
response, or a ``Stream`` with an inner ``_iterator``. A provider of such an SDK says what is particular to it in a
:class:`~peekr.stainless.sdk.Sdk` and inherits :class:`StainlessProvider`::

    class AcmeProvider(StainlessProvider):
        name = target = "acme"

        def sdk(self):
            from peekr_acme.sdk import acme

            return acme

This module is light to import: the rest comes with the SDK.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from peekr.patching import Patches

if TYPE_CHECKING:
    from peekr.stainless.sdk import Sdk
    from peekr.tracer import Tracer


class StainlessProvider:
    """Patches the one function that every call of a client passes through, in the sync and the async client.

    Around ``request`` goes the span; ``_process_response`` shows the body as it came over the wire; the function
    that waits before a retry counts retries; ``parse`` tells what became of a raw response. Where the SDK has
    ``_copy_and_prepare``, the request is plain data only after that. Each patch stands alone: without all but the
    first, spans lack ``retry_count``, or the result is read instead of the body.
    """

    name: str
    target: str

    def __init__(self) -> None:
        self._patches = Patches(self.name)

    def sdk(self) -> Sdk:
        """Return what is particular to the SDK: always the same object. Called once the SDK is imported."""
        raise NotImplementedError

    def instrument(self, tracer: Tracer) -> None:
        """Patch the SDK, which has been imported. Twice is as once; the newest tracer counts."""
        from peekr.stainless.raw import wrap_parse
        from peekr.stainless.wrappers import Wrappers

        sdk = self.sdk()
        sdk.tracer = tracer
        wrappers = Wrappers(sdk)
        self._patch_client("SyncAPIClient", wrappers.request, wrappers.prepare, wrappers)
        self._patch_client("AsyncAPIClient", wrappers.async_request, wrappers.async_prepare, wrappers)
        # newer SDKs of the family have no legacy responses any more
        if f"{self.target}._legacy_response" in sys.modules:
            self._patches.wrap(self._owner("_legacy_response", "LegacyAPIResponse"), "parse", wrap_parse)
        self._patches.wrap(self._owner("_response", "APIResponse"), "parse", wrap_parse)
        self._patches.wrap(self._owner("_response", "AsyncAPIResponse"), "parse", wrap_parse)

    def uninstrument(self) -> None:
        """Put everything back."""
        self._patches.undo()

    def _patch_client(self, client: str, wrap_request: Any, wrap_prepare: Any, wrappers: Any) -> None:
        base = self._owner("_base_client", client)
        # older versions retry by recursion
        wait = "_sleep_for_retry" if hasattr(base, "_sleep_for_retry") else "_retry_request"
        self._patches.wrap(base, "request", wrap_request)
        self._patches.wrap(base, "_process_response", wrappers.process_response)
        self._patches.wrap(base, wait, wrappers.retry)
        if hasattr(base, "_copy_and_prepare"):
            self._patches.wrap(base, "_copy_and_prepare", wrap_prepare)

    def _owner(self, module: str, name: str) -> Any:
        """A class of the imported SDK; None, which the patch then reports, if it is not where it was."""
        return getattr(sys.modules.get(f"{self.target}.{module}"), name, None)
