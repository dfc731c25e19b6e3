"""The provider. Light to import: the rest comes with the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peekr.stainless import StainlessProvider

if TYPE_CHECKING:
    from peekr.stainless.sdk import Sdk


class AnthropicProvider(StainlessProvider):
    """Traces the Anthropic SDK, its clients for Bedrock, Vertex and Foundry included."""

    name = "anthropic"
    target = "anthropic"

    def sdk(self) -> Sdk:
        from peekr_anthropic.sdk import sdk

        return sdk
