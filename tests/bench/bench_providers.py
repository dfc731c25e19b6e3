"""What each provider adds to a call and to a chunk, beside what the OpenAI provider adds, in one run.

In-process transports, a file sink on; each SDK traced and untraced in turn, ten calls one after another as programs
make them; the CPU time of the calling thread, and of the threads behind it. What a call adds differs by tens of µs
from process to process, by how memory happens to lie: so each SDK is measured in PROCESSES processes, in turn with the
others. In one, a figure is the difference of lower quartiles, as other programs of the machine lengthen a call and
nothing shortens it; printed are the median of these figures, their range, and the ratio of the median to OpenAI's.
Ratios above 1.5 miss the figure of issue 3. LangChain itself costs more with any callback handler, which is shown
beside.
Arguments are providers; without, all whose SDK is installed. PROCESSES in the environment sets how many.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles
from time import process_time_ns, thread_time_ns

import peekr
from peekr.probes.eventstream import event
from peekr.tracer import Tracer

CHUNKS = 300
PROCESSES = int(os.environ.get("PROCESSES", "7"))
#: Calls in a row and those before them that do not count; rounds of such rows, of calls and of streams, and those
#: before them; blocks and their calls for the worker.
IN_A_ROW, WARM, ROUNDS, STREAMS, SKIPPED, BLOCKS, BLOCK = 10, 4, 25, 4, 2, 4, 10
ONE = "--one"
GROUP = "peekr.providers"
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
    return [lambda: create(**ask)], [lambda: list(create(**ask, stream=True, stream_options=options))]


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
    return [lambda: client.messages.create(**ask)], [lambda: list(client.messages.create(**ask, stream=True))]


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
    return [lambda: client.converse(**ask)], [lambda: list(client.converse_stream(**ask)["stream"])]


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
    return [lambda: models.generate_content(**ask)], [lambda: list(models.generate_content_stream(**ask))], client


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
        """What LangChain itself spends on having a handler at all."""

        run_inline = True

        def on_chat_model_start(self, *_, **__):
            pass

    model, silent = Model(), {"callbacks": [Silent()]}
    calls = [lambda: model.invoke(QUESTION), lambda: model.invoke(QUESTION, silent)]
    return calls, [lambda: list(model.stream(QUESTION)), lambda: list(model.stream(QUESTION, silent))]


ARMS = {
    "openai": ("openai", openai_arms),
    "anthropic": ("anthropic", anthropic_arms),
    "bedrock": ("botocore", bedrock_arms),
    "gemini": ("google.genai", gemini_arms),
    "langchain": ("langchain_core", langchain_arms),
}


class Tracing:
    """One provider, which is switched on and off in between while everything behind it stays in place."""

    def __init__(self, name, folder):
        peekr.instrument(console=False, jsonl_path=str(Path(folder, "traces.jsonl")), plugins=["jsonl"])
        (entry,) = [entry for entry in provider_entries() if entry.name == name]
        self.provider = entry.load()()

    def on(self):
        self.provider.instrument(Tracer())

    def off(self):
        self.provider.uninstrument()

    def worker(self, call, times):
        """Return the µs per call of the threads behind a traced program."""
        self.on()
        call()
        peekr.flush(30)
        start = process_time_ns() - thread_time_ns()
        for _ in range(times):
            call()
        peekr.flush(30)
        took = process_time_ns() - thread_time_ns() - start
        self.off()
        return took / times / 1000


def provider_entries():
    found = entry_points()
    return found.select(group=GROUP) if hasattr(found, "select") else found[GROUP]


def cpu(call):
    """Return the µs that this thread takes for a call, for each of some calls one after another."""
    took = []
    for number in range(WARM + IN_A_ROW):  # the interpreter has to specialise the patched functions again
        start = thread_time_ns()
        call()
        if number >= WARM:
            took.append((thread_time_ns() - start) / 1000)
    return took


def measure(tracing, arms, rounds):
    """Return µs untraced, µs traced, and µs of each other arm, some calls at a time in turn: lower quartiles."""
    call, *others = arms
    bare, traced, rest = [], [], [[] for _ in others]
    for number in range(-SKIPPED, rounds):
        tracing.on()
        took = cpu(call)
        peekr.flush(30)
        tracing.off()
        off = cpu(call)
        more = [cpu(other) for other in others]
        gc.collect()
        if number == -1:
            gc.freeze()
        if number >= 0:
            bare += off
            traced += took
            for series, one in zip(rest, more):
                series += one
    return [quantiles(series, n=4)[0] for series in (bare, traced, *rest)]


def one_process(name):
    """Print the figures of one provider as JSON: {"call" and "chunk": {"bare", "adds", "silent", "worker"}} in µs."""
    gc.disable()  # a pause falls on whoever allocates next
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        calls, streams, *_kept = ARMS[name][1]()
        tracing = Tracing(name, folder)
        for what, arms, per in (("call", calls, 1), ("chunk", streams, CHUNKS)):
            bare, traced, *rest = measure(tracing, arms, ROUNDS if per == 1 else STREAMS)
            silent = rest[0] - bare if rest else 0
            worker = min(tracing.worker(arms[0], BLOCK if per == 1 else 2) for _ in range(BLOCKS))
            took = {"bare": bare, "adds": traced - bare, "silent": silent, "worker": worker}
            figures[what] = {key: value / per for key, value in took.items()}
        peekr.uninstrument()
    print(json.dumps(figures))


def run(name):
    done = subprocess.run([sys.executable, "-W", "ignore", __file__, ONE, name], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def middle(runs, what, key):
    return median(one[what][key] for one in runs)


def report(name, what, runs, base):
    adds = [one[what]["adds"] - one[what]["silent"] for one in runs]
    mine, worker = median(adds), middle(runs, what, "worker")
    least, behind = middle(base, what, "adds"), middle(base, what, "worker")
    bare, silent = middle(runs, what, "bare"), middle(runs, what, "silent")
    beyond = f" beyond {silent:.2f} of a handler that does nothing" if silent else ""
    print(
        f"{name:10} {what:6} bare {bare:8.2f} µs, peekr +{mine:6.2f} µs ({min(adds):.2f} to {max(adds):.2f}){beyond}, "
        f"{mine / bare:+6.1%}, x{mine / least:.2f} of OpenAI's; "
        f"worker {worker:6.2f} µs, together x{(mine + worker) / (least + behind):.2f}",
        flush=True,
    )


def main():
    if ONE in sys.argv:
        return one_process(sys.argv[-1])
    chosen = [name for name in ARMS if (not sys.argv[1:] or name in sys.argv[1:]) and find_spec(ARMS[name][0])]
    runs = {name: [] for name in dict.fromkeys(["openai", *chosen])}
    for _ in range(PROCESSES):
        for name, results in runs.items():
            results.append(run(name))
    for name, results in runs.items():
        for what in ("call", "chunk"):
            report(name, what, results, runs["openai"])


if __name__ == "__main__":
    main()
