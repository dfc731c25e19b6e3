"""Exporters of the user's own: what they are given, how they may fail, that they harm nobody."""

from __future__ import annotations

import logging
import threading
from typing import Any, Dict, List

import pytest

import peekr
from peekr.errors import ConfigurationError
from peekr.exporters import add_exporter, clear_exporters
from peekr.testing import MemoryExporter


def span(name: str = "s") -> None:
    with peekr.span(name):
        pass


def on(*exporters: Any, **settings: Any) -> None:
    peekr.instrument(**{"console": False, "storage": None, "plugins": [], **settings})
    for exporter in exporters:
        add_exporter(exporter)


class TestWhatAnExporterGets:
    def test_every_span_once_in_end_order(self, make: Any) -> None:
        """EXP-1, EXP-2"""
        one, two, batches = make.Exporter(), make.Exporter(), make.Batches()
        on(one, two, batches)
        with peekr.span("outer"):
            span("a")
            span("b")
        assert one.names == two.names == batches.names == ["a", "b", "outer"]
        assert one.spans[0].to_dict()["name"] == "a"

    def test_with_both_methods_batches(self) -> None:
        """EXP-4"""

        class Both(MemoryExporter):
            def export(self, span: Any) -> None:
                raise AssertionError("the batch form is used")

        exporter = Both()
        on(exporter)
        span()
        assert peekr.flush(10)
        assert len(exporter.spans) == 1

    def test_any_object_will_do(self) -> None:
        """EXP-1"""
        from types import SimpleNamespace

        seen: List[Any] = []
        on(SimpleNamespace(export=seen.append))
        span()
        assert peekr.flush(10)
        assert len(seen) == 1

    def test_in_a_thread_of_its_own(self, make: Any) -> None:
        """EXP-4, EXP-6"""
        threads = set()

        class Watching(make.Exporter):  # type: ignore[misc,name-defined]
            def export(self, span: Any) -> None:
                threads.add(threading.current_thread())

        on(Watching(), Watching())
        for _ in range(10):
            span()
            assert peekr.flush(10)
        assert len(threads) == 2
        assert threading.current_thread() not in threads

    def test_an_open_run_only_if_it_can_update(self, make: Any) -> None:
        """MODEL-9: others get it once, complete."""

        class Updating(make.Batches):  # type: ignore[misc,name-defined]
            supports_update = True

        single, batches, updating = make.Exporter(), make.Batches(), Updating()
        on(single, batches, updating)
        with peekr.trace.run("run"):
            assert updating.names == ["run"]
            assert (single.names, batches.names) == ([], [])
            assert not updating.spans[0].ended
        assert updating.names == ["run", "run"]
        assert (single.names, batches.names) == (["run"], ["run"])
        assert {each.span_id for each in updating.spans} == {single.spans[0].span_id}
        assert {lane["exported"] for lane in peekr.stats()["exporters"].values()} == {1}

    def test_an_open_run_as_it_was_when_it_opened(self, make: Any) -> None:
        """MODEL-9"""

        class Updating(make.Batches):  # type: ignore[misc,name-defined]
            supports_update = True

        updating = Updating()
        on(updating)
        with peekr.trace.run("run", agent_type="a"):
            peekr.get_current_span().attributes["later"] = 1  # type: ignore[union-attr]
            assert peekr.flush(10)
        opened = updating.spans[0]
        assert (opened.attributes, opened.to_dict()["end_time"]) == ({"agent_type": "a"}, None)


class TestAdding:
    def test_before_instrument(self, make: Any) -> None:
        """EXP-1, E1-06"""
        exporter = make.Exporter()
        add_exporter(exporter)
        on()
        span()
        assert exporter.names == ["s"]

    def test_after_instrument(self, make: Any) -> None:
        """EXP-1, E1-06, E0-19"""
        exporter = make.Exporter()
        on()
        span("before")
        add_exporter(exporter)
        span("after")
        assert exporter.names == ["after"]

    def test_without_instrument(self, make: Any) -> None:
        """EXP-1"""
        exporter = make.Exporter()
        add_exporter(exporter)
        span()
        assert exporter.names == ["s"]

    def test_the_same_one_twice_gets_every_span_once(self, make: Any) -> None:
        """EXP-1"""
        exporter = make.Exporter()
        add_exporter(exporter)
        on(exporter)
        add_exporter(exporter)
        span()
        assert exporter.names == ["s"]

    @pytest.mark.parametrize("first", ["instrument", "add"])
    def test_the_one_of_instrument_gets_every_span_once(self, make: Any, first: str) -> None:
        """EXP-1"""
        exporter = make.Exporter()
        steps = [lambda: on(exporter=exporter), lambda: add_exporter(exporter)]
        for step in steps if first == "instrument" else reversed(steps):
            step()
        span()
        assert exporter.names == ["s"]

    def test_after_shutdown_it_starts_anew(self, make: Any) -> None:
        on()
        peekr.shutdown()
        exporter = make.Exporter()
        add_exporter(exporter)
        span()
        assert exporter.names == ["s"]

    @pytest.mark.parametrize(
        "what", [object(), None, 5, "jsonl", MemoryExporter], ids=["object", "None", "int", "text", "class"]
    )
    def test_what_cannot_export_is_refused(self, what: Any) -> None:
        with pytest.raises(ValueError, match=r"has no method|is the class"):
            add_exporter(what)

    def test_two_of_a_class_are_told_apart_in_the_statistics(self, make: Any) -> None:
        """IFACE-6"""
        on(make.Exporter(), make.Exporter())
        assert set(peekr.stats()["exporters"]) == {"Exporter", "Exporter#2"}


class TestClearing:
    """EXP-7"""

    def test_takes_all_away_after_writing_what_they_were_given(self, make: Any) -> None:
        own, added = make.Batches(), make.Batches()
        on(added, exporter=own)
        span("before")
        clear_exporters()
        span("after")
        assert peekr.flush(10)
        for exporter in (own, added):
            assert [each.name for each in exporter.spans] == ["before"]
            assert exporter.calls[-1] == "shutdown"

    def test_tracing_stays_on_for_new_ones(self, make: Any) -> None:
        on(make.Exporter())
        clear_exporters()
        exporter = make.Exporter()
        add_exporter(exporter)
        span()
        assert exporter.names == ["s"]

    def test_at_any_time_and_again(self) -> None:
        clear_exporters()
        on()
        clear_exporters()
        clear_exporters()


class TestTheEnd:
    @pytest.mark.parametrize("end", ["shutdown", "uninstrument", "instrument", "clear_exporters"])
    def test_the_exporter_of_instrument_is_shut_down_once(self, make: Any, end: str) -> None:
        exporter = make.Batches()
        on(exporter=exporter)
        span()
        for _ in range(2):
            {"instrument": on, "clear_exporters": clear_exporters}.get(end, getattr(peekr, end, None))()
        assert exporter.calls.count("shutdown") == 1
        assert len(exporter.spans) == 1

    def test_shut_down_once_however_the_threads_meet(self, make: Any) -> None:
        for _ in range(300):
            exporter = make.Batches()
            on(exporter=exporter)
            span()
            peekr.shutdown()
            assert (exporter.calls, len(exporter.spans)) == (["shutdown"], 1)

    def test_an_added_one_is_only_flushed_by_uninstrument(self, make: Any) -> None:
        exporter = make.Batches()
        on(exporter)
        span()
        peekr.uninstrument()
        assert exporter.calls == ["flush"]

    def test_an_exporter_may_shut_peekr_down_itself(self) -> None:
        """INST-13: no deadlock."""

        class Quitting(MemoryExporter):
            def export_batch(self, spans: Any) -> None:
                super().export_batch(spans)
                peekr.flush(0.01)

        exporter = Quitting()
        on(exporter)
        span()
        assert peekr.shutdown(10)
        assert len(exporter.spans) == 1


class Failing:
    """Fails for every span of the names it is given, or for all."""

    def __init__(self, error: BaseException, *names: str) -> None:
        self.error = error
        self.names = names
        self.taken: List[str] = []

    def export(self, span: Any) -> None:
        if not self.names or span.name in self.names:
            raise self.error
        self.taken.append(span.name)


class TestFailure:
    """EXP-6, INST-13, QUEUE-6: counted, logged once per kind, and nobody else notices."""

    def test_one_that_always_fails(self, make: Any, warnings: Any) -> None:
        failing, good = Failing(OSError("disk full")), make.Exporter()
        on(failing, good)
        for _ in range(100):
            span()
        assert len(good.names) == 100
        counts = peekr.stats()["exporters"]
        assert (counts["Failing"]["exported"], counts["Failing"]["failed"]) == (0, 100)
        assert counts["Failing"]["last_error"] == "OSError: disk full"
        assert (counts["Exporter"]["exported"], counts["Exporter"]["failed"]) == (100, 0)
        (warning,) = warnings()
        assert warning.startswith("exporter 'Failing' failed: OSError: disk full")

    def test_one_that_fails_for_one_span(self, counts_since: Any) -> None:
        failing = Failing(ValueError("no"), "bad")
        on(failing)
        for name in ("a", "bad", "b"):
            span(name)
        assert peekr.flush(10)
        assert failing.taken == ["a", "b"]
        counts = peekr.stats()["exporters"]["Failing"]
        assert (counts["exported"], counts["failed"]) == (2, 1)
        assert counts_since()["exported"] == 2

    def test_a_failed_batch_counts_as_a_whole(self) -> None:
        class Batch:
            def export_batch(self, spans: Any) -> None:
                raise OSError("disk full")

        on(Batch())
        for _ in range(7):
            span()
        assert peekr.flush(10)
        assert peekr.stats()["exporters"]["Batch"]["failed"] == 7

    def test_every_kind_of_failure_is_logged_once(self, warnings: Any) -> None:
        failing = Failing(OSError("one"))
        on(failing)
        for error in (OSError("two"), ValueError("three"), OSError("four"), ValueError("five")):
            failing.error = error
            span()
            assert peekr.flush(10)
        assert [text.partition(":")[2].partition(":")[0].strip() for text in warnings()] == ["OSError", "ValueError"]

    @pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()], ids=repr)
    def test_even_one_that_wants_to_quit(self, make: Any, error: BaseException) -> None:
        failing, good = Failing(error, "bad"), make.Exporter()
        on(failing, good)
        for name in ("bad", "good"):
            span(name)
            assert peekr.flush(10)
        assert failing.taken == ["good"]
        assert good.names == ["bad", "good"]
        assert peekr.stats()["exporters"]["Failing"]["failed"] == 1

    def test_one_whose_shutdown_fails(self, make: Any, warnings: Any) -> None:
        class Rude(make.Batches):  # type: ignore[misc,name-defined]
            def shutdown(self) -> None:
                raise OSError("gone")

        rude, good = Rude(), make.Batches()
        on(rude, good)
        span()
        assert peekr.shutdown()
        assert len(rude.spans) == len(good.spans) == 1
        assert good.calls[-1] == "shutdown"
        assert "OSError: gone" in warnings()[0]

    def test_one_that_changes_spans_or_the_batch_harms_only_itself_as_far_as_the_batch_goes(self, make: Any) -> None:
        class Clearing:
            supports_update = True

            def export_batch(self, spans: Any) -> None:
                spans.clear()

        good = make.Batches()
        on(Clearing(), good)
        for _ in range(50):
            span()
            peekr.flush(10)
        assert len(good.names) == 50


class TestHanging:
    """EXP-6: an exporter that never comes back."""

    def test_neither_the_program_nor_the_others_notice(self, make: Any, hanging: Any) -> None:
        good = make.Exporter()
        on(hanging, good, shutdown_timeout=0.05)
        span("first")
        assert hanging.begun.wait(10)
        for number in range(2000):
            span(str(number))
        peekr.flush(0.5)
        assert len(good.spans) == 2001
        waiting = peekr.stats()["exporters"]["Hanging"]
        assert (waiting["waiting"], waiting["exported"]) == (2001, 0)

    def test_shutdown_gives_it_up_in_time_and_counts_what_is_lost(
        self, make: Any, hanging: Any, warnings: Any, counts_since: Any
    ) -> None:
        """IFACE-12"""
        good = make.Batches()
        on(hanging, good, shutdown_timeout=0.2)
        for _ in range(100):
            span()
        assert hanging.begun.wait(10)
        assert peekr.shutdown() is False
        assert len(good.spans) == 100
        assert good.calls[-1] == "shutdown"
        assert peekr.stats()["exporters"]["Hanging"]["dropped"] == counts_since()["dropped"] == 100
        assert counts_since()["exported"] == 100
        (warning,) = warnings()
        assert warning.startswith("exporter 'Hanging' did not finish in time: 100 spans are lost")

    def test_one_that_comes_back_too_late_is_not_counted_twice(self, hanging: Any) -> None:
        """IFACE-12"""
        on(hanging, shutdown_timeout=0.05)
        span()
        assert hanging.begun.wait(10)
        assert peekr.shutdown() is False
        (thread,) = [each for each in threading.enumerate() if each.name == "peekr-Hanging"]
        hanging.release.set()
        thread.join(10)
        counts = peekr.stats()["exporters"]["Hanging"]
        assert (counts["exported"], counts["dropped"]) == (0, 1)

    def test_replacing_it_waits_no_longer_than_its_time(self, make: Any, hanging: Any, counts_since: Any) -> None:
        """INST-10"""
        on(exporter=hanging, shutdown_timeout=0.05)
        span("lost")
        assert hanging.begun.wait(10)
        good = make.Exporter()
        on(exporter=good, shutdown_timeout=0.05)
        span("kept")
        assert good.names == ["kept"]
        assert counts_since()["dropped"] == 1


class Events:
    """Agent Inspector's protocol."""

    def __init__(self) -> None:
        self.events: List[Dict[str, Any]] = []
        self.calls: List[str] = []

    def initialize(self) -> None:
        self.calls.append("initialize")

    def export_batch(self, events: List[Dict[str, Any]]) -> None:
        self.events += events

    def shutdown(self) -> None:
        self.calls.append("shutdown")


class TestEventExporters:
    """EXP-3, IFACE-3"""

    def test_get_events_from_run_start_to_run_end(self) -> None:
        exporter = Events()
        on(exporter)
        with peekr.trace.run("agent", user_id="alice") as run:
            run.llm(model="gpt-4", prompt="Hi", response="Hello!", prompt_tokens=1, completion_tokens=2)
            run.tool(tool_name="search", tool_args={"q": "x"}, tool_result="found")
            run.final(answer="Done.")
        assert peekr.flush(10)
        types = [event["type"] for event in exporter.events]
        assert types == ["run_start", "llm_call", "tool_call", "final_answer", "run_end"]
        assert {event["run_id"] for event in exporter.events} == {run.run_id}
        start, llm, tool, final, end = exporter.events
        assert (start["name"], start["status"], start["duration_ms"]) == ("agent", "started", None)
        assert (llm["name"], llm["model"], llm["input"], llm["output"]) == ("gpt-4", "gpt-4", "Hi", "Hello!")
        assert (llm["tokens_total"], llm["prompt_tokens"], llm["parent_event_id"]) == (3, 1, run.run_id)
        assert (tool["tool_name"], tool["tool_args"], tool["tool_result"]) == ("search", {"q": "x"}, "found")
        assert (final["name"], final["answer"]) == ("Final Answer", "Done.")
        assert (end["status"], end["name"]) == ("completed", "agent")
        assert end["duration_ms"] > 0

    def test_have_these_fields(self) -> None:
        """EXP-3"""
        exporter = Events()
        on(exporter)
        with peekr.trace.run("agent") as run:
            run.memory_read(memory_key="k", memory_value=1)
        assert peekr.flush(10)
        fields = {
            *("event_id", "run_id", "timestamp_ms", "type", "name", "status", "duration_ms"),
            *("metadata", "input", "output", "parent_event_id"),
        }
        assert all(fields <= set(event) for event in exporter.events)
        assert all(isinstance(event["timestamp_ms"], int) for event in exporter.events)

    def test_get_what_the_agent_vocabulary_has_no_word_for_as_a_span(self) -> None:
        """MODEL-2: ``@trace`` and ``start_span`` are ``span``; an SDK's call is ``llm_call``, named by its model."""
        exporter = Events()
        on(exporter)
        with peekr.span("outside"):
            pass
        with peekr.trace.run("agent") as run:
            peekr.trace(lambda: 1, name="step")()
            with peekr.span("openai.chat.completions", kind="llm") as call:
                call.attributes["model"] = "gpt-4o"
            with peekr.span("GET /", kind="http"):
                pass
        assert peekr.flush(10)
        seen = [(event["type"], event["name"], event["status"]) for event in exporter.events]
        assert seen == [
            ("span", "outside", "completed"),
            ("run_start", "agent", "started"),
            ("span", "step", "completed"),
            ("llm_call", "gpt-4o", "completed"),
            ("span", "GET /", "completed"),
            ("run_end", "agent", "completed"),
        ]
        assert {event["run_id"] for event in exporter.events[1:]} == {run.run_id}
        assert exporter.events[2]["output"] == "1"

    def test_get_the_fields_of_the_type_whoever_made_the_span(self) -> None:
        """EXP-3, C-36: a decorated tool and an SDK's call look as those of the agent vocabulary do"""
        exporter = Events()
        on(exporter)
        peekr.trace(lambda q: [q], name="tool.search")("x")
        with peekr.span("openai.chat.completions", kind="llm") as call:
            call.attributes.update(model="m", input="[]", output="hi", tokens_input=1, tokens_output=2, tokens_total=3)
        assert peekr.flush(10)
        tool, llm = exporter.events
        assert (tool["tool_name"], tool["tool_args"], tool["tool_result"]) == (
            "search",
            '{"args": ["x"], "kwargs": {}}',
            '["x"]',
        )
        assert [llm[name] for name in ("model", "prompt", "response")] == ["m", "[]", "hi"]
        assert [llm[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")] == [1, 2, 3]

    def test_are_initialized_once_and_shut_down(self) -> None:
        exporter = Events()
        on(exporter)
        for _ in range(3):
            with peekr.trace.run("agent"):
                pass
            assert peekr.flush(10)
        peekr.shutdown()
        assert exporter.calls == ["initialize", "shutdown"]

    def test_that_cannot_be_initialized_are_counted_and_tried_again(self, warnings: Any) -> None:
        class Late(Events):
            def initialize(self) -> None:
                super().initialize()
                if len(self.calls) == 1:
                    raise OSError("not yet")

        exporter = Late()
        on(exporter)
        for name in ("one", "two"):
            with peekr.trace.run(name):
                assert peekr.flush(10)
            assert peekr.flush(10)
        assert [event["name"] for event in exporter.events] == ["one", "two", "two"]
        assert "OSError: not yet" in warnings()[0]

    def test_a_failed_run_ends_as_failed(self) -> None:
        """MODEL-7, AGENT-11"""
        exporter = Events()
        on(exporter)
        with pytest.raises(ValueError), peekr.trace.run("agent"):
            raise ValueError("boom")
        assert peekr.flush(10)
        start, error, end = exporter.events
        assert (error["type"], error["error_type"], error["critical"]) == ("error", "ValueError", True)
        assert (start["status"], error["status"], end["status"]) == ("started", "failed", "failed")


def test_peekr_says_nothing_when_all_is_well(make: Any, caplog: Any) -> None:
    """INST-13"""
    caplog.set_level(logging.INFO, logger="peekr")
    on(make.Exporter())
    for _ in range(100):
        span()
    assert peekr.shutdown()
    peekr.uninstrument()
    assert [record for record in caplog.records if record.name == "peekr"] == []


def test_what_an_exporter_does_is_not_traced(make: Any) -> None:
    """EXP-6: or each span that it exports would bring another one."""

    class Traced(make.Exporter):
        def export(self, span: Any) -> None:
            with peekr.span("inside the exporter"):
                super().export(span)

    exporter = Traced()
    peekr.instrument(console=False, exporter=exporter, plugins=[])
    with peekr.span("mine"):
        pass
    assert peekr.flush(10) and peekr.flush(10)
    assert [span.name for span in exporter.spans] == ["mine"]


def test_an_exporter_that_is_behind_is_told_of_once(caplog: Any, monkeypatch: Any, hanging: Any) -> None:
    """EXP-6: however many spans it is behind."""
    monkeypatch.setattr("peekr.lane.MAX_WAITING", 5)
    peekr.instrument(console=False, exporter=hanging, plugins=[])
    for _ in range(4):
        for _ in range(7):
            with peekr.span("s"):
                pass
        peekr.flush(0.2)
    assert sum("spans behind" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("method", ["export", "export_batch"])
def test_an_exporter_that_nobody_would_await_is_refused(method: str) -> None:
    """design 8: misuse fails early; its spans would be lost without a word."""

    async def take(self: Any, spans: Any) -> None:
        pass

    exporter = type("Async", (), {method: take})()
    with pytest.raises(ConfigurationError, match=f"async {method}"):
        peekr.instrument(console=False, exporter=exporter, plugins=[])
    with pytest.raises(ConfigurationError, match=f"async {method}"):
        peekr.exporters.add_exporter(exporter)


def test_flush_without_a_timeout_waits(make: Any) -> None:
    """INST-16"""
    exporter = make.Exporter()
    peekr.instrument(console=False, exporter=exporter, plugins=[])
    with peekr.span("a"):
        pass
    assert peekr.flush(None) and exporter.names == ["a"]
