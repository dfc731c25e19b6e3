"""Fifteen minutes of 2,000 spans a second: memory has to stay flat after the first minute.

python tests/bench/soak.py [minutes] [jsonl|sqlite]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from time import monotonic, sleep

import peekr

RATE = 2000


def resident_mib():
    """Resident memory of this process; Linux."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 15
    kind = sys.argv[2] if len(sys.argv) > 2 else "sqlite"
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, f"soak.{kind}"))
        peekr.instrument(console=False, storage=kind, jsonl_path=path, db_path=path, plugins=[])
        start, emitted, shown = monotonic(), 0, []
        while monotonic() - start < minutes * 60:
            with peekr.trace.run("soak"):
                peekr.trace.llm(model="m", prompt="what is it " * 20, response="that is it " * 20)
                peekr.trace.tool(tool_name="t", tool_args={"n": emitted}, tool_result=[emitted] * 10)
                with peekr.span("step"):
                    pass
            emitted += 4
            ahead = emitted / RATE - (monotonic() - start)
            if ahead > 0:
                sleep(ahead)
            if monotonic() - start > len(shown) * 30:
                shown.append(resident_mib())
                print(f"{monotonic() - start:6.0f} s  {emitted:>10,} spans  {shown[-1]:7.1f} MiB", flush=True)
        peekr.shutdown()
        after = shown[2:] or shown
        dropped = peekr.stats()["spans"]["dropped"]
        with peekr.open_store(path) as store:
            stored = store.stats()
        print(
            f"soak {kind}: {emitted:,} spans, {dropped} dropped, stored {stored.get('spans')}; "
            f"after the first minute {min(after):.1f} to {max(after):.1f} MiB"
        )


if __name__ == "__main__":
    main()
