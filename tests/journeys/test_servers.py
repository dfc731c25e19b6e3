"""Servers that fork, and workers that live for one task: gunicorn, Celery, daemons (QUEUE-3, QUEUE-6, design 7)."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any, List

import pytest

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
]


def needs(module: str) -> Any:
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} is not installed")


def numbers(path: Path) -> List[int]:
    """The numbers of the spans in a file, sorted; a broken line would raise."""
    return sorted(json.loads(line)["attributes"]["number"] for line in path.read_text(encoding="utf-8").splitlines())


GUNICORN = """
with open("app.py", "w") as file:
    file.write('''
import os, peekr
peekr.instrument(console=False, storage="jsonl", jsonl_path="traces.jsonl", plugins=[])
def application(environ, start_response):
    with peekr.span("request", number=int(environ["PATH_INFO"][1:])):
        body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
''')
sys.argv = ["gunicorn", "--workers=2", "--bind=unix:server.sock", "--max-requests=7", "--worker-tmp-dir=.", *{options}]
sys.argv += ["--graceful-timeout=10", "--log-level=info", "app:application"]
from gunicorn.app.wsgiapp import run
run()
"""


@needs("gunicorn")
@pytest.mark.parametrize("options", [[], ["--preload"]], ids=["each worker loads", "preload_app"])
def test_gunicorn_loses_no_request(start: Any, options: List[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are recycled after seven requests, one is ended by SIGTERM, then the master is."""
    server = start(GUNICORN.format(options=options))
    monkeypatch.chdir(server.folder)  # the path of a Unix socket is short

    def ask(number: int) -> int:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect("server.sock")
            client.sendall(f"GET /{number} HTTP/1.0\r\n\r\n".encode())
            answer = b""
            while block := client.recv(4096):
                answer += block
        return int(answer.split(b"\r\n\r\n")[1])

    wait_until(lambda: server.err.count("Booting worker") == 2, server)
    workers = [ask(number) for number in range(25)]
    os.kill(ask(25), signal.SIGTERM)
    workers += [ask(number) for number in range(26, 30)]
    server.process.send_signal(signal.SIGTERM)
    server.ends()
    assert numbers(server.folder / "traces.jsonl") == list(range(30))
    assert len(set(workers)) > 2
    assert "Traceback" not in server.err


def wait_until(condition: Any, program: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert program.process.poll() is None and time.monotonic() < deadline, program.err
        time.sleep(0.02)


@needs("celery")
def test_celery_loses_no_task(run: Any) -> None:
    """A real worker with its pool of processes: each does two tasks and ends, by ``os._exit`` or SIGTERM."""
    said = run(
        """
        from celery import Celery
        on()
        app = Celery("journey", broker="memory://")
        app.conf.update(worker_max_tasks_per_child=2)
        @app.task(name="job")
        def job(number):
            work(number)
            say("done", number)
        for number in range(6): job.delay(number)
        def stop():
            deadline = time.monotonic() + 15
            while open("out.txt").read().count("done") < 6 and time.monotonic() < deadline: time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGTERM)
        threading.Thread(target=stop, daemon=True).start()
        os.environ["C_FORCE_ROOT"] = "1"
        sys.argv = ["celery"]
        options = ["--pool=prefork", "-c", "2", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        app.worker_main(["worker", "-l", "ERROR", *options])
        """
    )
    assert len(said.names) == 6
    assert len({line for line in said.lines if line.startswith("done")}) == 6
    assert len({span[1] for span in said.spans}) >= 3


class TestAProcessForEachTask:
    """Short-lived workers: the task is all they live for."""

    PROGRAM = """
        on({settings})
        for number in range(20):
            pid = os.fork()
            if not pid:
                with peekr.span("task"): work(number)
                {end}
            assert os.waitpid(pid, 0)[1] == 0
        """

    def test_that_ends_as_programs_do(self, run: Any) -> None:
        said = run(self.PROGRAM.format(settings="", end="sys.exit(0)"))
        assert sorted(said.names) == ["task"] * 20 + ["work"] * 20
        assert len({span[1] for span in said.spans}) == 20

    @pytest.mark.parametrize(
        ("settings", "end"),
        [("synchronous=True", "pass"), ("", "peekr.flush()"), ("", "peekr.shutdown()")],
        ids=["synchronous", "flush", "shutdown"],
    )
    def test_that_ends_by_os_exit(self, run: Any, settings: str, end: str) -> None:
        """Nobody hears of ``os._exit``: such workers are synchronous, or say when they are done."""
        said = run(self.PROGRAM.format(settings=settings, end=f"{end}; os._exit(0)"))
        assert sorted(said.names) == ["task"] * 20 + ["work"] * 20


@pytest.mark.parametrize("forks", [True, False], ids=["by forks", "by closing only"])
def test_a_program_that_becomes_a_daemon_writes_on(run: Any, forks: bool) -> None:
    """It closes all descriptors, the exporter's too, and opens others that get their numbers."""
    said = run(
        f"""
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and newer warn of every fork beside threads
        def span(number):
            with peekr.span("one", number=number): pass
        peekr.instrument(console=False, storage="jsonl", jsonl_path="traces.jsonl", plugins=[])
        for number in range(10): span(number)
        assert peekr.flush(10)
        read, write = os.pipe()
        if {forks}:
            pid = os.fork()
            if pid:
                os.close(write)
                os.read(read, 1)
                os._exit(os.waitpid(pid, 0)[1])
            os.setsid()
            if os.fork(): os._exit(0)
        os.closerange(3, write)
        others = [open(f"other{{number}}", "w+b", buffering=0) for number in range(10)]
        for number in range(10, 20): span(number)
        assert peekr.flush(10)
        peekr.shutdown()
        for other in others:
            other.write(b"mine")
            other.seek(0)
            assert other.read() == b"mine"
        """
    )
    assert numbers(said.folder / "traces.jsonl") == list(range(20))
    assert said.err == ""
