"""Seconds that ``peekr diagnose`` takes on 1,000,000 spans in SQLite, against one scan of the same rows by hand.

The spans are written by the exporter. ``bench_diagnose.py SPANS FOLDER`` keeps the database in FOLDER and uses it
again.
"""

from __future__ import annotations

import json
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from peekr import Span
from peekr_sqlite import SQLiteExporter

START = 1_750_000_000.0
MODELS = ("gpt-4o", "claude-sonnet-4-5", "gemini-2.5-flash")
PROMPT = "Answer the question of the customer from the documents below, and quote them. " * 8
ANSWER = "Your order left our warehouse on Tuesday and should be with you by the end of the week. " * 4
TOOLS = ("search", "orders", "weather", "calendar")
BATCH = 5_000


def llm(number, rng):
    total = rng.randrange(4, 10)
    contradicted, unsupported = rng.randrange(0, 2), rng.randrange(0, 3)
    supported = total - contradicted - unsupported
    verdicts = ["supported"] * supported + ["contradicted"] * contradicted + ["unsupported"] * unsupported
    claims = [{"text": "It left on Tuesday, says document 4.", "verdict": verdict} for verdict in verdicts]
    return {
        "input": PROMPT,
        "model": MODELS[number % 3],
        "tokens_input": 900,
        "tokens_output": 80,
        "tokens_total": 980 + rng.randrange(500),
        "finish_reason": "stop",
        "output": ANSWER,
        "endpoint": ("/chat", "/search", "/mail")[number % 7 % 3],
        "cost_usd": 0.0031,
        "eval_scores": {"Hallucination": round(supported / total, 4), "NotEmpty": 1.0, "CitationAccuracy": 0.5},
        "hallucination_details": {
            "total": total, "supported": supported, "contradicted": contradicted, "unsupported": unsupported,
            "score": supported / total, "claims": claims,
        },
        "citation_details": {
            "total": 2, "grounded": 1, "invented": 1,
            "items": [{"kind": "url", "text": "https://docs.example/a", "grounded": True},
                      {"kind": "doi", "text": "10.1000/182", "grounded": False}],
        },
        "memory_hits": [],
    }  # fmt: skip


def attributes_of(number, place, rng):
    """Ten spans a trace: the run, a recall, three tools, five model calls."""
    if place == 0:
        return "run", "agent.run", {"input": "{}", "output": ANSWER}
    if place == 1:
        memories = [
            {"id": f"m{rng.randrange(200)}", "text": "likes tea", "rank": rank, "similarity": 0.9 - rank / 10,
             "score": None, "usage_count": 3, "age_seconds": 90_000, "reason": None}
            for rank in (1, 2, 3)
        ]  # fmt: skip
        return "memory_read", "memory.read", {"recall": True, "memories": memories, "memory_query": "tea"}
    if place < 5:
        return "tool", "tool." + TOOLS[number % 4], {"input": '{"args": [1]}', "output": '{"found": 3}'}
    return "llm", "openai.chat.completions", llm(number, rng)


def spans(count):
    rng = random.Random(1)
    for number in range(count):
        trace, place = divmod(number, 10)
        run_id = f"{trace * 10 + 1:016x}"
        kind, name, attributes = attributes_of(number, place, rng)
        failed = number % 97 == 0
        if failed:
            attributes.update(error="too many requests", error_reason="rate_limit")
        start = START + number * 2.5
        yield Span.from_dict({
            "trace_id": f"{trace + 1:032x}",
            "span_id": f"{number + 1:016x}",
            "parent_id": None if place == 0 else run_id,
            "name": name,
            "start_time": start,
            "end_time": start + 2,
            "duration_ms": 2000.0,
            "status": "error" if failed else "ok",
            "tenant_id": f"tenant-{trace % 40}",
            "user_id": f"user-{trace % 5000}",
            "session_id": f"session-{trace % 20000}",
            "attributes": {"kind": kind, "run_id": run_id, **attributes},
        })  # fmt: skip


def make(path, count):
    exporter = SQLiteExporter(path=str(path))
    batch = []
    for span in spans(count):
        batch.append(span)
        if len(batch) == BATCH:
            exporter.export_batch(batch)
            batch = []
    exporter.export_batch(batch)
    exporter.shutdown()


def floor(path):
    """One pass over ids, times and attributes, each attributes column decoded by json."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    started = perf_counter()
    found = 0
    for *_, attributes in connection.execute(
        "SELECT trace_id, span_id, parent_id, name, kind, start_time, status, attributes FROM spans"
    ):
        found += len(json.loads(attributes))
    return perf_counter() - started


def measured(path, *options):
    started = perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "peekr", "diagnose", str(path), *options], check=True, capture_output=True, timeout=300
    )
    return perf_counter() - started, done.stdout


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        path = folder / f"diagnose-{count}.db"
        if not path.exists():
            make(path, count)
        print(f"{count:,} spans, {path.stat().st_size / 1e6:,.0f} MB")
        floor(path)  # fills the cache of files
        by_hand = floor(path)
        best = min(measured(path, "--json")[0] for _ in range(3))
        part = measured(path, "--tenant", "tenant-3")[0]
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"by hand {by_hand:.2f} s; peekr diagnose {best:.2f} s ({best / by_hand:.2f} x), {memory:,.0f} MB")
        print(f"peekr diagnose --tenant (1/40 of it) {part:.2f} s")
        print(measured(path)[1].decode()[:1500])


if __name__ == "__main__":
    main()
