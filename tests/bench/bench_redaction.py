"""What default redaction costs in the worker, per span: python tests/bench/bench_redaction.py

Typical spans: a traced function with some 200 characters of input and of output; an LLM chat call with a payload of
some 2 KB. Printed beside the cost of encoding the same span, which is what the worker does with it anyway.
"""

from __future__ import annotations

import os
from copy import copy
from statistics import median
from time import thread_time_ns

from peekr import wire
from peekr.capture import document, snapshot
from peekr.messages import messages_text
from peekr.redaction import Redactor
from peekr.spans import Span

WORDS = "The customer asks which flights go from Prague to Lisbon on Friday, and whether the bags are included. "


def function_span():
    """A traced function, as it is when it reaches the worker."""
    span = Span("app.search")
    span._input = snapshot({"args": [WORDS[:90], 5], "kwargs": {"language": "en", "query": WORDS[:70]}})
    span._output = snapshot([{"title": "Flights", "score": 0.91, "text": WORDS + WORDS[:40]}])
    span._t1 = span._t0 + 1
    return span


def chat_span():
    """An LLM call."""
    messages = [
        {"role": "system", "content": WORDS * 4},
        {"role": "user", "content": WORDS * 6},
    ]
    answer = WORDS * 6
    response = {
        "id": "chatcmpl-9xkQ2",
        "created": 1723456789,
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 210, "completion_tokens": 96, "total_tokens": 306},
    }
    request = {"model": "gpt-4o", "messages": messages, "temperature": 0.2, "max_tokens": 500}
    span = Span("openai.chat.completions", kind="llm")
    span.attributes = {
        "model": "gpt-4o",
        "input": messages_text(messages),
        "output": answer[:1000],
        "tokens_input": 210,
        "tokens_output": 96,
        "tokens_total": 306,
        "temperature": 0.2,
        "finish_reason": "stop",
        "response_id": "chatcmpl-9xkQ2",
    }
    span._payload = document({"request": request, "response": response})[0]
    span._t1 = span._t0 + 1
    return span


def secret_span():
    """One with something to take out: the slow way."""
    span = function_span()
    span._input = snapshot({"args": ["x"], "kwargs": {"api_key": "sk-test", "note": WORDS}})
    return span


def per_span(work, make, rounds=200, block=64):
    """Return least and median microseconds a span of ``work`` on a block of fresh copies, of this thread's CPU time."""
    original = make()
    times = []
    for _ in range(rounds):
        spans = [copy(original) for _ in range(block)]
        start = thread_time_ns()
        work(spans)
        times.append((thread_time_ns() - start) / block / 1000)
    return min(times), median(times)


def encode(spans):
    """What an exporter does with the same spans."""
    for span in spans:
        wire.encode(wire.record(span))


def main():
    """Print the table."""
    os.environ["BENCH_API_KEY"] = "bench-0123456789abcdef"
    redactor = Redactor()
    print(f"{len(os.environ)} environment variables, {len(redactor._canary.secrets)} of them secrets; least/median µs")
    for label, make in (("@trace function", function_span), ("LLM chat", chat_span), ("with a secret", secret_span)):
        size = len(make()._payload or b"")
        redaction, encoding = per_span(redactor.process_batch, make), per_span(encode, make)
        print(
            f"{label:16} payload {size:5} B   redaction {redaction[0]:6.1f}/{redaction[1]:6.1f} µs"
            f"   encoding {encoding[0]:6.1f}/{encoding[1]:6.1f} µs"
        )


if __name__ == "__main__":
    main()
