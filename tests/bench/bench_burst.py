"""200,000 spans from four threads without a pause (S6), and parents under concurrency (S7)."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import tempfile
import threading
from pathlib import Path
from time import perf_counter

import floor

import peekr

THREADS, EACH = 4, 50_000


def flat(x):
    return x


def burst(function):
    def run():
        for _ in range(EACH):
            function(1)

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    start = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return perf_counter() - start


def bench_burst(path):
    peekr.instrument(console=False, jsonl_path=path, plugins=[])
    took = burst(peekr.trace(flat, capture_io=False))
    start = perf_counter()
    peekr.flush(60)
    drain = perf_counter() - start
    dropped = peekr.stats()["spans"]["dropped"]
    peekr.shutdown()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    base = []
    for _ in range(3):
        base.append(burst(floor.trace(flat)))
        floor.done.clear()
    with open(path, "rb") as file:
        lines = sum(1 for _ in file)
    print(
        f"S6  emit {took:.2f} s, x{took / min(base):.1f} of the floor; drain {drain:.2f} s; "
        f"arrived {lines:,} of {THREADS * EACH:,}, dropped {dropped}; peak {peak:.0f} MiB"
    )


def bench_parents(path):
    """1,000 tasks and 8 threads of chains root > mid > leaf; every child has to find its parent."""
    peekr.instrument(console=False, jsonl_path=path, plugins=[])
    pause = random.Random(7).random

    async def chain(number):
        with peekr.span(f"root_{number}"):
            await asyncio.sleep(pause() / 100)
            with peekr.span(f"mid_{number}"):
                await asyncio.sleep(pause() / 100)
                with peekr.span(f"leaf_{number}"):
                    await asyncio.sleep(pause() / 100)

    async def chains():
        await asyncio.gather(*(chain(number) for number in range(1000)))

    def thread(first):
        for number in range(first, first + 334):
            with peekr.span(f"root_{number}"), peekr.span(f"mid_{number}"), peekr.span(f"leaf_{number}"):
                pass

    asyncio.run(chains())
    threads = [threading.Thread(target=thread, args=(1000 + 334 * n,)) for n in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    peekr.shutdown()
    spans = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            spans[record["name"]] = record
    right = sum(is_in_place(name, spans) for name in spans)
    roots = [record["trace_id"] for name, record in spans.items() if name.startswith("root")]
    own = len(set(roots)) / len(roots)
    print(f"S7  {len(spans):,} spans, right place {right / len(spans):.2%}, own trace id {own:.2%}")


def is_in_place(name, spans):
    """Whether a span hangs below the one it was opened in, in the same trace."""
    kind, _, number = name.partition("_")
    record = spans[name]
    if kind == "root":
        return record["parent_id"] is None
    above = spans[f"{'root' if kind == 'mid' else 'mid'}_{number}"]
    return (record["parent_id"], record["trace_id"]) == (above["span_id"], above["trace_id"])


def main():
    with tempfile.TemporaryDirectory() as folder:
        bench_burst(str(Path(folder, "burst.jsonl")))
        bench_parents(str(Path(folder, "parents.jsonl")))


if __name__ == "__main__":
    main()
