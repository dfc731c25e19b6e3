"""``peekr.testing``: the kit that authors of plugins and programs test with."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import peekr
from peekr.testing import MemoryExporter, fixed, record


class TestRecord:
    def test_gives_the_spans_of_a_block_and_switches_off_again(self) -> None:
        before = threading.Thread.start
        with record(plugins=[]) as recording:
            with peekr.span("a"):
                pass
            assert [span.name for span in recording.spans] == ["a"]
            assert recording.only.name == "a"
        assert threading.Thread.start is before
        with peekr.span("b"):
            pass
        assert [span.name for span in recording._exporter.spans] == ["a"]

    def test_can_be_looked_at_after_the_block(self) -> None:
        with record(plugins=[]) as recording, peekr.span("a"):
            pass
        assert [span.name for span in recording.spans] == ["a"]

    def test_only_says_what_there_is_instead(self) -> None:
        with record(plugins=[]) as recording:
            with pytest.raises(AssertionError, match=r"expected one span, got \[\]"):
                recording.only
            for name in "ab":
                with peekr.span(name):
                    pass
            with pytest.raises(AssertionError, match=r"expected one span, got \['a', 'b'\]"):
                recording.only

    def test_named_and_records_and_clear(self) -> None:
        with record(plugins=[]) as recording:
            for name in "aba":
                with peekr.span(name):
                    pass
            assert len(recording.named("a")) == 2
            assert [each["name"] for each in recording.records] == ["a", "b", "a"]
            recording.clear()
            assert recording.spans == []

    def test_takes_settings_of_instrument(self) -> None:
        with record(plugins=[], tenant_id="acme") as recording:
            with peekr.span("a"):
                pass
            assert recording.only.tenant_id == "acme"

    def test_ends_with_an_exception_too(self) -> None:
        with pytest.raises(ValueError), record(plugins=[]):
            raise ValueError
        assert peekr.lifecycle.delivery.pipeline is None

    def test_writes_no_file(self, tmp_path: Any) -> None:
        with record(), peekr.trace.run("run"):
            pass
        assert list(tmp_path.glob("traces*")) == []


class TestMemoryExporter:
    def test_refuses_spans_after_shutdown(self) -> None:
        exporter = MemoryExporter()
        exporter.shutdown()
        with pytest.raises(RuntimeError, match="has been shut down"):
            exporter.export_batch([])


class TestFixed:
    def test_ids_count_and_the_clock_stands_still(self) -> None:
        def program() -> Any:
            with record(plugins=[]) as recording, fixed() as clock:
                with peekr.span("a"):
                    clock.advance(3)
                    peekr.trace(lambda: clock.advance(2), name="b")()
                with peekr.trace.run("run") as run:
                    run.tool(tool_name="t", duration_ms=1)
            return recording.records

        first, again = program(), program()
        assert first == again
        assert [(each["span_id"][-1], each["trace_id"][-1], each["duration_ms"]) for each in first] == [
            ("2", "1", 2.0),
            ("1", "1", 5.0),
            ("4", "2", 1.0),
            ("3", "2", 0.0),
        ]

    def test_afterwards_ids_and_clocks_are_real_again(self) -> None:
        with fixed():
            pass
        with peekr.span("a") as span:
            pass
        assert span.span_id != "0000000000000001"
        assert span.start_time > 1_700_000_000
