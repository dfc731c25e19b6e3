"""The provider. Light to import: the rest comes with the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from peekr.stainless import StainlessProvider

if TYPE_CHECKING:
    from peekr.probes import Suite
    from peekr.stainless.sdk import Sdk
    from peekr_openai.replay import OpenAIReplayer


class OpenAIProvider(StainlessProvider):
    """Traces the OpenAI SDK, and the clients for Azure and compatible servers with it."""

    name = "openai"
    target = "openai"

    def sdk(self) -> Sdk:
        from peekr_openai.sdk import sdk

        return sdk

    def replayer(self) -> OpenAIReplayer:
        """Return what ``peekr replay`` sends recorded calls with."""
        from peekr_openai.replay import OpenAIReplayer

        return OpenAIReplayer()

    def probes(self) -> List[Suite]:
        """Return what ``peekr doctor`` drives."""
        from peekr_openai.doctor import SUITE

        return [SUITE]
