"""What tracing adds to a call through the real openai package: S3, S3s. In-process transport, a file sink on."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from measure import in_turn

import peekr

MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant that answers in one short paragraph."},
    {"role": "user", "content": "Explain why the sky is blue to a ten-year-old, without any formulas. " * 4},
]
BASE = {"id": "chatcmpl-1", "created": 1760000000, "model": "gpt-4o-mini-2024-07-18"}
USAGE = {"prompt_tokens": 83, "completion_tokens": 96, "total_tokens": 179}
CHUNKS = 300


def answer_body():
    message = {"role": "assistant", "content": "Sunlight is a mix of all colours. " * 12, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return json.dumps({**BASE, "object": "chat.completion", "choices": [choice], "usage": USAGE}).encode()


def stream_body():
    def chunk(delta, finish=None):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**BASE, "object": "chat.completion.chunk", "choices": [choice], "usage": None}

    chunks = [chunk({"role": "assistant", "content": ""})]
    chunks += [chunk({"content": f" word{n}"}) for n in range(CHUNKS - 3)]
    chunks += [chunk({}, "stop"), {**BASE, "object": "chat.completion.chunk", "choices": [], "usage": USAGE}]
    return "".join(f"data: {json.dumps(one)}\n\n" for one in chunks).encode() + b"data: [DONE]\n\n"


def client():
    import openai

    base = sys.modules["openai._base_client"]
    httpx = getattr(base, "httpx2", None) or base.httpx
    plain, streamed = answer_body(), stream_body()

    def answer(request):
        if b'"stream":true' in request.content:
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=streamed)
        return httpx.Response(200, headers={"content-type": "application/json"}, content=plain)

    http_client = httpx.Client(transport=httpx.MockTransport(answer))
    return openai.OpenAI(api_key="bench", http_client=http_client, max_retries=0)


def complete(openai_client):
    openai_client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, temperature=0.2)


def stream(openai_client):
    chunks = openai_client.chat.completions.create(
        model="gpt-4o-mini", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    for _ in chunks:
        pass


def main():
    with tempfile.TemporaryDirectory() as folder:
        untraced = client()
        bare_request = type(untraced).request
        peekr.instrument(console=False, jsonl_path=str(Path(folder, "traces.jsonl")), plugins=["openai"])

        class Bare(type(untraced)):
            """A client whose request method is the SDK's own, beside one that is traced."""

            request = bare_request

        traced = client()
        untraced.__class__ = Bare
        for label, call in (("S3", complete), ("S3s", stream)):
            arms = {
                "bare": (lambda call=call: call(untraced), lambda: None),
                "peekr": (lambda call=call: call(traced), lambda: peekr.flush(30)),
            }
            result = in_turn(arms, 1, seconds=8)
            for which, name in enumerate(("least", "median")):
                bare, mine = result["bare"][which], result["peekr"][which]
                added = f"+{(mine - bare) / 1000:7.1f} µs, {mine / bare - 1:+.1%}"
                print(f"{label:4} {name:6} bare {bare / 1000:9.1f} µs, peekr {added}")
        peekr.shutdown()


if __name__ == "__main__":
    main()
