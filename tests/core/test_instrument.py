"""``instrument``, ``uninstrument``, ``flush``, ``shutdown``: switching on, replacing, switching off."""

from __future__ import annotations

import inspect
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any, List

import pytest

import peekr
from peekr.errors import ConfigurationError, PluginNotFound
from peekr.lifecycle import current_config
from peekr.testing import MemoryExporter

HAS_JSONL = find_spec("peekr_jsonl") is not None
HAS_SQLITE = find_spec("peekr_sqlite") is not None


def span(name: str = "s") -> None:
    with peekr.span(name):
        pass


def names(exporter: Any) -> List[str]:
    assert peekr.flush(10)
    return [each.name for each in exporter.spans]


def on(exporter: Any, **settings: Any) -> None:
    peekr.instrument(**{"console": False, "exporter": exporter, "plugins": [], **settings})


class TestTheSignature:
    def test_every_argument_is_by_keyword_and_has_a_default(self) -> None:
        """INST-1, INST-2"""
        parameters = inspect.signature(peekr.instrument).parameters
        assert {each.kind for each in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
        defaults = {name: parameter.default for name, parameter in parameters.items()}
        assert defaults["console"] is True
        assert (defaults["storage"], defaults["jsonl_path"], defaults["db_path"]) == (
            "jsonl",
            "traces.jsonl",
            "traces.db",
        )
        assert set(defaults) >= {
            "tenant_id", "retention_class", "alerts", "evaluators", "guardrails", "compliance", "exporter",
            "evaluate_filter", "async_eval", "sample_rate", "keep_errors", "budget_alert",
        }  # fmt: skip
        assert inspect.Parameter.empty not in defaults.values()
        assert [defaults[name] for name in ("alerts", "evaluators", "guardrails", "compliance")] == [[]] * 4

    def test_none_is_accepted_for_every_list(self) -> None:
        """INST-1"""
        exporter = MemoryExporter()
        on(exporter, alerts=None, evaluators=None, guardrails=None, compliance=None, budget_alert=None)
        span()
        assert names(exporter) == ["s"]


BAD = {
    "an unknown storage": ({"storage": "nope"}, "no 'peekr.exporters' plugin is called 'nope'; installed: "),
    "an unknown storage in a list": ({"storage": ["nope"]}, "'nope'"),
    "a storage that is no text": ({"storage": 5}, "storage must be a name such as 'jsonl'"),
    "a storage that is no text, too": ({"storage": 5}, "installed: "),
    "an empty storage name": ({"storage": [""]}, "storage must be a name such as 'jsonl'"),
    "a list with a number": ({"storage": [5]}, "storage must be a name such as 'jsonl'"),
    "an exporter that cannot export": ({"exporter": 5}, "exporter 5 has no method export(span) or export_batch(spans)"),
    "an exporter class": ({"exporter": MemoryExporter}, "exporter is the class MemoryExporter, not an object"),
    "a negative rate": ({"sample_rate": -0.1}, "sample_rate must be between 0 and 1, got -0.1"),
    "a rate above one": ({"sample_rate": 1.1}, "sample_rate must be between 0 and 1, got 1.1"),
    "a rate that is no number": ({"sample_rate": "0.5"}, "sample_rate must be a number, got '0.5'"),
    "a rate that is a truth value": ({"sample_rate": True}, "sample_rate must be a number, got True"),
    "a rate that is not a number": ({"sample_rate": float("nan")}, "sample_rate must be a number, got nan"),
    "no queue": ({"queue_size": 0}, "queue_size must be 1 or more, got 0"),
    "half a place in the queue": ({"queue_size": 1.5}, "queue_size must be a whole number, got 1.5"),
    "a queue that is no number": ({"queue_size": "x"}, "queue_size must be a number, got 'x'"),
    "an unknown policy": ({"queue_full": "wait"}, "queue_full must be 'drop' or 'block', got 'wait'"),
    "a negative timeout": ({"shutdown_timeout": -1}, "shutdown_timeout must be 0 or more, got -1"),
    "a tenant that is no text": ({"tenant_id": 5}, "tenant_id must be text, got 5"),
    "a class that is no text": ({"retention_class": 5}, "retention_class must be text, got 5"),
    "plugins as a text": ({"plugins": "openai"}, "plugins must be a list of names, got 'openai'"),
    "plugins as a number": ({"plugins": 5}, "plugins must be a list of names, got 5"),
    "plugins of numbers": ({"plugins": [5]}, "plugins must be a list of names, got [5]"),
    "options that are no mapping": ({"storage_options": 5}, "storage_options must be a mapping, got 5"),
    "options of one that are none": ({"storage_options": {"x": 5}}, "storage_options['x'] must be a mapping, got 5"),
    "a path that is a number": ({"jsonl_path": 5}, "jsonl_path must be the path of a file, got 5"),
    "a path of bytes": ({"db_path": b"x"}, "db_path must be the path of a file, got b'x'"),
    "no evaluator": ({"evaluators": [1]}, "evaluator 1 has no method evaluate(span)"),
    "an evaluator class": ({"evaluators": [peekr.eval.BaseEvaluator]}, "evaluators has the class BaseEvaluator"),
    "evaluators as a text": ({"evaluators": "Rubric"}, "evaluators must be a list, got 'Rubric'"),
    "a filter that is no function": ({"evaluate_filter": 1}, "evaluate_filter must be a function of a span, got 1"),
    "no alert": ({"alerts": [1]}, "alert 1 has no method check(trace)"),
}


@pytest.mark.parametrize(("settings", "message"), BAD.values(), ids=BAD.keys())
class TestABadArgument:
    """INST-3, INST-13, SAMP-1: misconfiguration raises at instrument(), with a sentence."""

    def test_is_a_value_error_that_says_what_was_given(self, settings: Any, message: str) -> None:
        with pytest.raises(ValueError) as failure:
            peekr.instrument(console=False, **settings)
        assert isinstance(failure.value, (ConfigurationError, PluginNotFound))
        assert message in str(failure.value)

    def test_leaves_the_setup_before_as_it_was(self, settings: Any, message: str) -> None:
        exporter = MemoryExporter()
        on(exporter, tenant_id="acme")
        before = current_config()
        with pytest.raises(ValueError):
            peekr.instrument(**{"console": False, "tenant_id": "globex", **settings})
        span()
        assert names(exporter) == ["s"]
        assert exporter.spans[0].tenant_id == "acme"
        assert current_config() is before
        assert not exporter.closed

    def test_switches_nothing_on(self, settings: Any, message: str) -> None:
        before = threading.Thread.start
        with pytest.raises(ValueError):
            peekr.instrument(console=False, **settings)
        assert threading.Thread.start is before
        assert current_config() is None or peekr.lifecycle.delivery.pipeline is None
        assert list(Path.cwd().glob("traces*")) == []


def test_an_unknown_argument_is_pythons_own_error() -> None:
    with pytest.raises(TypeError, match="storge"):
        peekr.instrument(storge="jsonl")  # type: ignore[call-arg]


class TestStorage:
    def test_a_custom_exporter_replaces_the_default_file(self) -> None:
        """INST-11, C-15"""
        exporter = MemoryExporter()
        peekr.instrument(console=False, exporter=exporter, plugins=[])
        span()
        assert names(exporter) == ["s"]
        assert list(Path.cwd().glob("traces*")) == []

    @pytest.mark.parametrize("storage", [None, [], ()], ids=repr)
    def test_none_is_no_storage(self, storage: Any) -> None:
        """INST-3"""
        peekr.instrument(console=False, storage=storage, plugins=[])
        span()
        assert peekr.flush(10)
        assert peekr.stats()["exporters"] == {}

    def test_a_path_of_none_switches_that_store_off(self) -> None:
        """INST-2"""
        peekr.instrument(console=False, jsonl_path=None, plugins=[])
        assert peekr.stats()["exporters"] == {}
        peekr.instrument(console=False, storage="both", jsonl_path=None, db_path=None, plugins=[])
        assert peekr.stats()["exporters"] == {}

    @pytest.mark.skipif(not HAS_JSONL, reason="peekr-jsonl is not installed")
    def test_the_default_is_a_file_in_the_working_directory(self) -> None:
        """INST-4"""
        peekr.instrument(console=False, plugins=[])
        span()
        assert peekr.flush(10)
        assert [path.name for path in Path.cwd().glob("traces*")] == ["traces.jsonl"]

    @pytest.mark.skipif(not HAS_JSONL, reason="peekr-jsonl is not installed")
    def test_with_storage_the_file_is_written_beside_the_exporter(self) -> None:
        """INST-11"""
        exporter = MemoryExporter()
        on(exporter, storage="jsonl")
        span()
        assert names(exporter) == ["s"]
        assert len(Path("traces.jsonl").read_text(encoding="utf-8").splitlines()) == 1

    @pytest.mark.skipif(not HAS_JSONL, reason="peekr-jsonl is not installed")
    def test_a_second_storage_that_cannot_be_made_closes_the_first(self) -> None:
        """INST-13: nothing is left open."""
        with pytest.raises(PluginNotFound):
            peekr.instrument(console=False, storage=["jsonl", "nope"])
        assert [thread.name for thread in threading.enumerate() if thread.name == "peekr-jsonl"] == []

    def test_without_the_default_one_it_warns_and_goes_on(self, monkeypatch: Any, warnings: Any) -> None:
        """IFACE-8"""
        monkeypatch.setenv("PEEKR_PLUGINS_DISABLE", "jsonl")
        exporter = MemoryExporter()
        peekr.instrument(console=False, plugins=[])
        peekr.exporters.add_exporter(exporter)
        span()
        assert names(exporter) == ["s"]
        (warning,) = warnings()
        assert warning.startswith("spans go to the console and to exporters of your own only")
        assert ("instrument(storage='sqlite')" in warning) == HAS_SQLITE

    @pytest.mark.skipif(HAS_JSONL, reason="peekr-jsonl is installed")
    def test_the_warning_names_the_command_to_install_it(self, warnings: Any) -> None:
        """IFACE-8"""
        peekr.instrument(console=False, plugins=[])
        assert "pip install peekr-jsonl" in warnings()[0]

    @pytest.mark.skipif(HAS_JSONL, reason="peekr-jsonl is installed")
    def test_asked_for_by_name_it_is_an_error_that_names_the_command(self) -> None:
        """IFACE-8, PKG-6"""
        with pytest.raises(PluginNotFound, match="pip install peekr-jsonl"):
            peekr.instrument(console=False, storage="jsonl")


class TestReplacing:
    """INST-10: a later call replaces what the earlier one set up."""

    def test_spans_go_the_new_way_only(self) -> None:
        one, two = MemoryExporter(), MemoryExporter()
        on(one)
        span("first")
        on(two)
        span("second")
        assert (names(one), names(two)) == (["first"], ["second"])
        assert one.closed and not two.closed

    def test_what_came_before_goes_the_old_way(self) -> None:
        """No span is lost on the way, or written twice."""
        one, two = MemoryExporter(), MemoryExporter()
        on(one)
        for number in range(2000):
            span(str(number))
        on(two)
        assert [each.name for each in one.spans] == [str(number) for number in range(2000)]
        assert names(two) == []

    def test_the_same_exporter_again_goes_on(self) -> None:
        """It is not shut down, and gets every span once."""
        exporter = MemoryExporter()
        for number in range(3):
            on(exporter)
            span(str(number))
        assert names(exporter) == ["0", "1", "2"]
        assert not exporter.closed

    def test_an_exporter_added_by_hand_stays(self) -> None:
        added, one, two = MemoryExporter(), MemoryExporter(), MemoryExporter()
        on(one)
        peekr.exporters.add_exporter(added)
        span("first")
        on(two)
        span("second")
        assert names(added) == ["first", "second"]
        assert (names(one), names(two)) == (["first"], ["second"])

    def test_every_setting_is_replaced(self) -> None:
        exporter = MemoryExporter()
        on(exporter, capture_io=False, sample_rate=0, tenant_id="acme", queue_size=5)
        on(exporter)
        peekr.trace(lambda: 1)()
        assert len(names(exporter)) == 1
        assert exporter.spans[0].attributes["output"] == "1"
        assert exporter.spans[0].tenant_id is None
        assert peekr.stats()["queue"]["queue_maxsize"] == 250_000

    def test_while_other_threads_work_no_span_is_lost(self) -> None:
        """QUEUE-3"""
        exporters = [MemoryExporter() for _ in range(5)]
        on(exporters[0])
        over = threading.Event()
        made: List[int] = []

        def work() -> None:
            count = 0
            while not over.is_set():
                span()
                count += 1
            made.append(count)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for exporter in exporters[1:]:
            on(exporter)
        over.set()
        for thread in threads:
            thread.join()
        assert peekr.flush(10)
        assert sum(len(exporter.spans) for exporter in exporters) == sum(made)

    def test_an_open_span_survives_it(self) -> None:
        one, two = MemoryExporter(), MemoryExporter()
        on(one)
        with peekr.span("outer"):
            span("inner")
            on(two)
        assert (names(one), names(two)) == (["inner"], ["outer"])


class TestOff:
    def test_uninstrument_stops_recording(self) -> None:
        """INST-17"""
        exporter = MemoryExporter()
        on(exporter)
        span("on")
        peekr.uninstrument()
        span("off")
        assert [each.name for each in exporter.spans] == ["on"]
        assert exporter.closed

    def test_uninstrument_keeps_added_exporters_for_the_next_time(self) -> None:
        """INST-10"""
        added = MemoryExporter()
        peekr.exporters.add_exporter(added)
        peekr.uninstrument()
        span("off")
        on(MemoryExporter())
        span("on")
        assert names(added) == ["on"]

    def test_after_uninstrument_a_run_does_not_start_tracing(self) -> None:
        """INST-17, AGENT-14"""
        on(MemoryExporter())
        peekr.uninstrument()
        with peekr.trace.run("run"):
            pass
        assert peekr.lifecycle.delivery.pipeline is None
        assert list(Path.cwd().glob("traces*")) == []

    @pytest.mark.parametrize("what", ["uninstrument", "shutdown", "flush"])
    def test_all_of_it_may_be_called_at_any_time_and_again(self, what: str) -> None:
        """INST-16"""
        call = getattr(peekr, what)
        call()
        call()
        exporter = MemoryExporter()
        on(exporter)
        span()
        call()
        call()
        assert [each.name for each in exporter.spans] == ["s"]

    def test_shutdown_writes_what_is_left_and_closes(self) -> None:
        """INST-16, QUEUE-3"""
        exporter = MemoryExporter()
        on(exporter)
        for _ in range(5000):
            span()
        assert peekr.shutdown()
        assert len(exporter.spans) == 5000
        assert exporter.closed
        span("after")
        assert len(exporter.spans) == 5000

    def test_instrument_after_shutdown_starts_anew(self) -> None:
        """INST-16"""
        on(MemoryExporter())
        peekr.shutdown()
        exporter = MemoryExporter()
        on(exporter)
        span()
        assert names(exporter) == ["s"]

    def test_shutdown_forgets_added_exporters(self) -> None:
        added, own = MemoryExporter(), MemoryExporter()
        peekr.exporters.add_exporter(added)
        peekr.shutdown()
        assert added.closed
        on(own)
        span()
        assert (names(own), added.spans) == (["s"], [])

    def test_context_goes_on_without_tracing(self) -> None:
        """INST-13: a program's own use of spans does not change with tracing."""
        with peekr.span("outer") as outer, peekr.session(user_id="alice"):
            assert peekr.get_current_span() is outer
            with peekr.span("inner") as inner:
                assert inner.parent_id == outer.span_id
        assert peekr.flush()


class TestFlush:
    """INST-16"""

    def test_waits_for_all_that_was_emitted(self) -> None:
        exporter = MemoryExporter()
        on(exporter)
        for _ in range(3000):
            span()
        assert peekr.flush(10)
        assert len(exporter.spans) == 3000

    def test_calls_the_exporters_own_flush(self, make: Any) -> None:
        exporter = make.Batches()
        on(exporter)
        span()
        assert peekr.flush(10)
        assert exporter.calls == ["flush"]

    def test_gives_up_in_time(self, hanging: Any) -> None:
        on(hanging, shutdown_timeout=0)
        span()
        assert hanging.begun.wait(10)
        assert peekr.flush(0.05) is False

    def test_says_when_an_exporter_could_not_flush(self, make: Any, warnings: Any) -> None:
        class Failing(make.Batches):  # type: ignore[misc,name-defined]
            def flush(self) -> None:
                raise OSError("disk full")

        on(Failing())
        span()
        assert peekr.flush(10) is False
        assert peekr.stats()["exporters"]["Failing"]["last_error"] == "OSError: disk full"
        assert len(warnings()) == 1

    @pytest.mark.parametrize("timeout", [float("inf"), 1e300, 10, 0.5], ids=str)
    def test_takes_any_timeout(self, timeout: float) -> None:
        on(MemoryExporter(), shutdown_timeout=timeout)
        span()
        assert peekr.flush(timeout)
        assert peekr.shutdown(timeout)

    @pytest.mark.parametrize("timeout", [0, -1])
    def test_does_not_wait_without_a_timeout(self, hanging: Any, timeout: float) -> None:
        on(hanging, shutdown_timeout=0)
        span()
        assert peekr.flush(timeout) is False

    def test_from_many_threads_at_once(self) -> None:
        on(MemoryExporter())
        answers: List[bool] = []

        def work() -> None:
            for _ in range(20):
                span()
                answers.append(peekr.flush(10))

        threads = [threading.Thread(target=work) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [True] * 100
