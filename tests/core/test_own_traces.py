"""Trace objects with a configuration, an exporter or a sampler of their own, and exporters made of others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Dict, List

import pytest

import peekr
from peekr import BaseEvent, CompositeExporter, EventType, StorageExporter, Trace, TraceConfig
from peekr.errors import ConfigurationError, PluginNotFound
from peekr.testing import MemoryExporter, record


class Events:
    """An exporter of Agent Inspector's form."""

    def __init__(self, calls: Any = None) -> None:
        self.events: List[Dict[str, Any]] = []
        self.calls: List[Any] = [] if calls is None else calls

    def initialize(self) -> None:
        self.calls.append((self, "initialize"))

    def export_batch(self, events: List[Dict[str, Any]]) -> None:
        self.events += events

    def shutdown(self) -> None:
        self.calls.append((self, "shutdown"))

    @property
    def types(self) -> List[str]:
        return [event["type"] for event in self.events]


class Broken(Events):
    def export_batch(self, events: Any) -> None:
        raise RuntimeError("broken")


class OnlyVip:
    def __init__(self) -> None:
        self.asked: List[Any] = []

    def should_sample(self, run_id: str, run_name: str, config: Any) -> bool:
        self.asked.append((run_id, run_name, config))
        return run_name == "vip"


# -- samplers -------------------------------------------------------------------------------------------------------


def test_composite_sampler_and_custom_event() -> None:
    """EXP-5, SAMP-3, SAMP-4, AGENT-7, AGENT-13: examples E4-21 to E4-23."""
    memory = Events()
    trace = Trace(config=TraceConfig(), exporter=CompositeExporter([Broken(), memory]), sampler=OnlyVip())
    with trace.run("vip") as run:
        trace.emit(BaseEvent(run_id=run.run_id, type=EventType.CUSTOM, name="note", metadata={"a": 1}))
    with trace.run("other") as other:
        other.llm(model="m", prompt="p", response="r")
    assert trace.shutdown()
    assert memory.types == ["run_start", "custom", "run_end"]


def test_the_sampler_is_told_id_name_and_configuration() -> None:
    """SAMP-3"""
    sampler, config = OnlyVip(), TraceConfig()
    trace = Trace(config=config, exporter=Events(), sampler=sampler)
    with trace.run("vip") as run:
        pass
    assert sampler.asked == [(run.run_id, "vip", config)]


def test_an_unsampled_run_is_a_context_that_does_nothing(warnings: Any) -> None:
    """SAMP-4, AGENT-9, AGENT-10: the program inside runs unharmed."""
    memory = Events()
    trace = Trace(exporter=memory, sampler=OnlyVip())
    with trace.run("other") as run:
        assert not run
        assert trace.get_active_context() is None and peekr.trace.get_active_context() is None
        assert run.llm(model="m", prompt="p", response="r") is None
        assert run.tool(tool_name="t") is None and run.memory_read(memory_key="k") is None
        assert run.memory_write(memory_key="k") is None and run.final(answer="a") is None
        assert run.error(error_type="E", error_message="m") is None
        assert run.emit(BaseEvent(run_id=run.run_id, name="x")) is None and run.task_assign("1", "t") is None
        assert trace.tool(tool_name="t") is None and peekr.trace.llm(model="m") is None
        with trace.run("vip") as nested, peekr.span("inner"):
            assert not nested
    with pytest.raises(KeyError), trace.run("failing"):
        raise KeyError("x")
    assert trace.shutdown()
    assert memory.events == []
    assert warnings() == []


def test_an_unsampled_run_is_the_same_with_await() -> None:
    """SAMP-4, AGENT-18"""
    memory = Events()
    trace = Trace(exporter=memory, sampler=OnlyVip())

    @trace.run("other")
    async def work() -> bool:
        return trace.get_active_context() is None

    async def main() -> bool:
        async with trace.run("other") as run:
            return not run and await work()

    assert asyncio.run(main())
    assert trace.shutdown() and memory.events == []


def test_the_decision_of_the_root_holds_for_nested_runs_and_in_other_processes() -> None:
    """SAMP-6: the sampler is asked once a trace."""
    sampler = OnlyVip()
    memory = Events()
    trace = Trace(exporter=memory, sampler=sampler)
    with trace.run("vip"), trace.run("other") as inner:
        assert inner
        assert peekr.inject()["traceparent"].endswith("-01")
    with trace.run("other"):
        assert peekr.inject()["traceparent"].endswith("-00")
    assert len(sampler.asked) == 2
    assert trace.shutdown()
    assert memory.types.count("run_start") == 2


def test_a_sampler_that_fails_samples(warnings: Any) -> None:
    """Design 8: reported once, and the program goes on."""

    class Failing:
        def should_sample(self, run_id: str, run_name: str, config: Any) -> bool:
            raise RuntimeError("no idea")

    memory = Events()
    trace = Trace(exporter=memory, sampler=Failing())
    for _ in range(2):
        with trace.run("r"):
            pass
    assert trace.shutdown() and memory.types.count("run_end") == 2
    assert len(warnings()) == 1


def test_instrument_takes_a_sampler_too() -> None:
    """SAMP-3, IFACE-5: for every kind of root."""
    sampler = OnlyVip()
    with record(plugins=[], sampler=sampler) as recording:
        for name in ("vip", "other"):
            with peekr.span(name), peekr.span("inner"):
                pass
        assert [span.name for span in recording.spans] == ["inner", "vip"]
        assert [asked[1] for asked in sampler.asked] == ["vip", "other"]


def test_keep_errors_rescues_what_a_sampler_left_out() -> None:
    """SAMP-3, SAMP-6"""
    with record(plugins=[], sampler=OnlyVip(), keep_errors=True) as recording:
        for fails in (False, True):
            try:
                with peekr.trace.run("other") as run:
                    assert run.tool(tool_name="t") is not None
                    if fails:
                        raise ValueError("x")
            except ValueError:
                pass
        assert sorted(span.name for span in recording.spans) == ["error.ValueError", "other", "tool.t"]


def test_a_sampler_may_be_installed(plugin: Any, python: Any) -> None:
    """Issue 4: entry points for third-party samplers; also built from the configuration."""
    plugin(
        "acme_samplers",
        """
        class Weekend:
            @classmethod
            def from_config(cls, config):
                made = cls()
                made.rate = config.sample_rate
                return made
            def should_sample(self, run_id, run_name, config):
                print("asked", run_name, self.rate)
                return False
        """,
        {"peekr.samplers": "weekend = acme_samplers:Weekend"},
    )
    out = python("""
        import peekr
        from peekr.testing import record
        peekr.set_config(peekr.TraceConfig(sample_rate=0.5))
        with record(plugins=[], sampler="weekend") as recording:
            with peekr.trace.run("r") as run:
                print(bool(run))
            print(recording.spans)
        t = peekr.Trace(config=peekr.TraceConfig(sample_rate=0.25), sampler="weekend")
        with t.run("s") as run:
            print(bool(run))
        from peekr.plugins import installed
        print([(i.name, i.state) for i in installed() if i.group == "peekr.samplers"])
    """)
    assert out.splitlines() == [
        "asked r 0.5", "False", "[]", "asked s 0.25", "False", "[('weekend', 'active')]",
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", [OnlyVip, object(), 3])
def test_what_is_no_sampler_is_refused(wrong: Any) -> None:
    """SAMP-3"""
    for take in (lambda: Trace(sampler=wrong), lambda: peekr.instrument(console=False, storage=None, sampler=wrong)):
        with pytest.raises(ConfigurationError, match="should_sample"):
            take()
    with pytest.raises(PluginNotFound, match="weekdays"):
        Trace(sampler="weekdays")


# -- where the spans go ---------------------------------------------------------------------------------------------


def test_what_happens_in_a_trace_of_its_own_goes_to_its_exporter_and_nowhere_else() -> None:
    """AGENT-13, C-15"""
    mine = MemoryExporter()
    with record(plugins=[]) as recording:
        trace = Trace(exporter=mine)
        with trace.run("mine"), peekr.span("inside"), peekr.session(user_id="u"):
            trace.tool(tool_name="t")
        with peekr.trace.run("other"):
            pass
        assert trace.flush(10)
        assert [span.name for span in mine.spans] == ["tool.t", "inside", "mine"]
        assert [span.name for span in recording.spans] == ["other"]
        assert trace.shutdown()
        with peekr.span("after"):
            pass
        assert [span.name for span in recording.spans] == ["other", "after"]
    assert mine.closed


def test_two_traces_in_one_process_do_not_mix(counts_since: Any) -> None:
    """AGENT-13"""
    first, second = Events(), Events()
    one, two = Trace(exporter=first), Trace(exporter=second)
    for _ in range(10):
        with one.run("one"), two.run("two"):
            two.tool(tool_name="t")
    assert one.shutdown() and two.shutdown()
    assert {event["name"] for event in first.events} == {"one"}
    assert {event["name"] for event in second.events} == {"two", "t"}
    assert counts_since() == {"started": 30, "ended": 30, "exported": 30, "sampled_out": 0, "dropped": 0}


def test_a_trace_can_be_used_again_after_shutdown() -> None:
    """AGENT-13: idempotent, and the exporter is initialized anew."""
    memory = Events()
    trace = Trace(exporter=memory)
    assert trace.shutdown()
    for _ in range(2):
        with trace.run("r"):
            pass
        assert trace.shutdown(timeout_ms=5000) and trace.shutdown()
    assert memory.types == ["run_start", "run_end"] * 2
    assert [call for _, call in memory.calls] == ["initialize", "shutdown"] * 2


def test_a_trace_outlives_uninstrument_and_a_later_instrument() -> None:
    memory = Events()
    trace = Trace(exporter=memory)
    with trace.run("one"):
        pass
    peekr.instrument(console=False, storage=None, plugins=[])
    with trace.run("two"):
        pass
    peekr.uninstrument()
    with trace.run("three"):
        pass
    assert trace.shutdown()
    assert [event["name"] for event in memory.events if event["type"] == "run_end"] == ["one", "two", "three"]


def test_a_trace_has_rules_of_its_own() -> None:
    """SAMP-1, SAMP-5, AGENT-13: rate and only_on_error of its configuration, whatever instrument() says."""
    with record(plugins=[]) as recording:
        none, failed = Events(), Events()
        with Trace(config=TraceConfig(sample_rate=0.0), exporter=none).run("r") as run:
            assert not run
        trace = Trace(config=TraceConfig(only_on_error=True), exporter=failed)
        for fails in (False, True):
            with trace.run("bad" if fails else "fine") as run:
                if fails:
                    run.error("E", "m")
        with peekr.trace.run("instrumented") as run:
            assert run
        assert peekr.flush(10)
        assert none.events == []
        assert failed.types == ["run_start", "error", "run_end"]
        assert [span.name for span in recording.spans] == ["instrumented"]


def test_a_configuration_redacts_for_its_own_exporter() -> None:
    """PIPE-2, PIPE-5"""
    memory = Events()
    trace = Trace(config=TraceConfig(redact_keys=["iban"], redact_patterns=["CASE-[0-9]+"]), exporter=memory)
    with trace.run("r"):
        trace.tool(tool_name="t", tool_args={"iban": "DE02", "note": "see CASE-77"})
    assert trace.shutdown()
    (tool,) = [event for event in memory.events if event["type"] == "tool_call"]
    assert "DE02" not in str(tool) and "CASE-77" not in str(tool)
    assert "[REDACTED]" in str(tool["tool_args"])


def test_without_an_exporter_a_configured_trace_writes_its_own_database(tmp_path: Path) -> None:
    """AGENT-13, AGENT-14"""
    pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")
    trace = Trace(config=TraceConfig(db_path=str(tmp_path / "own.db")))
    with record(plugins=[]) as recording:
        with trace.run("r"):
            trace.tool(tool_name="t")
        assert recording.spans == []
        assert trace.shutdown()
    assert peekr.query(tmp_path / "own.db", "SELECT name FROM spans ORDER BY start_time") == [
        {"name": "r"},
        {"name": "tool.t"},
    ]


def test_a_configured_trace_without_a_place_of_its_own_uses_what_is_instrumented() -> None:
    """C-14"""
    with record(plugins=[]) as recording:
        with Trace(config=TraceConfig(sample_rate=1.0)).run("r"):
            pass
        assert [span.name for span in recording.spans] == ["r"]


@pytest.mark.parametrize("given", [{"config": {"sample_rate": 1}}, {"exporter": object()}, {"exporter": Events}])
def test_a_wrong_argument_of_trace_is_refused(given: Dict[str, Any]) -> None:
    """AGENT-13"""
    with pytest.raises(ConfigurationError):
        Trace(**given)


def test_a_store_that_cannot_be_written_does_not_break_the_run(tmp_path: Path, warnings: Any) -> None:
    """Design 8"""
    pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")
    trace = Trace(config=TraceConfig(db_path=str(tmp_path / "no" / "own.db")))
    for _ in range(2):
        with trace.run("r") as run:
            run.tool(tool_name="t")
    assert len([said for said in warnings() if "not stored" in said]) == 1


# -- the end of a run and a full queue ------------------------------------------------------------------------------


def test_the_end_of_a_run_waits_for_room(counts_since: Any) -> None:
    """QUEUE-4; example E4-24: of a thousand events many are dropped, of the ends none."""
    memory = Events()
    config = TraceConfig(queue_size=1, block_on_run_end=True)
    trace = Trace(config=config, exporter=memory)
    for _ in range(20):
        with trace.run("r") as run:
            for _ in range(50):
                run.tool(tool_name="t")
    assert trace.shutdown()
    assert memory.types.count("run_end") == 20
    assert counts_since()["dropped"] > 0


def test_the_end_of_a_run_waits_no_longer_than_it_may(hanging: Any, counts_since: Any) -> None:
    """QUEUE-4: then it counts as dropped."""
    from peekr.delivery import delivery

    class Stuck:
        def process(self, span: Any) -> None:
            hanging.begun.set()
            hanging.release.wait(30)

    trace = Trace(
        config=TraceConfig(queue_size=1, block_on_run_end=True, run_end_block_timeout_ms=1), exporter=Events()
    )
    with trace.run("first"):
        pass
    assert peekr.flush(10)
    assert delivery.pipeline is not None
    from peekr.parts import Part

    delivery.pipeline.processors = (Part("stuck", "peekr.processors", Stuck().process),)
    with trace.run("second"):
        assert hanging.begun.wait(10)
        for _ in range(5):
            trace.tool(tool_name="t")
    assert counts_since()["dropped"] >= 1
    hanging.release.set()
    assert trace.shutdown()


# -- composite ------------------------------------------------------------------------------------------------------


def test_members_start_in_order_and_stop_in_reverse() -> None:
    """EXP-5"""
    calls: List[Any] = []
    members = [Events(calls), Events(calls), Events(calls)]
    group = CompositeExporter(members)
    group.initialize()
    group.initialize()
    group.export_batch([{"type": "custom"}])
    group.shutdown()
    assert calls == [(m, "initialize") for m in members] + [(m, "shutdown") for m in reversed(members)]
    assert all(member.events == [{"type": "custom"}] for member in members)


def test_a_member_that_cannot_start_is_logged_and_raised(warnings: Any) -> None:
    """EXP-5"""

    class Unable(Events):
        def initialize(self) -> None:
            raise OSError("no disk")

    calls: List[Any] = []
    with pytest.raises(OSError, match="no disk"):
        CompositeExporter([Events(calls), Unable(calls), Events(calls)]).initialize()
    assert len(calls) == 1
    assert any("Unable" in said and "no disk" in said for said in warnings())


def test_one_members_failure_does_not_keep_the_others_from_the_batch(warnings: Any) -> None:
    """EXP-5: logged once per kind; if all fail, the batch has failed."""
    memory = Events()
    group = CompositeExporter([Broken(), memory])
    for _ in range(3):
        group.export_batch([{"type": "custom"}])
    assert len(memory.events) == 3
    assert group.failures == [3, 0]
    assert len(warnings()) == 1
    with pytest.raises(RuntimeError, match="broken"):
        CompositeExporter([Broken()]).export_batch([{}])


def test_a_failing_shutdown_does_not_keep_the_others_from_theirs(warnings: Any) -> None:
    """EXP-5"""

    class Stubborn(Events):
        def shutdown(self) -> None:
            raise RuntimeError("no")

    calls: List[Any] = []
    CompositeExporter([Events(calls), Stubborn(calls), Events(calls)]).shutdown()
    assert len(calls) == 2 and len(warnings()) == 1


@pytest.mark.parametrize("wrong", [[], None, (), Events(), [object()], [Events]])
def test_a_group_needs_members(wrong: Any) -> None:
    """EXP-5"""
    with pytest.raises(ValueError):
        CompositeExporter(wrong)


def test_members_of_every_form_get_what_they_understand(make: Any) -> None:
    """EXP-4, IFACE-3: also a store that takes open runs."""

    class Updating(make.Batches):
        supports_update = True

    small, batches, events, updating = make.Exporter(), make.Batches(), Events(), Updating()
    peekr.add_exporter(CompositeExporter([small, batches, events, updating]))
    with peekr.trace.run("r") as run:
        run.tool(tool_name="t")
    assert peekr.flush(10)
    assert [span.name for span in small.spans] == [span.name for span in batches.spans] == ["tool.t", "r"]
    assert [(span.name, span.ended) for span in updating.spans] == [("r", False), ("tool.t", True), ("r", True)]
    assert events.types == ["run_start", "tool_call", "run_end"]
    assert small.calls == ["flush"]


# -- storage --------------------------------------------------------------------------------------------------------


@pytest.fixture
def storage(tmp_path: Path) -> StorageExporter:
    pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")
    return StorageExporter(TraceConfig(db_path=str(tmp_path / "s.db")))


def event(kind: str, at: int, **fields: Any) -> Dict[str, Any]:
    out = {"event_id": f"e{at}", "run_id": "run-1", "timestamp_ms": 1_750_000_000_000 + at, "type": kind, "name": kind}
    return {**out, "status": "completed", "duration_ms": None, "metadata": {}, "parent_event_id": None, **fields}


def test_events_of_anybody_are_stored(storage: StorageExporter) -> None:
    """EXP-8, EXP-3: a run of its start and its end, redacted on the way."""
    storage.initialize()
    storage.initialize()
    storage.export_batch([event("run_start", 0, status="started", name="r", user_id="u1")])
    storage.export_batch(
        [
            event("llm_call", 5, model="m", prompt="p", response="r", prompt_tokens=3, completion_tokens=4),
            {"type": "tool_call"},
            "no event",
            event("tool_call", 6, tool_name="t", tool_args={"password": "hunter2"}, status="failed", duration_ms=2.5),
            event("run_end", 20, name="r", status="failed", duration_ms=20, user_id="u1"),
        ]
    )
    storage.flush()
    storage.shutdown()
    assert storage.skipped == 2
    path = storage.config.db_path
    assert b"hunter2" not in Path(path).read_bytes()
    runs = peekr.query(path, "SELECT id, name, status, duration_ms, user_id FROM runs")
    assert runs == [{"id": "run-1", "name": "r", "status": "failed", "duration_ms": 20.0, "user_id": "u1"}]
    steps = peekr.query(path, "SELECT type, status FROM steps WHERE type != 'run_start' ORDER BY timestamp")
    assert [(step["type"], step["status"]) for step in steps][:2] == [
        ("llm_call", "completed"),
        ("tool_call", "failed"),
    ]
    (llm,) = peekr.open_store(path).spans(kind="llm")
    assert (llm.attributes["model"], llm.attributes["tokens_input"], llm.attributes["output"]) == ("m", 3, "r")
    assert llm.run_id == "run-1" and llm.payload is not None and llm.payload["prompt"] == "p"


def test_the_database_may_be_opened_again(storage: StorageExporter) -> None:
    """EXP-8"""
    for at in (1, 2):
        storage.export_batch([event("run_end", at, run_id=f"run-{at}")])
        storage.shutdown()
    assert peekr.query(storage.config.db_path, "SELECT COUNT(*) n FROM runs") == [{"n": 2}]


def test_it_takes_spans_as_well(storage: StorageExporter) -> None:
    """EXP-8: as the exporter of a Trace."""
    trace = Trace(exporter=storage)
    with trace.run("r") as run:
        run.final(answer="42")
        assert peekr.flush(10)
        assert peekr.query(storage.config.db_path, "SELECT status FROM runs") == [{"status": "running"}]
    assert trace.shutdown()
    assert peekr.query(storage.config.db_path, "SELECT status FROM runs") == [{"status": "completed"}]


def test_encryption_leaves_no_word_in_the_file(tmp_path: Path) -> None:
    """EXP-8, PIPE-7"""
    pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    path = tmp_path / "c.db"
    trace = Trace(config=TraceConfig(db_path=str(path), encryption_enabled=True, encryption_key="a passphrase"))
    with trace.run("r") as run:
        run.final(answer="the nightingale")
    assert trace.shutdown()
    written = b"".join(each.read_bytes() for each in tmp_path.iterdir() if each.name.startswith("c.db"))
    assert b"r" in written and b"nightingale" not in written


def test_a_storage_exporter_needs_a_configuration() -> None:
    """EXP-8"""
    with pytest.raises(ConfigurationError):
        StorageExporter({"db_path": "x"})  # type: ignore[arg-type]


# -- batches --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["instrument", "trace"])
def test_a_batch_is_no_larger_than_it_may(where: str, make: Any) -> None:
    """QUEUE-1, CONF-1: batch_size; a part that fails does not keep the next from going."""

    class Sizes(make.Batches):
        def export_batch(self, spans: Any) -> None:
            self.calls.append(len(spans))
            if len(self.calls) == 1:
                raise RuntimeError("once")
            super().export_batch(spans)

    exporter: Any = Sizes()
    config = TraceConfig(batch_size=3)
    if where == "instrument":
        peekr.set_config(config)
        peekr.instrument(console=False, storage=None, exporter=exporter, plugins=[])
        trace: Any = peekr.trace
    else:
        trace = Trace(config=config, exporter=exporter)
    with trace.run("r") as run:
        for _ in range(30):
            run.tool(tool_name="t")
    assert peekr.flush(10)
    peekr.set_config(None)
    assert max(size for size in exporter.calls if isinstance(size, int)) <= 3
    assert 28 <= len(exporter.spans) < 31


def test_a_batch_has_fifty_spans_where_nothing_was_set(make: Any) -> None:
    """QUEUE-1: batch_size 50 is the default."""

    sizes: List[int] = []

    class Sizes(make.Batches):
        def export_batch(self, spans: Any) -> None:
            sizes.append(len(spans))

    peekr.instrument(console=False, storage=None, exporter=Sizes(), plugins=[])
    for _ in range(300):
        with peekr.span("s"):
            pass
    assert peekr.flush(10)
    assert sum(sizes) == 300 and max(sizes) <= 50


# -- a run with a configuration of its own --------------------------------------------------------------------------


def test_a_run_may_have_its_own_sampling_rules() -> None:
    """AGENT-1: for the trace that it begins, and in the same stores."""
    memory = Events()
    never, failed = TraceConfig(sample_rate=0.0), TraceConfig(only_on_error=True)
    trace = Trace(exporter=memory)
    with record(plugins=[]) as recording:
        for open_run, name in ((trace.run, "mine"), (peekr.trace.run, "all")):
            with open_run(f"{name} never", config=never) as run:
                assert not run
            with open_run(f"{name} fine", config=failed), open_run(f"{name} inner", config=never):
                pass
            with open_run(f"{name} bad", config=failed) as run:
                run.error("E", "m")
            with open_run(f"{name} plain"), open_run(f"{name} nested", config=never) as run:
                assert run
        assert [span.name for span in recording.spans if span.kind == "run"] == ["all bad", "all nested", "all plain"]
    assert trace.shutdown()
    assert [event["name"] for event in memory.events if event["type"] == "run_end"] == [
        "mine bad",
        "mine nested",
        "mine plain",
    ]


def test_a_run_takes_no_other_configuration() -> None:
    """AGENT-1"""
    with pytest.raises(ConfigurationError, match="TraceConfig"):
        peekr.trace.run("r", config={"sample_rate": 0})


def test_a_trace_of_its_own_inside_another_follows_the_rules_that_the_trace_began_with() -> None:
    """SAMP-6: one decision per trace, though its spans go to several places."""
    memory = Events()
    trace = Trace(config=TraceConfig(only_on_error=True), exporter=memory)
    with record(plugins=[]) as recording:
        with peekr.trace.run("outer"), trace.run("inner"):
            pass
        with trace.run("own"), peekr.trace.run("nested"):
            pass
        with peekr.extract({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}):
            with trace.run("continued"):
                pass
            with trace.run("continued and failed") as run:
                run.error("E", "m")
        assert [span.name for span in recording.spans] == ["outer"]
    assert trace.shutdown()
    ends = [event["name"] for event in memory.events if event["type"] == "run_end"]
    assert ends == ["inner", "continued", "continued and failed"]
