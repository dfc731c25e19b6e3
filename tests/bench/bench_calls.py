"""What a traced call costs its caller, with a file sink on: S1, S1n, S1a, S2, S2big of the shared benchmark.

python tests/bench/bench_calls.py [jsonl|sqlite]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import floor
from measure import in_turn, row

import peekr

HITS = [{"id": i, "title": f"Result {i}", "score": 0.9 - i / 10} for i in range(3)]
ROWS = [{"id": i, "title": f"Result {i}", "score": i / 2000, "tags": ["a", "b"]} for i in range(2000)]
DOCUMENT = "The quick brown fox jumps over the lazy dog. " * 2223


def flat(x):
    return x


async def aflat(x):
    return x


def search(query, k):
    return HITS


def transform(document):
    return ROWS


def nest(trace):
    inner = trace(lambda x: x)
    middle = trace(lambda x: inner(x))
    return trace(lambda x: middle(x))


def untraced(function, io=False):
    return function


def ours(function, io=False):
    return peekr.trace(function, capture_io=io)


def nothing():
    pass


TRACERS = {
    "bare": (untraced, nothing),
    "floor": (floor.trace, floor.done.clear),
    "peekr": (ours, lambda: peekr.flush(30)),
}


def calls(label, make, count, spans_per_call=1, args=(), kwargs=None):
    kwargs = kwargs or {}

    def arm(traced):
        def block():
            for _ in range(count):
                traced(*args, **kwargs)

        return block

    arms = {name: (arm(make(trace)), drain) for name, (trace, drain) in TRACERS.items()}
    row(label, in_turn(arms, count * spans_per_call))


def coroutines(label, count):
    loop = asyncio.new_event_loop()

    def arm(traced):
        async def calls():
            for _ in range(count):
                await traced(1)

        return lambda: loop.run_until_complete(calls())

    row(label, in_turn({name: (arm(trace(aflat)), drain) for name, (trace, drain) in TRACERS.items()}, count))
    loop.close()


def main():
    storage = sys.argv[1] if len(sys.argv) > 1 else "jsonl"
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "traces"))
        peekr.instrument(console=False, storage=storage, jsonl_path=path, db_path=path, plugins=[])
        print(f"# storage={storage}; per span; added to the bare call")
        calls("S1", lambda trace: trace(flat), 500, args=(1,))
        calls("S1n", nest, 150, 3, args=(1,))
        coroutines("S1a", 500)
        calls("S2", lambda trace: trace(search, io=True), 200, kwargs={"query": "hello", "k": 5})
        calls("S2big", lambda trace: trace(transform, io=True), 8, kwargs={"document": DOCUMENT})
        peekr.shutdown()


if __name__ == "__main__":
    main()
