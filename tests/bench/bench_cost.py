"""Seconds that ``peekr cost`` takes on 1,000,000 spans in SQLite, against one scan of the same rows by hand.

Two databases: agents (four model calls among ten spans) and model calls only. ``bench_cost.py SPANS FOLDER`` keeps
the databases in FOLDER and uses them again.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from peekr import sql

START = 1_790_000_000.0
MODELS = (("gpt-4o-2024-08-06", 2.5, 10), ("claude-sonnet-4-5-20250929", 3, 15), ("gemini-2.5-flash", 0.3, 2.5))
PROMPT = "Answer the question of the customer from the documents below, and quote them. " * 6
ANSWER = "Your order left our warehouse on Tuesday and should be with you by the end of the week. " * 4


def llm(number, rng):
    model, per_input, per_output = MODELS[number % 3]
    given, made = rng.randrange(200, 4000), rng.randrange(20, 800)
    return {
        "provider": "openai",
        "input": PROMPT,
        "model": model,
        "response_id": f"chatcmpl-{number:024x}",
        "tokens_input": given,
        "tokens_output": made,
        "tokens_total": given + made,
        "tokens_cached": given // 3,
        "finish_reason": "stop",
        "output": ANSWER,
        "feature": ("chat", "search", "mail")[number % 3],
        "cost_usd": round((given * per_input + made * per_output) / 1e6, 12),
    }


def rows(count, calls_in_ten):
    rng = random.Random(1)
    for number in range(count):
        trace, place = divmod(number, 10)
        is_call = place in range(10 - calls_in_ten, 10)
        kind = "llm" if is_call else "tool" if place else "run"
        run_id = f"{trace * 10 + 1:016x}"
        attributes = {"kind": kind, "run_id": run_id, "user_id": f"user-{trace % 5000}"}
        attributes.update(llm(number, rng) if is_call else {"input": '{"args": [1]}', "output": '{"found": 3}'})
        start = START + number * 2.5
        took = rng.random() * 3
        yield (
            f"{trace + 1:032x}",
            f"{number + 1:016x}",
            None if place == 0 else run_id,
            "openai.chat.completions" if is_call else f"tool.step{place}",
            start,
            start + took,
            took * 1000,
            "error" if number % 97 == 0 else "ok",
            json.dumps(attributes, separators=(",", ":")),
            f"tenant-{trace % 40}",
            None,
            attributes["user_id"],
            f"session-{trace % 20000}",
            run_id,
            kind,
            None,
        )


def make(path, count, calls_in_ten):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    with connection:
        sql.create(connection, indices=False)
        marks = ", ".join("?" * len(sql.COLUMNS))
        connection.executemany(f"INSERT INTO spans VALUES ({marks})", rows(count, calls_in_ten))
    with connection:
        sql.create(connection)
    connection.close()


def floor(path):
    """What reading the wanted fields takes, without any sums by tenant, model or day."""
    connection = sqlite3.connect(path)
    start = perf_counter()
    connection.execute("SELECT TOTAL(json_extract(attributes, '$.cost_usd')) FROM spans WHERE kind = 'llm'").fetchone()
    took = perf_counter() - start
    connection.close()
    return took


def timed(path, *arguments):
    """Wall and processor seconds, of the command and the process that helps it."""
    start, spent = perf_counter(), os.times()
    done = subprocess.run(
        [sys.executable, "-m", "peekr", "cost", str(path), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    now = os.times()
    cpu = now.children_user + now.children_system - spent.children_user - spent.children_system
    return perf_counter() - start, cpu


def main(count=1_000_000, folder=None):
    with tempfile.TemporaryDirectory() as own:
        for label, calls_in_ten in (("agents", 4), ("calls", 10)):
            path = Path(folder or own, f"{label}-{count}.db")
            if not path.exists():
                make(path, count, calls_in_ten)
            base = min(floor(path) for _ in range(2))
            print(f"{label}: {count:,} spans, {path.stat().st_size >> 20} MiB; one scan {base:.2f} s", flush=True)
            for arguments in ([], ["--by", "tenant"], ["--by", "day", "--by", "model", "--json"], ["--since", "7d"]):
                took, cpu = min(timed(path, *arguments) for _ in range(2))
                label = " ".join(arguments)
                print(
                    f"  peekr cost {label:26} {took:6.2f} s  x{took / base:.2f}, {cpu:.2f} s of processors", flush=True
                )


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:2]), *sys.argv[2:3])
