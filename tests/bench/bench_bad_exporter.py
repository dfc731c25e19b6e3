"""An exporter that hangs for ever, or raises each time: worst call, exit, and what is counted."""

from __future__ import annotations

import json
import subprocess
import sys
from time import perf_counter

PROGRAM = """
import json, threading, time
import peekr

class Hangs:
    def export_batch(self, spans):
        threading.Event().wait()

class Raises:
    def export_batch(self, spans):
        raise RuntimeError("no")

peekr.instrument(console=False, exporter={kind}(), plugins=[])
traced = peekr.trace(lambda x: x)
worst = 0
for i in range(5000):
    start = time.perf_counter()
    traced(i)
    worst = max(worst, time.perf_counter() - start)
import atexit
atexit.register(lambda: None)
import peekr.lifecycle as lifecycle
atexit.unregister(lifecycle.shutdown)
def end():
    lifecycle.shutdown()
    print(json.dumps(dict(worst=worst, **peekr.stats()["spans"], exporters=peekr.stats()["exporters"])), flush=True)
atexit.register(end)
"""


def main():
    for kind in ("Hangs", "Raises"):
        start = perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(kind=kind)], capture_output=True, text=True, timeout=60, check=True
        )
        took = perf_counter() - start
        seen = json.loads(done.stdout)
        counts = seen["exporters"][kind]
        print(
            f"bad exporter {kind:7} worst call {seen['worst'] * 1000:6.2f} ms; whole process {took:.2f} s; "
            f"ended {seen['ended']}, dropped {seen['dropped']}, failed {counts['failed']}"
        )


if __name__ == "__main__":
    main()
