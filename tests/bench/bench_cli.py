"""Seconds and memory of the reading commands, against a bare interpreter in the same minute.

``bench_cli.py [SPANS] [FOLDER]``: 1,000,000 spans by default; FOLDER keeps the files and uses them again. The figures
to reach: ``peekr view`` of the last 20 traces of 1 GB of lines within 1.5 times interpreter and imports, below 80 MB;
``peekr stats`` on 1,000,000 spans within 2 s; ``peekr --version`` within 120 ms, ``peekr view small`` within 250 ms.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from bench_cost import make, rows

from peekr import sql

GIGABYTE = 1_000_000_000
#: What a command imports, and nothing else: the floor of the commands that look into a file. stevedore is what finds
#: the command and the store, which are plugins.
IMPORTS = (
    "import sys, click, stevedore.extension, peekr_cli.main, peekr_cli.commands.view, peekr_cli.render,"
    " peekr_jsonl.store;"
    " from peekr import open_store; from peekr_cli.terminal import Screen"
)


def run(arguments, cwd):
    """Return wall seconds and the peak of memory in MB."""
    start = perf_counter()
    process = subprocess.Popen(arguments, cwd=cwd, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments} ended with {process.returncode}")
    return took, usage.ru_maxrss / 1000


def measure(commands, cwd, rounds=7):
    """Return name → (least seconds, megabytes); the commands take turns."""
    best = {}
    for _ in range(rounds):
        for name, arguments in commands.items():
            took, memory = run(arguments, cwd)
            known = best.get(name, (took, memory))
            best[name] = (min(known[0], took), max(known[1], memory))
    return best


def lines(path, size):
    """Write spans as lines until the file has this size."""
    names = tuple(sql.COLUMNS)
    with open(path, "w", encoding="utf-8") as file:
        for values in rows(10**9, 4):
            record = dict(zip(names, values))
            attributes = json.loads(record.pop("attributes"))
            for name in ("run_id", "kind", "payload"):
                record.pop(name)
            record["attributes"] = attributes
            file.write(json.dumps(record) + "\n")
            if file.tell() >= size:
                return


def main(count=1_000_000, folder=None):
    with tempfile.TemporaryDirectory() as own:
        place = Path(folder or own)
        database, large, small = place / f"agents-{count}.db", place / "large.jsonl", place / "small.jsonl"
        if not database.exists():
            make(database, count, 4)
        if not large.exists():
            lines(large, GIGABYTE)
        if not small.exists():
            lines(small, 20_000)
        peekr = str(Path(sys.executable).with_name("peekr"))
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "python, imports": [sys.executable, "-c", IMPORTS],
            "peekr --version": [peekr, "--version"],
            "peekr view small": [peekr, "view", small],
            "peekr view 1 GB, last 20": [peekr, "view", large, "--limit", "20"],
            "peekr view 1 GB, --json": [peekr, "view", large, "--limit", "20", "--json"],
            "peekr traces 1 GB, last 20": [peekr, "traces", large, "--list", "--limit", "20"],
            "peekr stats 1,000,000": [peekr, "stats", database],
            "peekr traces 1,000,000": [peekr, "traces", database, "--list", "--limit", "20"],
        }
        found = measure(commands, place)
        bare, imports = found["python -c pass"][0], found["python, imports"][0]
        print(f"{count:,} spans, {database.stat().st_size >> 20} MiB; lines {large.stat().st_size >> 20} MiB")
        for name, (took, memory) in found.items():
            print(
                f"  {name:28} {took * 1000:8.0f} ms  x{took / bare:6.1f} of python, x{took / imports:5.2f} of imports"
                f"  {memory:6.1f} MB",
                flush=True,
            )
        took, memory = run([peekr, "memory", database], place)
        print(f"  peekr memory {count:,} spans {took:8.2f} s  {memory:6.1f} MB")
        took, memory = run([peekr, "export", "--all", "--db", database, "-o", place / "all.json"], place)
        print(f"  peekr export --all (1000 runs) {took:8.2f} s  {memory:6.1f} MB")


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:2]), *sys.argv[2:3])
