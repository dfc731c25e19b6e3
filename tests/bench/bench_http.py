"""The HTTP exporter: spans per second into a loopback sink, and a program whose server refuses or never answers."""

from __future__ import annotations

import argparse
import json
import logging
import socket
import subprocess
import sys
import tempfile
import threading
from time import perf_counter

SINK = """
import socketserver, sys

class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        while True:
            length = 0
            while True:
                line = self.rfile.readline()
                if not line:
                    return
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
                if line == b"\\r\\n":
                    break
            self.server.spans += self.rfile.read(length).count(b'"trace_id"')
            self.wfile.write(b"HTTP/1.1 200 OK\\r\\nAccept-Encoding: " + ENCODING)
            self.wfile.write(b"\\r\\nContent-Length: 2\\r\\n\\r\\n{}")

ENCODING = sys.argv[1].encode()

class Server(socketserver.ThreadingTCPServer):
    daemon_threads, spans = True, 0

server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
import threading
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
print(server.spans, flush=True)
"""

DEAD = """
import atexit, json, os, sys, time
import peekr, peekr.lifecycle as lifecycle
options = {"spool": sys.argv[2]} if sys.argv[2] else {}
peekr.instrument(console=False, exporter=peekr.HTTPExporter(sys.argv[1], "k", **options))
traced = peekr.trace(lambda x: x)
worst, calls = 0, int(sys.argv[3])
for number in range(calls):
    start = time.perf_counter()
    traced(number)
    worst = max(worst, time.perf_counter() - start)
    time.sleep(float(sys.argv[4]))
atexit.unregister(lifecycle.shutdown)
def end():
    lifecycle.shutdown()
    print(json.dumps(dict(worst=worst, **peekr.stats())), flush=True)
atexit.register(end)
print("ready", flush=True)
"""


def arrive(encoding: str, count: int) -> str:
    """Emit many spans and wait until the sink has them."""
    import peekr

    command = [sys.executable, "-c", SINK, encoding]
    sink = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{int(sink.stdout.readline())}"
    exporter = peekr.HTTPExporter(url, "k")
    peekr.instrument(console=False, exporter=exporter, plugins=[])
    traced = peekr.trace(lambda query, k: query, capture_io=True)
    start = perf_counter()
    for _ in range(count):
        traced(query="hello", k=5)
    emitted = perf_counter() - start
    done = peekr.flush(120)
    took = perf_counter() - start
    peekr.shutdown()
    ours = peekr.stats()["exporters"]["HTTPExporter"]
    counted, _ = sink.communicate(timeout=30)
    body = exporter.stats()["requests"]
    missing = "" if encoding == "gzip" else f", the sink counted {int(counted)}"
    return (
        f"rate {encoding or 'plain':8} {count} spans: emitted in {emitted:.2f} s, accepted in {took:.2f} s "
        f"({count / took:,.0f}/s), {body} requests; flush {done}, exported {ours['exported']}, "
        f"failed {ours['failed']}, dropped {ours['dropped']}{missing}"
    )


def floor(count: int) -> str:
    """Time the least that has to be done: the same bodies, one after another, over one connection."""
    import httpx

    from peekr.testing.conformance import sample_span

    sink = subprocess.Popen([sys.executable, "-c", SINK, ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{int(sink.stdout.readline())}/v1/spans"
    body = json.dumps({"spans": [sample_span(1).to_dict()] * 100}).encode()
    start = perf_counter()
    with httpx.Client() as client:
        for _ in range(count // 100):
            client.post(url, content=body)
    took = perf_counter() - start
    sink.communicate(timeout=30)
    return f"floor         {count} spans by httpx alone: {took:.2f} s ({count / took:,.0f}/s)"


def dead(kind: str, spool: bool, calls: int, pause: float) -> str:
    """Run a program against a server that refuses, or accepts and never answers."""
    with socket.socket() as server, tempfile.TemporaryDirectory() as folder:
        server.bind(("127.0.0.1", 0))
        if kind == "silent":
            server.listen(64)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        command = [sys.executable, "-c", DEAD, url, folder if spool else "", str(calls), str(pause)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert child.stdout.readline() == "ready\n"
        start = perf_counter()
        out, _ = child.communicate(timeout=120)
        took = perf_counter() - start
    seen = json.loads(out)
    ours = seen["exporters"]["HTTPExporter"]
    return (
        f"S8 {kind:8}{'spool' if spool else '     '} {calls} calls: worst {seen['worst'] * 1000:6.2f} ms, exit "
        f"{took:.2f} s; ended {seen['spans']['ended']} = exported or kept {ours['exported']} + failed "
        f"{ours['failed']} + dropped {ours['dropped']} + waiting {ours['waiting']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=30_000)
    arguments = parser.parse_args()
    logging.getLogger("peekr").setLevel(logging.ERROR)
    print(floor(arguments.spans), flush=True)
    for encoding in ("", "gzip"):
        print(arrive(encoding, arguments.spans), flush=True)
    for kind in ("refused", "silent"):
        print(dead(kind, False, 300, 0), flush=True)
        print(dead(kind, False, 300, 0.02), flush=True)
        print(dead(kind, True, 300, 0), flush=True)
    assert threading.active_count() < 8


if __name__ == "__main__":
    main()
