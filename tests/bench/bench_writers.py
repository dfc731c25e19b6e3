"""Eight processes of eight threads of 2,000 spans each, all to one file; and one process that writes as many."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import peekr

PROGRAM = """
import sys, threading
import peekr
kind, path, threads, each = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
peekr.instrument(console=False, storage=kind, jsonl_path=path, db_path=path, plugins=[], shutdown_timeout=120)
def work(thread):
    for number in range(each):
        with peekr.span("work", number=number):
            pass
workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
for worker in workers: worker.start()
for worker in workers: worker.join()
ok = peekr.shutdown()
stats = peekr.stats()
print(stats["spans"]["dropped"], stats["exporters"][kind]["failed"], stats["exporters"][kind]["last_error"])
"""
EACH = 2000


def run(kind, path, processes, threads, each):
    start = perf_counter()
    command = [sys.executable, "-c", PROGRAM, kind, path, str(threads), str(each)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    said = {process.communicate(timeout=300)[0].strip() for process in running}
    took = perf_counter() - start
    with peekr.open_store(path) as store:
        found = sum(1 for _ in store.spans())
    return took, found, said


def main():
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("jsonl", "sqlite"):
            many, found, said = run(kind, str(Path(folder, f"many.{kind}")), 8, 8, EACH)
            one, found_one, _ = run(kind, str(Path(folder, f"one.{kind}")), 1, 8, 8 * EACH)
            print(
                f"writers {kind:6} 8×8×{EACH:,}: {found:,} of {64 * EACH:,} in {many:.1f} s on {os.cpu_count()} cores "
                f"(dropped, failed, error: {', '.join(sorted(said))}); one process {found_one:,} in {one:.1f} s: "
                f"×{many / one:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
