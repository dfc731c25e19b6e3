"""Suites that a plugin's tests inherit: what every exporter, store and provider must keep to.

::

    from peekr.testing.conformance import ExporterConformance

    class TestKafkaExporter(ExporterConformance):
        entry_point = "kafka"

        def make_exporter(self):
            return KafkaExporter(topic="spans", producer=FakeProducer())

Needs pytest: ``pip install "peekr-core[testing]"``.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Any, ClassVar, List, Optional, Sequence, Tuple

import pytest

import peekr
from peekr.ids import format_span_id, format_trace_id
from peekr.plugins import load_group
from peekr.probes.driving import OK, drive
from peekr.spans import Span
from peekr.testing.memory import Recording, record

#: The values of ``error_reason`` (contract LLM-8).
ERROR_REASONS = frozenset(
    [
        "refusal",
        "content_filter",
        "context_length",
        "json_parse",
        "rate_limit",
        "timeout",
        "auth",
        "connection",
        "bad_request",
        "server_error",
        "guardrail",
        "cancelled",
        "tool_error",
        "other",
    ]
)


def sample_span(number: int = 1, **changes: Any) -> Span:
    """Return an ended span with everything a span can have; numbers make ids, times and traces of two spans."""
    data = {
        "trace_id": format_trace_id((number + 1) // 2),
        "span_id": format_span_id(number),
        "parent_id": None if number % 2 else format_span_id(number - 1),
        "name": "openai.chat.completions" if number % 2 == 0 else "agent.run",
        "start_time": 1_700_000_000.0 + number,
        "end_time": 1_700_000_000.5 + number,
        "duration_ms": 500.0,
        "status": "error" if number % 5 == 0 else "ok",
        "tenant_id": "acme",
        "retention_class": "short",
        "user_id": "alice",
        "session_id": f"s{(number + 1) // 2}",
        "attributes": {
            "kind": "llm" if number % 2 == 0 else "function",
            "run_id": format_span_id(number if number % 2 else number - 1),
            "user_id": "alice",
            "session_id": f"s{(number + 1) // 2}",
            "model": "gpt-4o",
            "tokens_total": 7,
            "input": "žluťoučký kůň \u2028 'quote\" <b>",
            "nested": {"list": [1, None, True, 2.5]},
        },
        "payload": {"request": {"messages": [{"role": "user", "content": "hi"}]}},
    }
    return Span.from_dict({**data, **changes})


def _can_import(module: str) -> bool:
    try:
        import_module(module)
    except ImportError:
        return False
    return True


class _EntryPoint:
    """An entry point of the suite's group, if the plugin names one."""

    group: ClassVar[str]
    entry_point: ClassVar[Optional[str]] = None

    def registered(self) -> Any:
        """Return what the entry point names, or skip where the suite names none."""
        if self.entry_point is None:
            pytest.skip("this suite names no entry point")
        found = dict(load_group(self.group))
        assert self.entry_point in found, f"no entry {self.entry_point!r} in {self.group}; there are {sorted(found)}"
        return found[self.entry_point]


class ExporterConformance(_EntryPoint):
    """What every exporter keeps to. Override :meth:`make_exporter`; and :meth:`read_back` if it can be read."""

    group = "peekr.exporters"

    def make_exporter(self) -> Any:
        """Return a new exporter."""
        raise NotImplementedError

    def read_back(self, exporter: Any) -> Optional[Sequence[Span]]:
        """Return the spans that the exporter wrote, or None where a test cannot see them."""
        return None

    @staticmethod
    def export(exporter: Any, spans: List[Span]) -> None:
        """Export the way the pipeline does."""
        if hasattr(exporter, "export_batch"):
            exporter.export_batch(spans)
        else:
            for span in spans:
                exporter.export(span)
        if hasattr(exporter, "flush"):
            exporter.flush()

    @staticmethod
    def close(exporter: Any) -> None:
        """Shut down, where the exporter knows how to."""
        if hasattr(exporter, "shutdown"):
            exporter.shutdown()

    def test_entry_point_names_this_class(self) -> None:
        exporter = self.make_exporter()
        assert isinstance(exporter, self.registered())
        self.close(exporter)

    def test_an_empty_batch_is_accepted(self) -> None:
        exporter = self.make_exporter()
        self.export(exporter, [])
        self.close(exporter)

    def test_export_leaves_the_spans_as_they_were(self) -> None:
        exporter, spans = self.make_exporter(), [sample_span(1), sample_span(2)]
        before = [span.to_dict() for span in spans]
        self.export(exporter, spans)
        assert [span.to_dict() for span in spans] == before
        self.close(exporter)

    def test_every_span_arrives_once_and_whole(self) -> None:
        exporter, spans = self.make_exporter(), [sample_span(number) for number in range(1, 21)]
        self.export(exporter, spans[:10])
        self.export(exporter, spans[10:])
        found = self.read_back(exporter)
        self.close(exporter)
        if found is None:
            pytest.skip("this exporter cannot be read back here")
        by_id = {span.span_id: span.to_dict() for span in found}
        assert len(found) == len(spans) == len(by_id)
        assert by_id == {span.span_id: span.to_dict() for span in spans}

    def test_hostile_values_are_written(self) -> None:
        """A lone surrogate, NaN, an object, a key that is no text: whatever a program puts in an attribute."""
        exporter, span = self.make_exporter(), sample_span(1)
        span.attributes.update({"bad": "\ud800", "nan": float("nan"), "object": object(), "big": 10**30})
        span.attributes["quote"] = "'\";--\x00"
        self.export(exporter, [span])
        found = self.read_back(exporter)
        self.close(exporter)
        assert found is None or [one.span_id for one in found] == [span.span_id]

    def test_shutdown_may_be_called_twice(self) -> None:
        exporter = self.make_exporter()
        self.export(exporter, [sample_span(1)])
        self.close(exporter)
        self.close(exporter)

    def test_it_works_under_instrument(self) -> None:
        exporter = self.make_exporter()
        peekr.instrument(console=False, exporter=exporter)
        with peekr.span("one"):
            pass
        assert peekr.flush(10)
        counts = next(iter(peekr.stats()["exporters"].values()))
        peekr.uninstrument()
        assert (counts["exported"], counts["failed"]) == (1, 0), counts


class StoreConformance(_EntryPoint):
    """What every store keeps to. Override :meth:`make_target`."""

    group = "peekr.stores"

    def make_target(self, spans: Sequence[Span]) -> str:
        """Write the spans, in this order, where a new store finds them; return its path or URL."""
        raise NotImplementedError

    @pytest.fixture
    def store(self) -> Any:
        """A store of ten traces of two spans each."""
        target = self.make_target([sample_span(number) for number in range(1, 21)])
        with peekr.open_store(target) as store:
            yield store

    def test_entry_point_names_this_class(self, store: Any) -> None:
        assert isinstance(store, self.registered())

    def test_open_store_recognises_the_target(self) -> None:
        target = self.make_target([sample_span(1)])
        assert self.registered().recognises(target)

    def test_spans_come_back_whole_and_oldest_first(self, store: Any) -> None:
        found = [span.to_dict() for span in store.iter_spans()]
        assert found == [sample_span(number).to_dict() for number in range(1, 21)]

    def test_newest_first_with_a_limit(self, store: Any) -> None:
        ids = [span.span_id for span in store.spans(newest_first=True, limit=3)]
        assert ids == [format_span_id(number) for number in (20, 19, 18)]

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({"trace_id": format_trace_id(3)}, [5, 6]),
            ({"run_id": format_span_id(5)}, [5, 6]),
            ({"session_id": "s2"}, [3, 4]),
            ({"tenant_id": "nobody"}, []),
            ({"status": "error"}, [5, 10, 15, 20]),
            ({"kind": "llm", "since": 1_700_000_018.0}, [18, 20]),
            ({"until": 1_700_000_002.5}, [1, 2]),
            ({"limit": 2}, [1, 2]),
        ],
    )
    def test_filters(self, store: Any, filters: Any, expected: List[int]) -> None:
        assert [int(span.span_id, 16) for span in store.spans(**filters)] == expected

    def test_search_finds_text(self, store: Any) -> None:
        assert next(iter(store.search("kůň")), None) is not None
        assert list(store.search("not in here")) == []

    def test_runs_and_their_steps(self, store: Any) -> None:
        runs = store.list_runs(limit=3)
        assert [int(run["id"], 16) for run in runs] == [19, 17, 15]
        assert runs[0]["status"] == "completed" and runs[2]["status"] == "failed"
        steps = store.get_run_steps(format_span_id(3))
        assert [step["type"] for step in steps] == ["span", "llm_call"]
        assert store.get_run(format_span_id(999)) is None

    def test_statistics_count_runs_and_steps(self, store: Any) -> None:
        stats = store.get_stats()
        assert (stats["total_runs"], stats["total_steps"]) == (10, 20)

    def test_closing_twice_is_harmless(self, store: Any) -> None:
        store.close()
        store.close()


class ProviderConformance(_EntryPoint):
    """What every provider keeps to. Override :meth:`make_provider` and :meth:`call`; the others where they apply.

    The calls go to a local server of your tests' own. They are called with the SDK patched and unpatched.
    """

    group = "peekr.providers"

    def make_provider(self) -> Any:
        """Return a new provider."""
        raise NotImplementedError

    def call(self) -> Any:
        """Make one successful call through the SDK and return its result as plain comparable data."""
        raise NotImplementedError

    def call_failing(self) -> Any:
        """Make a call that the SDK answers with an exception of its own."""
        pytest.skip("this suite has no failing call")

    def stream(self) -> Any:
        """Make one streamed call, read it to its end, and return the chunks as plain comparable data."""
        pytest.skip("this suite has no streamed call")

    def methods(self) -> Sequence[Tuple[Any, str]]:
        """Return (class, method name) of what gets patched, to check that it is put back."""
        return ()

    @pytest.fixture
    def recording(self) -> Any:
        """Tracing with only this provider."""
        with record(plugins=[self.entry_point or self.make_provider().name]) as recording:
            yield recording

    def test_entry_point_names_this_class(self) -> None:
        assert isinstance(self.make_provider(), self.registered())

    def test_it_has_a_name_and_a_target(self) -> None:
        provider = self.make_provider()
        assert provider.name and provider.target

    def test_it_never_imports_the_sdk(self) -> None:
        target = self.make_provider().target
        code = f"import sys, peekr; peekr.instrument(console=False, storage=None); assert {target!r} not in sys.modules"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr

    def test_one_call_is_one_span_with_the_essentials(self, recording: Recording) -> None:
        self.call()
        span = recording.only
        attributes = span.attributes
        assert span.status == "ok" and (span.duration_ms or 0) > 0
        assert attributes["model"] and attributes["input"] and attributes["output"]
        assert all(isinstance(attributes[name], int) for name in ("tokens_input", "tokens_output", "tokens_total"))
        assert attributes["tokens_total"] >= attributes["tokens_input"] > 0

    def test_the_result_is_what_it_is_without_tracing(self) -> None:
        bare = self.call()
        with record(plugins=[self.entry_point]):
            traced = self.call()
        assert traced == bare

    def test_a_call_is_a_child_of_the_current_span_and_not_current_afterwards(self, recording: Recording) -> None:
        with peekr.span("parent") as parent:
            self.call()
            assert peekr.get_current_span() is parent
        child = recording.spans[0]
        assert (child.parent_id, child.trace_id) == (parent.span_id, parent.trace_id)

    def test_a_failure_is_the_sdks_own_exception(self, recording: Recording) -> None:
        with pytest.raises(Exception) as failure:  # noqa: PT011 - whichever it is
            self.call_failing()
        span = recording.only
        assert span.status == "error" and span.attributes["error"]
        assert span.attributes["error_type"] == type(failure.value).__name__
        assert span.attributes["error_reason"] in ERROR_REASONS

    def test_a_stream_is_one_span_and_the_same_chunks(self) -> None:
        bare = self.stream()
        with record(plugins=[self.entry_point]) as recording:
            assert self.stream() == bare
            span = recording.only
        assert span.attributes["streaming"] is True and span.attributes["output"]

    def test_without_capture_there_is_no_content(self) -> None:
        with record(plugins=[self.entry_point], capture_io=False) as recording:
            self.call()
            span = recording.only
        assert not {"input", "output", "system"} & set(span.attributes) and span.payload is None
        assert span.attributes["model"] and span.attributes["tokens_total"]

    def test_instrumenting_twice_traces_once(self, recording: Recording) -> None:
        peekr.instrument(console=False, exporter=recording._exporter, plugins=[self.entry_point or ""])
        self.call()
        assert len(recording.spans) == 1

    @pytest.mark.filterwarnings("ignore")  # the SDK's own, of methods that it has given up
    def test_each_entry_point_gives_its_spans(self) -> None:
        """What ``peekr doctor`` says of the SDKs that are installed: see :mod:`peekr.probes`."""
        provider = self.make_provider()
        if not hasattr(provider, "probes"):
            pytest.skip("this provider offers no probes")
        results = [
            result
            for suite in provider.probes()
            if _can_import(suite.module)
            for result in drive(suite, plugins=[self.entry_point or provider.name])
        ]
        faults = [(one.probe.entry, one.probe.way, one.verdict, one.reason) for one in results if one.is_fault]
        assert not faults
        assert any(one.verdict == OK for one in results)

    def test_uninstrument_puts_everything_back(self) -> None:
        before = [vars(owner).get(name) for owner, name in self.methods()]
        with record(plugins=[self.entry_point]):
            pass
        assert [vars(owner).get(name) for owner, name in self.methods()] == before
        self.call()
