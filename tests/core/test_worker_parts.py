"""What the worker does with every batch besides passing it on: complete traces for hooks, links between retries."""

from __future__ import annotations

from typing import Any, List, Tuple

import pytest

import peekr
from peekr import trace_end
from peekr.parts import SelectivePart
from peekr.spans import Span
from peekr.testing import MemoryExporter, Recording
from peekr.trace_end import TraceEnds


def ended(name: str, parent: Any = None) -> Any:
    span = peekr.Span(name, parent)
    span._t1 = span._t0 + 1
    return span


class TestTraceEnds:
    """hookspecs: ``peekr_trace_end``"""

    @pytest.fixture
    def seen(self) -> List[Tuple[str, List[str]]]:
        return []

    @pytest.fixture
    def ends(self, seen: Any) -> TraceEnds:
        return TraceEnds([lambda trace: seen.append((trace[0].name, [span.name for span in trace[1]]))])

    def test_a_trace_is_given_whole_when_its_root_ends(self, ends: TraceEnds, seen: Any) -> None:
        root, other = ended("root"), ended("other root")
        ends.take([ended("a", root), ended("c", other)])
        assert seen == []
        ends.take([ended("b", root), root, other])
        assert seen == [("root", ["a", "b", "root"]), ("other root", ["c", "other root"])]

    def test_an_open_run_is_no_end(self, ends: TraceEnds, seen: Any) -> None:
        """MODEL-9"""
        ends.take([peekr.Span("run", None, "run")])
        assert seen == []

    def test_memory_is_bounded_by_traces_and_by_spans(self, ends: TraceEnds, seen: Any, monkeypatch: Any) -> None:
        """PERF-3: the oldest open trace gives way; of a long one the first spans and the root are kept."""
        monkeypatch.setattr(trace_end, "MAX_TRACES", 3)
        monkeypatch.setattr(trace_end, "MAX_SPANS", 2)
        roots = [ended(f"root {number}") for number in range(5)]
        ends.take([ended("child", root) for root in roots for _ in range(4)])
        ends.take(roots)
        assert len(ends._open) == 0
        assert [names for _, names in seen] == [
            ["root 0"],
            ["root 1"],
            *[["child", "child", f"root {n}"] for n in (2, 3, 4)],
        ]


class TestRetries:
    """LLM-10: a caller who repeats a failed call."""

    @staticmethod
    def call(fail: bool, request: str = "Hi", name: str = "openai.chat.completions") -> None:
        span, token = peekr.start_span(name, kind="llm")
        span.attributes["input"] = request
        if fail:
            span.status = "error"
        peekr.end_span(span, token)

    def test_are_linked_to_the_attempt_before(self, recording: Recording) -> None:
        with peekr.span("agent"):
            self.call(fail=True)
            self.call(fail=True)
            self.call(fail=False)
            self.call(fail=False)
        one, two, three, four, _ = recording.spans
        assert "retry_of" not in one.attributes
        assert (two.attributes["retry_of"], two.attributes["attempt"]) == (one.span_id, 2)
        assert (three.attributes["retry_of"], three.attributes["attempt"]) == (two.span_id, 3)
        assert "retry_of" not in four.attributes

    def test_another_request_another_parent_or_another_operation_is_none(self, recording: Recording) -> None:
        for _ in range(2):
            with peekr.span("agent"):
                self.call(fail=False, request="other")
                self.call(fail=False, name="anthropic.messages")
                self.call(fail=True)
        self.call(fail=True)
        self.call(fail=False)
        assert [span for span in recording.spans if "retry_of" in span.attributes] == []

    def test_only_the_last_failures_are_remembered(self, recording: Recording, monkeypatch: Any) -> None:
        """PERF-3"""
        monkeypatch.setattr("peekr.retries._REMEMBERED", 2)
        with peekr.span("agent"):
            for request in ("a", "b", "c"):
                self.call(fail=True, request=request)
            for request in ("a", "b", "c"):
                self.call(fail=False, request=request)
        assert ["retry_of" in span.attributes for span in recording.spans[3:6]] == [False, True, True]


def test_public_protocols_are_those_of_real_objects(make: Any) -> None:
    """interfaces: to be checked with isinstance()."""
    from peekr.interfaces import Exporter, Processor, Provider, SpanExporter
    from peekr.retries import RetryLinks
    from peekr.threads import ThreadContext

    assert isinstance(MemoryExporter(), Exporter)
    assert isinstance(make.Exporter(), SpanExporter)
    assert not isinstance(object(), Exporter)
    assert isinstance(RetryLinks(), Processor)
    assert isinstance(ThreadContext(), Provider)


def test_every_error_of_peekr_is_one_class_and_the_standard_one_too() -> None:
    """errors: caught as what they are elsewhere, ValueError or ImportError."""
    from peekr import errors

    assert issubclass(errors.ConfigurationError, (errors.PeekrError, ValueError))
    for cls, standard in (
        (errors.ConfigurationError, ValueError),
        (errors.PluginNotFound, ValueError),
        (errors.PluginNotInstalled, ImportError),
        (errors.StoreError, Exception),
        (errors.UnknownId, errors.StoreError),
        (errors.AmbiguousId, errors.StoreError),
        (errors.GuardrailError, Exception),
    ):
        assert issubclass(cls, errors.PeekrError)
        assert issubclass(cls, standard)


def test_a_span_that_fails_in_a_selective_part_leaves_the_others() -> None:
    """PIPE-10: and spans that the processor does not want never reach it."""

    seen: List[str] = []

    class Numbers:
        def wanted(self, spans: List[Span]) -> List[Span]:
            return [span for span in spans if span.name.isdigit()]

        def process(self, span: Span) -> None:
            if span.name == "2":
                raise ValueError("two")
            seen.append(span.name)

    part = SelectivePart("numbers", "peekr.processors", Numbers(), "peekr-core")
    part.run([Span(name) for name in ("1", "a", "2", "3")])
    part.run([Span("b")])
    assert seen == ["1", "3"]
    assert (part.errors, part.last_error) == (1, "ValueError: two")
