"""Which functions of the SDKs are wrapped. Light to import: the rest comes with the SDK."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, List

from peekr.imports import forget, when_imported
from peekr.patching import Patches

if TYPE_CHECKING:
    from peekr.probes import Suite
    from peekr_bedrock.replay import BedrockReplayer

_ASYNC_CLIENT = "aiobotocore.client"


class BedrockProvider:
    """Patches the one function that every operation of every client passes through, retries inside.

    boto3 makes its clients with botocore; aioboto3 makes them with aiobotocore, whose client class overrides that
    function, so it is patched too, whenever it is imported.
    """

    name = "bedrock"
    target = "botocore.client"

    def __init__(self) -> None:
        self._patches = Patches(self.name)

    def instrument(self, tracer: Any) -> None:
        """Patch the SDK, which has been imported. Twice is as once; the newest tracer counts."""
        from peekr_bedrock import calls

        calls.use(tracer)
        self._patches.wrap(_owner(self.target, "BaseClient"), "_make_api_call", calls.wrap_call)
        forget(self._instrument_async)
        when_imported(_ASYNC_CLIENT, self._instrument_async)

    def _instrument_async(self) -> None:
        from peekr_bedrock import calls

        self._patches.wrap(_owner(_ASYNC_CLIENT, "AioBaseClient"), "_make_api_call", calls.wrap_async_call)

    def uninstrument(self) -> None:
        """Put everything back."""
        forget(self._instrument_async)
        self._patches.undo()

    def replayer(self) -> BedrockReplayer:
        """Return what ``peekr replay`` sends recorded calls with."""
        from peekr_bedrock.replay import BedrockReplayer

        return BedrockReplayer()

    def probes(self) -> List[Suite]:
        """Return what ``peekr doctor`` drives."""
        from peekr_bedrock.doctor import ASYNC_SUITE, SUITE

        return [SUITE, ASYNC_SUITE]


def _owner(module: str, name: str) -> Any:
    """A class of the imported SDK; None, which the patch then reports, if it is not where it was."""
    return getattr(sys.modules.get(module), name, None)
