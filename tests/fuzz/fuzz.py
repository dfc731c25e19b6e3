"""Throw random input at capture, redaction and the readers: python tests/fuzz/fuzz.py [inputs] [seed]

Each input is a span with a secret somewhere inside, captured, redacted, encoded and read back; each fifth is written to
a file of spans with bytes changed at random, which is then read. Ends with status 1 at the first secret that comes
out, with its seed; a crash or a hang shows by itself.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from random import Random
from time import perf_counter

import secrets_in_spans as spans

from peekr import wire
from peekr.redaction import Redactor
from peekr.spans import Span

ENVIRONMENT = {"FUZZ_API_KEY": "canary-5f3e9a7c11d24b68", "FUZZ_DB_PASSWORD": 'Pa"ss\\word-with/slash=1'}
_FILE_OF = 200


def one(seed, redactor):
    """Return the encoded span of a seed if its secret came out, else None; and the line as written."""
    span, hidden = spans.span(Random(seed), list(ENVIRONMENT.values()))
    redactor.process(span)
    line = wire.encode(wire.record(span))
    shown = wire.decode(line)
    Span.from_dict(shown)
    leaked = spans.piece(hidden) in str(shown) or spans.piece(hidden).encode() in line
    return (line if leaked else None), line


def damaged(lines, random):
    """Return a file of lines with some bytes changed, cut or doubled."""
    data = bytearray(b"\n".join(lines) + b"\n")
    for _ in range(random.randint(0, 20)):
        at = random.randrange(len(data))
        kind = random.random()
        if kind < 0.6:
            data[at] = random.randrange(256)
        elif kind < 0.8:
            del data[at : at + random.randint(1, 50)]
        else:
            data[at:at] = data[at : at + random.randint(1, 500)]
        data = data or bytearray(b"\n")
    return bytes(data)


def read(lines, random, folder):
    """Read a damaged file in every way a reader does."""
    from peekr_jsonl import JSONLStore

    path = os.path.join(folder, "fuzz.jsonl")
    with open(path, "wb") as file:
        file.write(damaged(lines, random))
    with JSONLStore(path) as store:
        count = sum(1 for _ in store.iter_spans())
        back = sum(1 for _ in store.spans(newest_first=True))
        list(store.traces(limit=5))
        list(store.search("model", limit=3))
        store.list_runs(limit=5)
    assert count == back, (count, back)


def main(inputs=1_000_000, seed=0):
    """Run; return the status."""
    os.environ.update(ENVIRONMENT)
    logging.disable(logging.CRITICAL)
    redactor, start, lines, failed = Redactor(), perf_counter(), [], 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(seed, seed + inputs):
            leaked, line = one(number, redactor)
            if leaked is not None:
                failed += 1
                print(f"seed {number}: a secret came out: {leaked[:2000]!r}", flush=True)
                if failed >= 10:
                    return 1
            if number % 5 == 0:
                lines.append(line)
                if len(lines) == _FILE_OF:
                    read(lines, Random(number), folder)
                    lines = []
            if number % 100_000 == 99_999:
                print(f"{number + 1 - seed} inputs, {perf_counter() - start:.0f} s, {redactor.stats()}", flush=True)
    took = perf_counter() - start
    print(f"{inputs} inputs from seed {seed} in {took:.0f} s: {failed} leaks; {redactor.stats()}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
