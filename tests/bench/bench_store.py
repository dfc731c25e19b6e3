"""Spans a second to a flushed file: S5. The floor writes the same with orjson, in one go, with only a primary key."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path
from time import perf_counter

import floor

import peekr

COUNT = 50_000
HITS = [{"id": i, "title": f"Result {i}", "score": 0.9 - i / 10} for i in range(3)]
COLUMNS = "trace_id, span_id PRIMARY KEY, parent_id, name, start, end, error, attributes"

try:
    import orjson
except ImportError:

    def dumps(value):
        return json.dumps(value).encode()
else:
    dumps = orjson.dumps


def search(query, k):
    return HITS


def emit(function):
    for _ in range(COUNT):
        function(query="hello", k=5)


def floor_jsonl(path):
    with open(path, "wb") as file:
        file.write(b"".join(dumps(floor.record(span)) + b"\n" for span in floor.done))


def floor_sqlite(path):
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(f"CREATE TABLE spans ({COLUMNS})")
    rows = (
        tuple({**floor.record(span), "attributes": dumps(span.attributes).decode()}.values()) for span in floor.done
    )
    with db:
        db.executemany("INSERT INTO spans VALUES (?,?,?,?,?,?,?,?)", rows)
    db.close()


def run_floor(write, path):
    floor.cut = lambda value: dumps(value).decode()[:500]
    traced = floor.trace(search, io=True)
    start = perf_counter()
    emit(traced)
    write(path)
    took = perf_counter() - start
    floor.done.clear()
    return took


def run_peekr(storage, path):
    peekr.instrument(console=False, storage=storage, jsonl_path=path, db_path=path, plugins=[])
    traced = peekr.trace(search)
    start = perf_counter()
    emit(traced)
    peekr.flush(120)
    peekr.shutdown(60)
    return perf_counter() - start


def arrived(storage, path):
    if storage == "jsonl":
        with open(path, encoding="utf-8") as file:
            return sum(1 for _ in file)
    return sqlite3.connect(path).execute("SELECT COUNT(*) FROM spans").fetchone()[0]


def main():
    for storage, write in (("jsonl", floor_jsonl), ("sqlite", floor_sqlite)):
        base, mine, counts = [], [], set()
        with tempfile.TemporaryDirectory() as folder:
            for number in range(3):
                base.append(run_floor(write, Path(folder, f"floor{number}")))
                path = str(Path(folder, f"peekr{number}"))
                mine.append(run_peekr(storage, path))
                counts.add(arrived(storage, path))
        low, ours = min(base), min(mine)
        print(
            f"S5  {storage:7} peekr {COUNT / ours:9,.0f}/s, floor {COUNT / low:9,.0f}/s, "
            f"x{low / ours:.2f} of the floor's rate; arrived {counts} of {COUNT}"
        )


if __name__ == "__main__":
    main()
