"""The provider. Light to import: the rest comes with the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peekr.stainless import StainlessProvider

if TYPE_CHECKING:
    from peekr.stainless.sdk import Sdk


class OpenAIProvider(StainlessProvider):
    """Traces the OpenAI SDK, and the clients for Azure and compatible servers with it."""

    name = "openai"
    target = "openai"

    def sdk(self) -> Sdk:
        from peekr_openai.sdk import sdk

        return sdk
