"""What each provider adds to a call and to a chunk, beside what the OpenAI provider adds, in one run.

In-process transports, a file sink on; each SDK traced and untraced in turn; the CPU time of the calling thread, which
other programs of the machine do not lengthen. Ratios above 1.5 miss the figure of issue 3.
Arguments are providers; without, all whose SDK is installed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import thread_time_ns

import peekr
from peekr.probes.eventstream import event

CHUNKS = 300
CALLS, STREAMS, ROUNDS = 10, 1, 30
TEXT = "Sunlight is a mix of all colours. " * 12
QUESTION = "Explain why the sky is blue to a ten-year-old, without any formulas. " * 4
WORDS = [f" word{number}" for number in range(CHUNKS)]


def http_client(base, plain, streamed):
    """A client of the httpx that the SDK uses, whose transport answers in this process."""
    httpx = getattr(base, "httpx2", None) or base.httpx

    def answer(request):
        if b'"stream":true' in request.content or b"streamGenerate" in request.url.raw_path:
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=streamed)
        return httpx.Response(200, headers={"content-type": "application/json"}, content=plain)

    return httpx, httpx.MockTransport(answer)


def sse(events, named=False):
    lines = [(f"event: {one['type']}\n" if named else "") + f"data: {json.dumps(one)}\n\n" for one in events]
    return "".join(lines).encode()


def openai_arms():
    import openai

    head = {"id": "c1", "created": 1, "model": "gpt-4o-mini-2024-07-18"}
    usage = {"prompt_tokens": 83, "completion_tokens": 96, "total_tokens": 179}
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    plain = json.dumps({**head, "object": "chat.completion", "choices": [choice], "usage": usage}).encode()
    head["object"] = "chat.completion.chunk"
    chunks = [{**head, "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]} for word in WORDS]
    chunks += [{**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
    chunks += [{**head, "choices": [], "usage": usage}]
    httpx, transport = http_client(sys.modules["openai._base_client"], plain, sse(chunks) + b"data: [DONE]\n\n")
    client = openai.OpenAI(api_key="none", max_retries=0, http_client=httpx.Client(transport=transport))
    ask = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": QUESTION}]}
    create, options = client.chat.completions.create, {"include_usage": True}
    return lambda: create(**ask), lambda: list(create(**ask, stream=True, stream_options=options))


def anthropic_arms():
    import anthropic

    message = {"id": "m1", "type": "message", "role": "assistant", "model": "claude-sonnet-5", "stop_sequence": None}
    usage = {"input_tokens": 83, "output_tokens": 96}
    whole = {**message, "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn", "usage": usage}
    started = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    events = [
        {"type": "message_start", "message": started},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in WORDS),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]
    base = sys.modules["anthropic._base_client"]
    httpx, transport = http_client(base, json.dumps(whole).encode(), sse(events, named=True))
    client = anthropic.Anthropic(api_key="none", max_retries=0, http_client=httpx.Client(transport=transport))
    ask = {"model": "claude-sonnet-5", "max_tokens": 500, "messages": [{"role": "user", "content": QUESTION}]}
    return lambda: client.messages.create(**ask), lambda: list(client.messages.create(**ask, stream=True))


def bedrock_arms():
    import botocore.session
    from botocore.awsrequest import AWSResponse

    class Raw:
        """A body as urllib3 gives it."""

        def __init__(self, data):
            self._data = data

        def read(self, *_, **__):
            data, self._data = self._data, b""
            return data

        def stream(self, *_, **__):
            yield self.read()

    answer = {"role": "assistant", "content": [{"text": TEXT}]}
    usage = {"inputTokens": 83, "outputTokens": 96, "totalTokens": 179}
    about = {"usage": usage, "metrics": {"latencyMs": 1}}
    plain = json.dumps({"output": {"message": answer}, "stopReason": "end_turn", **about}).encode()
    events = [event("messageStart", {"role": "assistant"})]
    events += [event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}}) for word in WORDS]
    events += [event("contentBlockStop", {"contentBlockIndex": 0}), event("messageStop", {"stopReason": "end_turn"})]
    streamed = b"".join([*events, event("metadata", about)])
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none", "region_name": "us-east-1"}
    client = botocore.session.Session().create_client("bedrock-runtime", **keys)

    def reply(request, **_):
        data = streamed if "stream" in request.url else plain
        return AWSResponse(request.url, 200, {"content-type": "application/json"}, Raw(data))

    client.meta.events.register("before-send.bedrock-runtime.*", reply)
    ask = {"modelId": "amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": [{"text": QUESTION}]}]}
    return lambda: client.converse(**ask), lambda: list(client.converse_stream(**ask)["stream"])


def gemini_arms():
    from google import genai

    def answer(text, **more):
        return {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, **more}]}

    usage = {"promptTokenCount": 83, "candidatesTokenCount": 96, "totalTokenCount": 179}
    about = {"usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "r1"}
    plain = json.dumps({**answer(TEXT, finishReason="STOP"), **about}).encode()
    chunks = [{**answer(word), **about} for word in WORDS[:-1]]
    chunks.append({**answer(WORDS[-1], finishReason="STOP"), **about})
    _, transport = http_client(sys.modules["google.genai._api_client"], plain, sse(chunks))
    client = genai.Client(api_key="none", http_options={"client_args": {"transport": transport}})
    models, ask = client.models, {"model": "gemini-2.5-flash", "contents": QUESTION}
    return lambda: models.generate_content(**ask), lambda: list(models.generate_content_stream(**ask)), client


def langchain_arms():
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

    usage = {"input_tokens": 83, "output_tokens": 96, "total_tokens": 179}

    class Model(BaseChatModel):
        @property
        def _llm_type(self):
            return "bench"

        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            return ChatResult(generations=[ChatGeneration(message=AIMessage(content=TEXT, usage_metadata=usage))])

        def _stream(self, messages, stop=None, run_manager=None, **kwargs):
            for word in WORDS:
                yield ChatGenerationChunk(message=AIMessageChunk(content=word))
            yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=usage))

    class Silent(BaseCallbackHandler):
        """What LangChain itself spends on having a handler is not peekr's: the untraced model has one too."""

        run_inline = True

        def on_chat_model_start(self, *_, **__):
            pass

    model, silent = Model(), {"callbacks": [Silent()]}
    return lambda: model.invoke(QUESTION, silent), lambda: list(model.stream(QUESTION, silent))


ARMS = {
    "openai": ("openai", openai_arms),
    "anthropic": ("anthropic", anthropic_arms),
    "bedrock": ("botocore", bedrock_arms),
    "gemini": ("google.genai", gemini_arms),
    "langchain": ("langchain_core", langchain_arms),
}


def nanoseconds(call, times):
    start = thread_time_ns()
    for _ in range(times):
        call()
    return (thread_time_ns() - start) / times


def added(name, call, times, folder):
    """Return the untraced time and what tracing adds, median and least, in µs."""
    bare, traced = [], []
    settings = {"console": False, "jsonl_path": str(Path(folder, "traces.jsonl")), "plugins": [name]}
    for number in range(ROUNDS + 3):
        peekr.instrument(**settings)
        call()
        on = nanoseconds(call, times)
        peekr.flush(30)
        peekr.uninstrument()
        call()
        off = nanoseconds(call, times)
        if number >= 3:
            bare.append(off / 1000)
            traced.append(on / 1000)
    return median(bare), median(traced) - median(bare), min(traced) - min(bare)


def main():
    warnings.simplefilter("ignore")
    chosen = [name for name in ARMS if (not sys.argv[1:] or name in sys.argv[1:]) and find_spec(ARMS[name][0])]
    floor = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in dict.fromkeys(["openai", *chosen]):
            call, stream, *_kept = ARMS[name][1]()
            for what, arm, times, per in (("call", call, CALLS, 1), ("chunk", stream, STREAMS, CHUNKS)):
                bare, middle, least = (value / per for value in added(name, arm, times, folder))
                mine = floor.setdefault(what, (middle, least))
                print(
                    f"{name:10} {what:6} bare {bare:8.2f} µs, peekr +{middle:7.2f} (least +{least:7.2f}) µs, "
                    f"{middle / bare:+6.1%}, x{middle / mine[0]:4.2f} of OpenAI's (least x{least / mine[1]:4.2f})",
                    flush=True,
                )


if __name__ == "__main__":
    main()
