"""Two receivers that nobody here wrote, started from their PyPI packages; the session ``interop`` of nox installs them.

Each may live in an environment of its own, as they are large: ``PEEKR_PHOENIX_PYTHON`` and ``PEEKR_MLFLOW_PYTHON`` name
an interpreter that has ``arize-phoenix`` or ``mlflow``; else the running one is looked at.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest

START_S = 180.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def interpreter(variable: str, module: str) -> str:
    """An interpreter that has the module; skips the test where there is none."""
    named = os.environ.get(variable) or sys.executable
    code = f"import importlib.util, sys; sys.exit(not importlib.util.find_spec({module!r}))"
    if subprocess.run([named, "-c", code], check=False, timeout=60).returncode:
        pytest.skip(f"{module} is not installed (set {variable} to an interpreter that has it)")
    return named


def ask(url: str, body: Any = None) -> Any:
    """GET, or POST of JSON; the answer as data."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read().decode()
    return json.loads(text) if text[:1] in ("{", "[") else text


def until(what: Any, seconds: float, process: Optional[subprocess.Popen[bytes]] = None) -> Any:
    """Ask until there is an answer that is something."""
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        if process is not None and process.poll() is not None:
            raise AssertionError(f"the receiver ended with {process.returncode}")
        try:
            last = what()
            if last:
                return last
        except (urllib.error.URLError, OSError, ValueError) as error:
            last = error
        time.sleep(0.2)
    raise AssertionError(f"no answer within {seconds} s: {last!r}")


class Receiver:
    """A running server; ``url`` is its address."""

    def __init__(self, command: List[str], folder: Path, port: int, health: str, **environment: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = open(folder / "server.log", "wb")  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            until(lambda: ask(self.url + health), START_S, self._process)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the server and what it started: its process group."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(20)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self._log.close()


@pytest.fixture(scope="session")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """Arize Phoenix with an empty database."""
    python = interpreter("PEEKR_PHOENIX_PYTHON", "phoenix")
    folder, port = tmp_path_factory.mktemp("phoenix"), free_port()
    settings: Dict[str, str] = {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    server = Receiver([python, "-m", "phoenix.server.main", "serve"], folder, port, "/healthz", **settings)
    server.grpc = f"http://127.0.0.1:{settings['PHOENIX_GRPC_PORT']}"  # type: ignore[attr-defined]
    yield server
    server.close()


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """An MLflow tracking server with an empty database."""
    python = interpreter("PEEKR_MLFLOW_PYTHON", "mlflow")
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    command = [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    server = Receiver(command, folder, port, "/health")
    yield server
    server.close()
