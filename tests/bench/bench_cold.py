"""What a cold start costs: S4. Least wall time of new processes, in turn."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from time import perf_counter

PROGRAMS = {
    "pass": "pass",
    "import peekr": "import peekr",
    "instrument()": "import peekr; peekr.instrument(console=False)",
    "import openai": "import openai",
    "openai + instrument()": "import openai\nimport peekr; peekr.instrument(console=False)",
}
BASE = {"import peekr": "pass", "instrument()": "pass", "openai + instrument()": "import openai"}


def main():
    best = {}
    with tempfile.TemporaryDirectory() as folder:
        for attempt in range(9):
            for name, program in PROGRAMS.items():
                start = perf_counter()
                subprocess.run([sys.executable, "-c", f"{program}\nimport os; os._exit(0)"], cwd=folder, check=True)
                took = perf_counter() - start
                if attempt:
                    best[name] = min(best.get(name, took), took)
    for name, base in BASE.items():
        added = best[name] - best[base]
        times = best[name] / best[base]
        print(f"S4  {name:24} {best[name] * 1000:7.1f} ms, +{added * 1000:6.1f} ms on {base!r}, x{times:.2f}")


if __name__ == "__main__":
    main()
