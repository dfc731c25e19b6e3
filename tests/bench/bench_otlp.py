"""Spans a second by OTLP into a local sink that decodes them (issue 4: 10,000), and what the official encoder reaches.

The sink is a process of its own: a small threaded HTTP server that parses every request with ``opentelemetry-proto``
and counts the span ids. Arms: peekr's exporter fed directly, the whole way from ``with peekr.span()`` to the sink, and
the SDK's ``ReadableSpan`` with the official exporter. Typical spans: a quarter LLM calls with messages and payload.
"""

from __future__ import annotations

import gzip
import json
import multiprocessing
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import perf_counter

import peekr
from peekr.spans import Span

COUNT = 40_000
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant. " * 8},
    {"role": "user", "content": "What is the capital of France, and how many people live there? " * 3},
]
ANSWER = "Paris. About two million people live in the city itself. " * 4
PAYLOAD = json.dumps(
    {
        "request": {"model": "gpt-4o", "messages": MESSAGES, "temperature": 0.2, "max_tokens": 300},
        "response": {
            "model": "gpt-4o-2024-08-06",
            "choices": [{"message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
        },
    }
).encode()


def serve(ready):
    """The sink; GET tells how many distinct spans came, and forgets them."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    seen = set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    seen.update([span.span_id for span in scope.spans])
            self.answer(b"")

        def do_GET(self):
            count = str(len(seen)).encode()
            seen.clear()
            self.answer(count)

        def answer(self, body):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ready.send(server.server_port)
    server.serve_forever()


def spans():
    """Finished spans: a root, an LLM call, a tool and a function, again and again."""
    made = []
    while len(made) < COUNT:
        root = Span("agent", None, "run")
        llm = Span("openai.chat.completions", root, "llm")
        llm.attributes.update(
            model="gpt-4o-2024-08-06", provider="openai", tokens_input=120, tokens_output=60, tokens_total=180
        )
        llm.attributes.update(input=json.dumps(MESSAGES)[:1000], output=ANSWER, finish_reason="stop")
        llm._payload = PAYLOAD
        tool, function = Span("tool.search", root, "tool"), Span("app.rank", root)
        for span in (tool, function):
            span.attributes.update(input='{"query": "capital of France", "k": 5}', output='[{"id": 1, "score": 0.9}]')
        for span in (llm, tool, function, root):
            span._t1 = span._t0 + 1000
            made.append(span)
    return made


def through_exporter(url, **options):
    """The exporter by itself, in batches as a lane makes them."""
    from peekr_otlp import OTLPExporter

    exporter, made = OTLPExporter(url, **options), spans()
    start = perf_counter()
    for at in range(0, COUNT, 2048):
        exporter.export_batch(made[at : at + 2048])
    took = perf_counter() - start
    exporter.shutdown()
    return took


def through_peekr(url):
    """From traced code to the sink, everything included."""
    peekr.instrument(
        console=False, storage="otlp", storage_options={"otlp": {"endpoint": url}}, shutdown_timeout=60, plugins=[]
    )
    start = perf_counter()
    for _ in range(COUNT // 4):
        with peekr.span("agent", kind="run"):
            with peekr.span("openai.chat.completions", kind="llm") as llm:
                llm.attributes.update(model="gpt-4o", provider="openai", tokens_input=120, tokens_output=60)
                llm.attributes.update(input=json.dumps(MESSAGES)[:1000], output=ANSWER, finish_reason="stop")
            for name in ("tool.search", "app.rank"):
                with peekr.span(name) as span:
                    span.attributes.update(input='{"query": "capital of France"}', output='[{"id": 1}]')
    done = peekr.flush(120)
    took = perf_counter() - start
    counts = peekr.stats()["exporters"]["otlp"]
    peekr.shutdown(60)
    if not done or counts["failed"] or counts["dropped"]:
        print("LOST:", counts)
    return took


def through_the_sdk(url):
    """The official way: the SDK's finished spans with the same attributes, the official encoder and exporter."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    from peekr_otlp.conventions import LATEST, TABLES
    from peekr_otlp.genai import genai
    from peekr_otlp.handing import finished
    from peekr_otlp.view import given_attributes

    convert = genai(TABLES[LATEST])
    tracer = TracerProvider(resource=Resource({"service.name": "peekr"})).get_tracer("peekr")
    exporter, made = OTLPSpanExporter(f"{url}/v1/traces"), spans()
    start = perf_counter()
    for at in range(0, COUNT, 1024):
        ended = [finished(tracer, span, convert(span, given_attributes(span, True))) for span in made[at : at + 1024]]
        exporter.export(ended)
    took = perf_counter() - start
    exporter.shutdown()
    return took


ARMS = {
    "exporter": through_exporter,
    "gzip": lambda url: through_exporter(url, compression="gzip"),
    "openinference": lambda url: through_exporter(url, conventions="openinference"),
    "whole way": through_peekr,
    "official encoder": through_the_sdk,
}


def main():
    """Print the rate of each arm, best of three."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    sink = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    sink.start()
    url = f"http://127.0.0.1:{here.recv()}"
    wanted = sys.argv[1:] or list(ARMS)
    try:
        for name in wanted:
            took, arrived = [], []
            for _ in range(3):
                took.append(ARMS[name](url))
                with urllib.request.urlopen(url) as answer:
                    arrived.append(int(answer.read()))
            print(f"OTLP {name:17} {COUNT / min(took):9,.0f} spans/s; arrived {arrived} of {COUNT}", flush=True)
    finally:
        sink.terminate()
        sink.join()


if __name__ == "__main__":
    main()
