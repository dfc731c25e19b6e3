"""The console: one line a span (INST-5)."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

import peekr
from peekr.console import ConsoleExporter, line
from peekr.testing import fixed


def test_each_span_is_printed_as_it_completes(capsys: Any) -> None:
    """INST-5, C-10"""
    with fixed() as clock:
        peekr.instrument(storage=None, plugins=[])
        with peekr.span("openai.chat.completions", model="gpt-4o", tokens_total=1234):
            clock.advance(1234.56)
        with pytest.raises(ValueError), peekr.span("failing"):
            raise ValueError("boom")
    assert peekr.flush(10)
    assert capsys.readouterr().out.splitlines() == [
        "openai.chat.completions [gpt-4o]  1,234.6ms  1,234tok",
        "failing  0.0ms  error: boom",
    ]


def test_a_failed_span_without_a_message_says_so() -> None:
    """INST-5: as ``peekr view`` does."""
    with peekr.span("run") as span:
        span.status = "error"
    assert line(span).endswith("error: failed")


def test_nothing_is_printed_when_told_so(capsys: Any) -> None:
    """INST-5"""
    peekr.instrument(console=False, storage=None, plugins=[])
    with peekr.span("s"):
        pass
    assert peekr.shutdown()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_an_open_run_is_not_printed(capsys: Any) -> None:
    """MODEL-9"""
    peekr.instrument(storage=None, plugins=[])
    with peekr.trace.run("run"):
        assert peekr.flush(10)
        assert capsys.readouterr().out == ""
    assert peekr.flush(10)
    assert capsys.readouterr().out.startswith("run  ")


@pytest.mark.parametrize("bad", ["\x1b[2J", "\r", "\n", "\x07", "\u202e", "\x9b1m", "\ud800"])
def test_content_cannot_move_the_cursor_or_forge_a_line(bad: str) -> None:
    """design 9: what a trace contains is hostile."""
    with peekr.span(f"a{bad}b", model=f"m{bad}") as span:
        span.status = "error"
        span.attributes["error"] = f"x{bad}y"
    shown = line(span)
    assert bad not in shown
    assert shown.isprintable()


def test_a_long_error_is_cut() -> None:
    with pytest.raises(ValueError), peekr.span("s") as span:
        raise ValueError("x" * 10_000)
    assert len(line(span)) < 200


def test_a_terminal_of_another_encoding_gets_question_marks() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with peekr.span("žluťoučký") as span:
        pass
    exporter = ConsoleExporter(stream)
    exporter.export_batch([span])
    exporter.flush()
    assert stream.buffer.getvalue().startswith(b"?lu?ou?k?  ")  # type: ignore[attr-defined]


def test_without_a_terminal_it_is_silent(monkeypatch: Any) -> None:
    """pythonw has no stdout."""
    monkeypatch.setattr(sys, "stdout", None)
    exporter = ConsoleExporter()
    with peekr.span("s") as span:
        pass
    exporter.export_batch([span])
    exporter.flush()


def test_a_closed_terminal_harms_nobody(monkeypatch: Any, warnings: Any, make: Any) -> None:
    """INST-13"""
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    good = make.Exporter()
    peekr.instrument(storage=None, plugins=[])
    peekr.exporters.add_exporter(good)
    with peekr.span("s"):
        pass
    peekr.flush(10)
    assert len(good.spans) == 1
    assert "closed file" in warnings()[0]
