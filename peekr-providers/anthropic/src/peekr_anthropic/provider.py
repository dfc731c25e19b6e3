"""The provider. Light to import: the rest comes with the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from peekr.stainless import StainlessProvider

if TYPE_CHECKING:
    from peekr.probes import Suite
    from peekr.stainless.sdk import Sdk
    from peekr_anthropic.replay import AnthropicReplayer


class AnthropicProvider(StainlessProvider):
    """Traces the Anthropic SDK, its clients for Bedrock, Vertex and Foundry included."""

    name = "anthropic"
    target = "anthropic"

    def sdk(self) -> Sdk:
        from peekr_anthropic.sdk import sdk

        return sdk

    def replayer(self) -> AnthropicReplayer:
        """Return what ``peekr replay`` sends recorded calls with."""
        from peekr_anthropic.replay import AnthropicReplayer

        return AnthropicReplayer()

    def probes(self) -> List[Suite]:
        """Return what ``peekr doctor`` drives."""
        from peekr_anthropic.doctor import SUITE

        return [SUITE]
