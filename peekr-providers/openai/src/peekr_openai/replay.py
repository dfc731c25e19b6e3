"""Sending recorded calls again: chat, responses, completions, embeddings."""

from __future__ import annotations

from typing import Any, ClassVar, Mapping, Tuple

from peekr.replaying import Shape
from peekr.spans import Span
from peekr.stainless.replay import StainlessReplayer
from peekr.stainless.sdk import Sdk

_RESPONSES = Shape("input", "instructions", names={"max_tokens": "max_output_tokens"})


class OpenAIReplayer(StainlessReplayer):
    """By a client as the SDK makes it: of the module's own settings (``openai.base_url``), else the environment."""

    distribution = "openai"
    own_host = "api.openai.com"
    shapes: ClassVar[Mapping[str, Tuple[str, Shape]]] = {
        "openai.chat.completions": ("/chat/completions", Shape()),
        "openai.responses": ("/responses", _RESPONSES),
        "openai.completions": ("/completions", Shape(None)),
        "openai.embeddings": ("/embeddings", Shape(None)),
    }

    def sdk(self) -> Sdk:
        from peekr_openai.sdk import sdk

        return sdk

    def client(self, old: Span) -> Any:
        import openai

        names = ("api_key", "organization", "project", "base_url", "default_headers", "default_query")
        own = {name: getattr(openai, name, None) for name in names}
        given = {name: value for name, value in own.items() if value is not None}
        if old.attributes.get("provider") == "azure":
            given = {name: value for name, value in given.items() if name not in ("base_url", "project")}
            return openai.AzureOpenAI(**given)
        return openai.OpenAI(**given)
