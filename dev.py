#!/usr/bin/env python3
"""Set up this clone and do one thing with it. Needs a stock CPython 3.9+ with pip and venv, nothing else.

    python3 dev.py demo     set up, then run `peekr demo`
    python3 dev.py test     set up, then lint, check types and run all tests
    python3 dev.py setup    set up only

Everything goes into .venv beside this file; the system's Python is left as it is. What is run is printed.
"""

import hashlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
PACKAGES = sorted(path.parent.name for path in HERE.glob("peekr-*/**/src/*/py.typed") if ".venv" not in path.parts)
REQUIREMENTS = {"demo": ["requirements.txt"], "test": ["requirements.txt", "requirements-dev.txt"]}


def run(*command, **options):
    """Print a command and run it; leave with its status if it fails."""
    shown = [os.path.relpath(part, HERE) if str(part).startswith(str(HERE) + os.sep) else str(part) for part in command]
    print("$ " + " ".join(shlex.quote(part) for part in shown), flush=True)
    status = subprocess.run([str(part) for part in command], cwd=HERE, **options).returncode
    if status:
        sys.exit(status if status > 0 else 1)


def fingerprint(files):
    """What an installed environment was made from: it is made anew when this changes."""
    digest = hashlib.sha256(sys.version.encode())
    for path in [HERE / name for name in files] + sorted(HERE.glob("*/**/pyproject.toml")):
        if ".venv" not in path.parts and ".nox" not in path.parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def set_up(kind):
    """Make .venv and install the workspace in it, unless that is done already."""
    files = REQUIREMENTS[kind]
    stamp = VENV / f"peekr-{kind}.stamp"
    wanted = fingerprint(files)
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        print(f"# .venv is ready ({kind})")
        return
    if not PYTHON.exists():
        print(f"# making .venv with Python {sys.version.split()[0]}")
        run(sys.executable, "-m", "venv", VENV)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--upgrade", "pip", "hatchling", "editables")
    run(*pip, "--no-build-isolation", *[part for name in files for part in ("-r", name)])
    stamp.write_text(wanted)


def demo(arguments):
    """Run the demo; it writes traces.jsonl and traces.db into the clone."""
    set_up("demo")
    run(BIN / "peekr", "demo", *arguments)
    print(f"\nIn this clone peekr is {os.path.relpath(BIN / 'peekr', HERE)}")


def test(arguments):
    """Lint, types, tests. Arguments go to pytest, and then only it runs."""
    set_up("test")
    if not arguments:
        run(PYTHON, "-m", "ruff", "check", ".")
        run(PYTHON, "-m", "ruff", "format", "--check", ".")
        if sys.version_info >= (3, 10):  # the newest mypy that 3.9 gets knows less than the code expects
            run(PYTHON, "-m", "mypy", *[part for package in PACKAGES for part in ("-p", package)])
            run(PYTHON, "-m", "mypy", "tests/typing/api.py")
    run(PYTHON, "-m", "pytest", *(arguments or ["-n", "2", "--dist", "loadfile"]))


def main():
    what, arguments = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    actions = {"demo": demo, "test": test, "setup": lambda _: set_up("test")}
    if what not in actions:
        print(__doc__.strip())
        sys.exit(0 if what in ("-h", "--help") else 2)
    if sys.version_info < (3, 9):  # noqa: UP036 - said by a script that an older Python can still read
        sys.exit(f"Peekr needs Python 3.9 or newer; this is {sys.version.split()[0]}. Try: python3.9 dev.py {what}")
    actions[what](arguments)


if __name__ == "__main__":
    main()
