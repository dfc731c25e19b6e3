"""A million spans in a burst while the store stands still: memory, worst call, and what is counted.

The bound: the queue and the exporter's lane hold 250,000 spans or 100 MiB of content each, roots and errors a tenth
more in the queue.

The worst call is that in which CPython's cyclic collector looks at every object there is: each waiting span is one
object to it, of 0.5 to 1 µs, and it comes each time a quarter more has gathered. Nothing waits for the store.
"""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, resource, sys, threading, time
import peekr

class Stalled:
    def export_batch(self, spans):
        threading.Event().wait()

peekr.instrument(console=False, exporter=Stalled(), plugins=[])
text = "x" * int(sys.argv[2])
traced = peekr.trace(lambda value: value)
def now(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = now()
slow = 0
start = time.perf_counter()
for number in range(int(sys.argv[1])):
    begin = time.perf_counter()
    traced(text)
    took = time.perf_counter() - begin
    slow = max(slow, took)
took = time.perf_counter() - start
peak = now()
begin = time.perf_counter()
peekr.shutdown()
closing = time.perf_counter() - begin
print(json.dumps(dict(took=took, slow=slow, grown=peak - before, closing=closing, **peekr.stats()["spans"])))
"""


def main():
    for size in (10, 480):
        command = [sys.executable, "-c", PROGRAM, "1000000", str(size)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        seen = json.loads(done.stdout)
        print(
            f"stalled store, 1,000,000 spans of {size} characters: {seen['took']:.1f} s, worst call "
            f"{seen['slow'] * 1000:.1f} ms; memory grew by {seen['grown']:.0f} MiB; closed in {seen['closing']:.1f} s; "
            f"dropped {seen['dropped']:,} of {seen['ended']:,}",
            flush=True,
        )


if __name__ == "__main__":
    main()
