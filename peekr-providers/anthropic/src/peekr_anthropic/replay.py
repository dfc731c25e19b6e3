"""Sending recorded calls again: messages."""

from __future__ import annotations

from typing import Any, ClassVar, Mapping, Tuple

from peekr.replaying import Shape
from peekr.spans import Span
from peekr.stainless.replay import StainlessReplayer
from peekr.stainless.sdk import Sdk

_CLIENTS = {"bedrock": "AnthropicBedrock", "vertex": "AnthropicVertex", "foundry": "AnthropicFoundry"}


class AnthropicReplayer(StainlessReplayer):
    """By the client of the platform that served the call. Headers of betas are not recorded, so they are not sent."""

    distribution = "anthropic"
    own_host = "api.anthropic.com"
    shapes: ClassVar[Mapping[str, Tuple[str, Shape]]] = {
        "anthropic.messages": ("/v1/messages", Shape(system="system")),
        "anthropic.completions": ("/v1/complete", Shape(None, names={"max_tokens": "max_tokens_to_sample"})),
    }

    def sdk(self) -> Sdk:
        from peekr_anthropic.sdk import sdk

        return sdk

    def client(self, old: Span) -> Any:
        import anthropic

        return getattr(anthropic, _CLIENTS.get(str(old.attributes.get("provider")), "Anthropic"))()
