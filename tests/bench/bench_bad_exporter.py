"""An exporter that hangs for ever, raises each time, or sends where nobody answers, beside one that works.

Time per call, worst call, exit, and what is counted.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from time import perf_counter

PROGRAM = """
import atexit, json, sys, threading, time
import peekr, peekr.lifecycle as lifecycle

class Takes:
    def export_batch(self, spans):
        pass

class Hangs:
    def export_batch(self, spans):
        threading.Event().wait()

class Raises:
    def export_batch(self, spans):
        raise RuntimeError("no")

def Silent():
    return peekr.HTTPExporter(sys.argv[2], "k")

peekr.instrument(console=False, exporter=globals()[sys.argv[1]](), plugins=[])
traced = peekr.trace(lambda x: x)
took = []
for i in range(20000):
    start = time.perf_counter()
    traced(i)
    took.append(time.perf_counter() - start)
    if i % 100 == 0:
        time.sleep(0.002)
took.sort()
atexit.unregister(lifecycle.shutdown)
def end():
    start = time.perf_counter()
    lifecycle.shutdown()
    closing = time.perf_counter() - start
    (counts,) = peekr.stats()["exporters"].values()
    seen = dict(median=took[len(took) // 2], worst=took[-1], closing=closing, **peekr.stats()["spans"])
    print(json.dumps(dict(seen, failed=counts["failed"])), flush=True)
atexit.register(end)
"""


def main():
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:  # connections are taken, nothing is answered
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for kind in ("Takes", "Hangs", "Raises", "Silent"):
            start = perf_counter()
            command = [sys.executable, "-c", PROGRAM, kind, address]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
            took = perf_counter() - start
            seen = json.loads(done.stdout)
            print(
                f"exporter {kind:6} call: median {seen['median'] * 1e6:5.2f} µs, worst {seen['worst'] * 1000:6.2f} ms; "
                f"closed in {seen['closing']:.2f} s, whole process {took:.2f} s; ended {seen['ended']:,}, "
                f"exported {seen['exported']:,}, failed {seen['failed']:,}, dropped {seen['dropped']:,}",
                flush=True,
            )


if __name__ == "__main__":
    main()
