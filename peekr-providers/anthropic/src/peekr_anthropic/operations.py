"""Which requests make a span, and how the span is called."""

from __future__ import annotations

from peekr.stainless.operations import Operation, Routes

MESSAGES = Operation("anthropic.messages", "messages")

#: Paths as the SDK's resources give them; the clients for other platforms rewrite them later.
routes = Routes(
    {
        "v1/messages/count_tokens": Operation("anthropic.count_tokens", "count_tokens", None, counts=False),
        "v1/messages/batches": Operation("anthropic.messages.batches", "batches", None, counts=False),
        "v1/messages": MESSAGES,
        "v1/messages?beta=true": MESSAGES,
        "v1/complete": Operation("anthropic.completions", "completions"),
    }
)
