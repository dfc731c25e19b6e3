"""What happens to the files while a program runs: full, gone, moved, forbidden, locked (INST-13, EXP-6, design 7)."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any, List

import pytest

pytestmark = pytest.mark.journey

#: Both stores in the folder ``data``; what was exported and what failed, of each.
STORES = """
import shutil

def data_on(**settings):
    os.makedirs("data", exist_ok=True)
    files = {"jsonl_path": "data/traces.jsonl", "db_path": "data/traces.db"}
    peekr.instrument(console=False, storage="both", plugins=[], **files, **settings)

def emit(first, last):
    for number in range(first, last):
        with peekr.span("one", number=number, text="x" * 400): pass
    peekr.flush(20)

def counts():
    both = [peekr.stats()["exporters"][name] for name in ("jsonl", "sqlite")]
    say("counts", *[counted[what] for counted in both for what in ("exported", "failed")])
"""


def in_jsonl(*paths: Path) -> List[int]:
    """The numbers of the spans in these files, sorted; a broken line would raise."""
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return sorted(json.loads(line)["attributes"]["number"] for line in lines)


def in_database(path: Path) -> List[int]:
    """The numbers of the spans in a database, which has to be sound."""
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = connection.execute("SELECT json_extract(attributes, '$.number') FROM spans").fetchall()
    finally:
        connection.close()
    return sorted(row[0] for row in rows)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the size of files as Linux does")
def test_a_full_disk_and_then_room_again(run: Any) -> None:
    """What found no room is counted, batch by batch; what comes later is written; both files stay sound."""
    said = run(
        STORES
        + """
import resource
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
data_on()
emit(0, 50)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
emit(50, 2050)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
emit(2050, 2100)
counts()
"""
    )
    jsonl, jsonl_failed, sqlite, sqlite_failed = map(int, said.lines[-1].split()[1:])
    written = in_jsonl(said.folder / "data" / "traces.jsonl"), in_database(said.folder / "data" / "traces.db")
    assert [len(numbers) for numbers in written] == [jsonl, sqlite]
    assert jsonl + jsonl_failed == sqlite + sqlite_failed == 2100
    assert jsonl_failed > 0 and sqlite_failed > 0
    for numbers in written:
        assert numbers[:50] == list(range(50)) and numbers[-50:] == list(range(2050, 2100))


def test_a_deleted_directory_that_comes_back(run: Any) -> None:
    said = run(
        STORES
        + """
data_on()
emit(0, 10)
shutil.rmtree("data")
emit(10, 30)
os.mkdir("data")
emit(30, 60)
counts()
"""
    )
    assert said.lines[-1] == "counts 40 20 40 20"
    assert in_jsonl(said.folder / "data" / "traces.jsonl") == list(range(30, 60))
    assert in_database(said.folder / "data" / "traces.db") == list(range(30, 60))
    assert "exporter 'jsonl' failed: FileNotFoundError" in said.err
    assert "exporter 'sqlite' failed: OperationalError: unable to open database file" in said.err


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no users in the sense of POSIX")
def test_a_directory_that_becomes_read_only(run: Any) -> None:
    """Open files are written on; a new one cannot be made until the directory may be written again."""
    said = run(
        """
        import tempfile
        os.chdir(tempfile.mkdtemp())
        say("folder", os.getcwd())
        """
        + STORES.replace("\n", "\n        ")
        + """
        data_on()
        emit(0, 10)
        counts()
        if not os.geteuid():  # root may write everywhere; everything is imported by now
            for name in (".", "data", *[f"data/{name}" for name in os.listdir("data")]): os.chown(name, 65534, 65534)
            os.seteuid(65534)
        os.chmod("data", 0o555)
        emit(10, 20)
        counts()
        os.chmod("data", 0o755)
        for name in os.listdir("data"): os.unlink(os.path.join("data", name))
        os.chmod("data", 0o555)
        emit(20, 50)
        counts()
        os.chmod("data", 0o755)
        emit(50, 60)
        counts()
        """
    )
    folder = Path(said.lines[0].split()[1])
    try:
        assert said.lines[2:] == ["counts 20 0 20 0", "counts 20 30 20 30", "counts 30 30 30 30"]
        assert in_jsonl(folder / "data" / "traces.jsonl") == list(range(50, 60))
        assert in_database(folder / "data" / "traces.db") == list(range(50, 60))
    finally:
        shutil.rmtree(folder)


def test_a_log_that_is_rotated_under_load_loses_no_line(run: Any) -> None:
    """As logrotate does it: rename, and the program makes a new file."""
    said = run(
        STORES
        + """
data_on()
threads = [threading.Thread(target=emit, args=(first, first + 4000)) for first in range(0, 16000, 4000)]
for thread in threads: thread.start()
rotated = 0
while any(thread.is_alive() for thread in threads):
    if os.path.exists("data/traces.jsonl"):
        os.rename("data/traces.jsonl", f"data/traces.jsonl.{rotated}")
        rotated += 1
    time.sleep(0.002)
emit(16000, 16001)
say(rotated)
counts()
"""
    )
    assert int(said.lines[0]) >= 2
    assert said.lines[-1] == "counts 16001 0 16001 0"
    assert in_jsonl(*(said.folder / "data").glob("traces.jsonl*")) == list(range(16001))
    assert in_database(said.folder / "data" / "traces.db") == list(range(16001))
    assert said.err == ""


def test_a_database_that_stays_locked_holds_up_the_exit_no_longer_than_the_deadline(start: Any) -> None:
    """IFACE-12: what could not be written is counted and said; the other store has everything."""
    program = start(
        STORES
        + """
data_on(shutdown_timeout=1)
emit(0, 10)
say("ready")
while not os.path.exists("locked"): time.sleep(0.01)
for number in range(10, 30):
    with peekr.span("one", number=number): pass
"""
    )
    program.says("ready")
    path = program.folder / "data" / "traces.db"
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    (program.folder / "locked").touch()
    took = program.ends()
    blocker.execute("ROLLBACK")
    blocker.close()
    assert took < 8
    assert "exporter 'sqlite' did not finish in time: 20 spans are lost" in program.err
    assert "exporter 'jsonl'" not in program.err
    assert in_jsonl(program.folder / "data" / "traces.jsonl") == list(range(30))
    assert in_database(path) == list(range(10))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not show a process's descriptors")
def test_children_do_not_inherit_the_files(run: Any) -> None:
    """A server started by the program would keep a deleted trace file alive; also under load, by ``preexec_fn``."""
    said = run(
        STORES
        + """
import subprocess
data_on()
emit(0, 10)
listing = '''
import os
for fd in os.listdir("/proc/self/fd"):
    try: print(os.readlink("/proc/self/fd/" + fd))
    except OSError: pass
'''
load = threading.Thread(target=emit, args=(10, 3000))
load.start()
for options in ({"close_fds": False}, {}, {"preexec_fn": os.getpid}):
    inherited = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, timeout=20, **options)
    say("inherited", inherited.stdout.count("traces"), inherited.returncode, len(inherited.stdout) > 0)
load.join()
"""
    )
    assert said.lines == ["inherited 0 0 True"] * 3
    assert in_jsonl(said.folder / "data" / "traces.jsonl") == list(range(3000))
    assert in_database(said.folder / "data" / "traces.db") == list(range(3000))
