"""``peekr server`` and ``peekr.run_server``: contract CLI-4, CLI-10, PKG-9, E4-01."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import httpx
import pytest

pytest.importorskip("fastapi_offline")
pytest.importorskip("httpx")
pytest.importorskip("peekr_server")
pytest.importorskip("uvicorn")

from click.testing import CliRunner

import peekr
from peekr.errors import ConfigurationError


@contextmanager
def started(*program: str, cwd: Path) -> Iterator[Tuple[subprocess.Popen[str], List[str]]]:
    """Run a server until the block ends; give it, and the lines that it printed when it listened."""
    running = subprocess.Popen(
        [sys.executable, *program], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    guard = threading.Timer(60, running.kill)
    guard.start()
    try:
        assert running.stdout is not None
        lines: List[str] = []
        for line in running.stdout:
            lines.append(line.rstrip("\n"))
            if "Ctrl-C" in line:
                break
        yield running, lines
    finally:
        running.kill()
        running.communicate()
        guard.cancel()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_the_command_serves_what_other_programs_write(tmp_path: Path, record: Any, write: Any) -> None:
    """CLI-4, CLI-10, E4-01: it says where it is, serves a file that comes later, and Ctrl-C ends it with 0."""
    pytest.importorskip("peekr_http", reason="needs peekr-http")
    path = tmp_path / "traces.db"
    with started("-m", "peekr.cli", "server", "--db", str(path), "--port", "0", cwd=tmp_path) as (running, lines):
        found = re.search(r"http://127\.0\.0\.1:\d+", lines[0])
        assert found is not None and str(path) in lines[0] and "not written yet" in lines[0]
        url = found.group()
        assert lines[1:] == [f"  UI:    {url}/ui/", f"  Docs:  {url}/docs", "  Stop with Ctrl-C."]
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            assert client.get("/v1/runs").json()["total"] == 0
            write(path, record(1, name="my_first_trace"))
            assert [run["name"] for run in client.get("/v1/runs").json()["runs"]] == ["my_first_trace"]
            assert client.get("/").headers["location"] == "/ui/"
            exporter = peekr.HTTPExporter(endpoint=url, api_key="any")
            exporter.export(peekr.Span.from_dict(record(2, name="by http")))
            exporter.shutdown()
            assert client.get("/v1/runs?search=HTTP").json()["total"] == 1
            running.send_signal(signal.SIGINT)
            assert running.wait(20) == 0
        assert running.stderr is not None and running.stderr.read() == ""


def test_a_busy_port_is_one_sentence_and_exit_code_1() -> None:
    """CLI-4."""
    from peekr_cli.main import cli

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(cli, ["server", "--port", str(port)])

    assert result.exit_code == 1
    assert result.output.startswith(f"Error: port {port} of 127.0.0.1 is in use")
    assert f"--port {port + 1}" in result.output


def test_the_other_names_of_the_command_are_the_same() -> None:
    """CLI-10."""
    shim = pytest.importorskip("agent_inspector.cli", reason="needs peekr-agent-inspector")
    import peekr.cli

    assert shim.main is peekr.cli.main
    import agent_inspector

    assert agent_inspector.run_server is peekr.run_server  # PKG-10


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--port", "70000"], 2, "70000"),
        (["--log-level", "loud"], 2, "loud"),
        (["--db", "."], 1, "is a directory"),
        (["--db", "nowhere/traces.db"], 1, "directory does not exist"),
        (["--host", "no.such.host.invalid", "--port", "0"], 1, "no address of this machine"),
        (["--log-file", "nowhere/server.log", "--port", "0"], 1, "log_path"),
    ],
)
def test_what_cannot_work_is_said_at_once(arguments: List[str], code: int, told: str) -> None:
    """CLI-4, CLI-11: no traceback for a user's error."""
    from peekr_cli.main import cli

    result = CliRunner().invoke(cli, ["server", *arguments])

    assert result.exit_code == code
    assert told in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        {"port": "8000"},
        {"port": -1},
        {"port": 70000},
        {"host": ""},
        {"config": {}},
        {"log_level": "loud"},
        {"port": True},
    ],
)
def test_run_server_refuses_what_cannot_work(arguments: Any) -> None:
    """PKG-9: misuse fails early, as a ValueError."""
    with pytest.raises(ConfigurationError):
        peekr.run_server(**arguments)


def test_run_server_is_public_and_blocks_until_it_is_stopped(tmp_path: Path, record: Any, write: Any) -> None:
    """PKG-9: `peekr.run_server`; settings come from the configuration where they are not given."""
    write(tmp_path / "mine.jsonl", record(1))
    program = "import peekr; peekr.set_config(peekr.TraceConfig(api_port=0, ui_path='/look', log_level='INFO'));"
    program += "peekr.run_server(db='mine.jsonl', log_file='server.log'); print('stopped')"
    with started("-c", program, cwd=tmp_path) as (running, lines):
        assert lines[1].endswith("/look/")
        url = lines[1].split()[-1].replace("/look/", "")
        assert httpx.get(url + "/v1/runs", trust_env=False, timeout=30).json()["total"] == 1
        if sys.platform != "win32":
            running.send_signal(signal.SIGINT)
            assert running.stdout is not None and running.stdout.read() == "stopped\n"
    if sys.platform != "win32":
        assert "GET /v1/runs" in (tmp_path / "server.log").read_text()


def test_a_server_without_a_key_for_the_whole_network_warns() -> None:
    """API-18: what is read by everybody should be meant to be."""
    from peekr_server.running import Addresses, greeting

    shown = Addresses("http://localhost:1", None, "http://localhost:1/docs", os.devnull, True)
    assert "TRACE_API_KEY" in greeting(shown)
    assert "UI:" not in greeting(shown)


def test_help_and_names_import_no_framework(tmp_path: Path) -> None:
    """PKG-7: neither peekr nor the command's help imports FastAPI."""
    program = (
        "import sys, peekr, peekr_server; from peekr_server.command import server;"
        "assert not {'fastapi', 'uvicorn', 'starlette'} & set(sys.modules), 'loaded'"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=60)
