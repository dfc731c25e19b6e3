"""Whole processes: exit, fork, and exporters used without instrument()."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .conftest import Server


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_exit_sends_what_waits(server: Server) -> None:
    """HTTPX-2: flush at exit"""
    run(
        """
import sys, peekr
peekr.instrument(console=False, exporter=peekr.HTTPExporter(sys.argv[1], "k"))
for _ in range(250):
    peekr.trace(lambda: None)()
""",
        server.url,
    )
    assert len(server.ids) == 250
    assert max(len(batch) for batch in server.accepted) == 100


def test_exit_sends_what_an_exporter_of_its_own_was_given(server: Server) -> None:
    run(
        """
import sys, peekr
from peekr.testing.conformance import sample_span
exporter = peekr.HTTPExporter(sys.argv[1], "k")
exporter.export(sample_span(1))
""",
        server.url,
    )
    assert len(server.ids) == 1


def test_exit_sends_what_an_exporter_inside_another_was_given(server: Server) -> None:
    run(
        """
import sys, peekr
class Both:
    def __init__(self):
        self.inner = peekr.HTTPExporter(sys.argv[1], "k")
    def export_batch(self, spans):
        self.inner.export_batch(spans)
peekr.instrument(console=False, exporter=Both())
peekr.trace(lambda: None)()
""",
        server.url,
    )
    assert len(server.ids) == 1


def test_a_program_whose_server_is_down_says_what_was_lost(dead_url: str) -> None:
    """HTTPX-3: on stderr by default"""
    error = run(
        """
import sys, peekr
peekr.instrument(console=False, exporter=peekr.HTTPExporter(sys.argv[1], "secret"))
peekr.trace(lambda: None)()
""",
        dead_url,
    )
    assert "1 span to" in error
    assert "refused" in error
    assert "secret" not in error


@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork")
def test_a_forked_child_sends_its_own_spans_over_its_own_connection(server: Server) -> None:
    """QUEUE-6"""
    run(
        """
import os, sys, warnings, peekr
warnings.simplefilter("ignore", DeprecationWarning)
peekr.instrument(console=False, exporter=peekr.HTTPExporter(sys.argv[1], "k"))
peekr.trace(lambda: None)()
assert peekr.flush()
with peekr.span("before the fork"):
    pass
child = os.fork()
with peekr.span("child" if child == 0 else "parent"):
    pass
if child == 0:
    done = peekr.flush()
    os._exit(0 if done and peekr.stats()["spans"]["exported"] == 1 else 1)
assert os.waitpid(child, 0)[1] == 0
""",
        server.url,
    )
    names = [span["name"] for span in server.spans]
    assert sorted(names[1:]) == ["before the fork", "child", "parent"]
    assert server.connections == 2


def test_importing_the_plugin_loads_no_client() -> None:
    run("import sys, peekr_http; assert 'httpx' not in sys.modules")
