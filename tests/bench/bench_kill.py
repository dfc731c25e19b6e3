"""``kill -9`` at a random moment: what was emitted more than 200 ms before has to be in the file (issue 4).

python tests/bench/bench_kill.py [runs] [seed]

Each run is a process that emits spans without a pause and notes, in a pipe, the number and time of each. Half of the
runs write JSONL, half SQLite; all of them once with the bare core and once as installed: with every plugin, and
redaction of content, a secret in one span of ten.
"""

from __future__ import annotations

import random
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peekr
from peekr.errors import StoreError

PROGRAM = """
import os, sys, time
import peekr
kind, path, arm = sys.argv[1:]
more = {"plugins": [], "redact": False} if arm == "bare" else {}
peekr.instrument(console=False, storage=kind, jsonl_path=path, db_path=path, **more)
content = {} if arm == "bare" else {"note": "write to jane.roe@example.com, " + "and so on, " * 20}
secret = {} if arm == "bare" else {"api_key": "sk-" + "a1B2" * 10}
number = 0
while True:
    with peekr.span("work", number=number, **content, **(secret if number % 10 == 0 else {})):
        pass
    os.write(1, b"%d %.6f\\n" % (number, time.monotonic()))
    number += 1
    if number % 20 == 0:
        time.sleep(0.002)
"""
GRACE_S = 0.2


def one_run(kind, path, arm, after):
    """Return how many spans were due, how many of them are missing, and how many lines, or files, could not be read."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, kind, str(path), arm], stdout=subprocess.PIPE)
    noted = b""
    select.select([process.stdout], [], [], 30)
    end = time.monotonic() + after
    while time.monotonic() < end:
        if select.select([process.stdout], [], [], max(end - time.monotonic(), 0))[0]:
            noted += process.stdout.read1(1 << 16)
    killed = time.monotonic()
    process.kill()
    noted += process.stdout.read()
    process.stdout.close()
    process.wait(30)
    emitted = [line.split() for line in noted.splitlines() if line.count(b" ") == 1 and b"." in line]
    times = {int(number): float(at) for number, at in emitted}
    due = {number for number, at in times.items() if at < killed - GRACE_S}
    if not path.exists():
        return len(due), len(due), 0
    try:
        with peekr.open_store(str(path)) as store:
            found = {span.attributes.get("number") for span in store.spans()}
            skipped = store.stats().get("skipped", 0)
    except StoreError as error:
        print(error, flush=True)
        return len(due), len(due), 1
    if due - found:
        oldest = times[min(due - found)]
        age, run = (killed - oldest) * 1000, oldest - times[0]
        print(
            f"  {len(due - found)} missing, the oldest {age:.0f} ms before the kill, {run:.2f} s after the first span"
        )
    return len(due), len(due - found), skipped


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    chance = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    with tempfile.TemporaryDirectory() as folder:
        for kind, arm in ((kind, arm) for arm in ("bare", "default") for kind in ("jsonl", "sqlite")):
            due = missing = unreadable = 0
            for number in range(runs // 2):
                path = Path(folder, f"{kind}{number}.{kind}")
                counts = one_run(kind, path, arm, chance.uniform(0.0, 1.0))
                due, missing, unreadable = (a + b for a, b in zip((due, missing, unreadable), counts))
                for left in Path(folder).glob(f"{kind}{number}.*"):
                    left.unlink()
            print(
                f"kill -9 {kind:6} {arm:7} {runs // 2} runs: {due:,} spans older than {GRACE_S * 1000:.0f} ms, "
                f"{missing} missing; {unreadable} unreadable lines or files",
                flush=True,
            )


if __name__ == "__main__":
    main()
