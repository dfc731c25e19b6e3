"""Judging LLM spans beside the program (contract EVAL-1 to EVAL-15, IFACE-12)."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
from decimal import Decimal
from typing import Any, Callable, Dict, List

import pytest

import peekr
from peekr.eval import BaseEvaluator, JudgeUnavailable
from peekr.judging import judge, name_evaluators
from peekr.spans import Span
from peekr.testing import MemoryExporter


class Scripted(BaseEvaluator):
    """Answers by a function of the span."""

    def __init__(self, answer: Callable[[Span], Any], name: str = "Scripted") -> None:
        self.name = name
        self._answer = answer

    def evaluate(self, span: Span) -> Any:
        return self._answer(span)


class Gate(BaseEvaluator):
    """Answers 0.5 once it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.asked = threading.Event()

    def evaluate(self, span: Span) -> float:
        self.asked.set()
        assert self.opened.wait(20)
        return 0.5


@pytest.fixture
def stored() -> Any:
    yield MemoryExporter()
    peekr.uninstrument()
    peekr.clear_exporters()


def ask(response: str = "an answer", prompt: str = "a question") -> None:
    with peekr.trace.run("agent"):
        peekr.trace.llm(model="m", prompt=prompt, response=response)


def llm_span(exporter: MemoryExporter) -> Span:
    assert peekr.flush()
    (span,) = [span for span in exporter.spans if span.kind == "llm"]
    return span


def raises(error: BaseException) -> Callable[[Span], Any]:
    def answer(span: Span) -> Any:
        raise error

    return answer


class TestScores:
    def test_are_stored_by_the_name_of_the_evaluator(self, stored: MemoryExporter) -> None:
        """EVAL-1, EVAL-4, EVAL-7: the span is seen once, with its scores."""
        peekr.instrument(console=False, exporter=stored, evaluators=[Scripted(lambda span: 0.123456)])
        ask()
        assert llm_span(stored).attributes["eval_scores"] == {"Scripted": 0.1235}
        assert len(stored.spans) == 2

    def test_of_two_of_a_name_are_numbered(self) -> None:
        """EVAL-3"""
        named = name_evaluators([Scripted(lambda span: 1), Scripted(lambda span: 1), Scripted(lambda span: 1, "x")])
        assert [name for name, _ in named] == ["Scripted", "Scripted_2", "x"]

    def test_are_named_after_the_class_by_default(self) -> None:
        class Polite(BaseEvaluator):
            def evaluate(self, span: Span) -> float:
                return 1.0

        assert Polite().name == "Polite"

    @pytest.mark.parametrize(
        ("given", "score"), [(7.3, 1.0), (-1, 0.0), (True, 1.0), (float("inf"), 1.0), (0, 0.0), (Decimal("0.25"), 0.25)]
    )
    def test_outside_of_zero_to_one_are_clamped(self, given: Any, score: float) -> None:
        """EVAL-14"""
        span = Span("llm.call", kind="llm")
        assert judge(span, name_evaluators([Scripted(lambda _: given)])) == (1, 0)
        assert span.attributes["eval_scores"] == {"Scripted": score}

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (lambda span: "good", "TypeError: evaluate() returned 'good', not a number"),
            (lambda span: None, "TypeError: evaluate() returned None, not a number"),
            (lambda span: float("nan"), "ValueError: evaluate() returned NaN"),
            (raises(JudgeUnavailable("no key")), "JudgeUnavailable: no key"),
            (raises(SystemExit(1)), "SystemExit: 1"),
        ],
    )
    def test_that_are_none_are_errors_and_never_zero(self, answer: Any, reason: str) -> None:
        """EVAL-8, EVAL-14"""
        span = Span("llm.call", kind="llm")
        named = name_evaluators([Scripted(answer), Scripted(lambda _: 0.5, "other")])
        assert judge(span, named) == (1, 1)
        assert span.attributes["eval_scores"] == {"other": 0.5}
        assert span.attributes["eval_errors"]["Scripted"].startswith(reason)

    def test_answer_an_earlier_error(self) -> None:
        span = Span("llm.call", kind="llm")
        judge(span, name_evaluators([Scripted(raises(ValueError("x")))]))
        judge(span, name_evaluators([Scripted(lambda _: 1.0)]))
        assert span.attributes["eval_scores"] == {"Scripted": 1.0} and "eval_errors" not in span.attributes

    def test_are_counted(self, stored: MemoryExporter) -> None:
        """IFACE-6"""
        bad = Scripted(raises(ValueError("x")), "bad")
        peekr.instrument(console=False, exporter=stored, evaluators=[Scripted(lambda _: 1.0), bad])
        ask()
        llm_span(stored)
        assert peekr.stats()["evaluations"] == {"pending": 0, "done": 1, "failed": 1}


class TestWhatIsJudged:
    def test_is_every_llm_span_and_nothing_else(self, stored: MemoryExporter) -> None:
        """EVAL-15"""
        seen: List[str] = []
        peekr.instrument(
            console=False, exporter=stored, evaluators=[Scripted(lambda span: seen.append(span.kind) or 1)]
        )
        with peekr.trace.run("agent"):
            peekr.trace.llm(model="m", prompt="p", response="r")
            peekr.trace.tool(tool_name="t", tool_args={}, tool_result=1)
        with peekr.span("embed", kind="embedding"):
            pass
        peekr.flush()
        assert seen == ["llm"]

    def test_can_be_limited(self, stored: MemoryExporter) -> None:
        """EVAL-11"""
        peekr.instrument(
            console=False,
            exporter=stored,
            evaluators=[Scripted(lambda _: 1.0)],
            evaluate_filter=lambda span: span.attributes["output"] == "yes",
        )
        ask("yes")
        ask("no")
        peekr.flush()
        scores = {s.attributes["output"]: s.attributes.get("eval_scores") for s in stored.spans if s.kind == "llm"}
        assert scores == {"yes": {"Scripted": 1.0}, "no": None}

    def test_is_stored_unjudged_where_the_filter_fails(self, stored: MemoryExporter) -> None:
        peekr.instrument(
            console=False, exporter=stored, evaluators=[Scripted(lambda _: 1.0)], evaluate_filter=lambda span: span.nope
        )
        ask()
        assert "eval_scores" not in llm_span(stored).attributes

    def test_is_seen_in_full_length_and_stored_cut(self, stored: MemoryExporter) -> None:
        """EVAL-12, LLM-11"""
        lengths: Dict[str, int] = {}

        def measure(span: Span) -> float:
            lengths.update({name: len(span.attributes[name]) for name in ("input", "output")})
            span.attributes["note"] = "kept"
            return 1.0

        peekr.instrument(console=False, exporter=stored, evaluators=[Scripted(measure)])
        ask("y" * 5000, "x" * 7000)
        span = llm_span(stored)
        assert lengths == {"input": 7000, "output": 5000}
        assert [len(span.attributes[name]) for name in ("input", "output")] == [1000, 1000]
        assert span.attributes["output"].endswith("y…") and span.attributes["note"] == "kept"

    def test_does_not_include_what_a_judge_calls(self, stored: MemoryExporter) -> None:
        """EVAL-5"""

        def calls_a_model(span: Span) -> float:
            ask()
            with peekr.span("inner", kind="llm"):
                assert peekr.get_current_span() is not None
            return 1.0

        peekr.instrument(console=False, exporter=stored, evaluators=[Scripted(calls_a_model)])
        before = peekr.stats()["spans"]
        ask()
        llm_span(stored)
        assert [span.name for span in stored.spans] == ["agent", "llm.call"]
        after = peekr.stats()["spans"]
        assert [after[name] - before[name] for name in ("started", "ended")] == [2, 2]


class TestTheCaller:
    def test_is_not_delayed(self, stored: MemoryExporter) -> None:
        """EVAL-6: the call returns while the judge has not even answered."""
        gate = Gate()
        peekr.instrument(console=False, exporter=stored, evaluators=[gate])
        ask()
        assert gate.asked.wait(10)
        assert not gate.opened.is_set()
        assert not peekr.flush(timeout=0.05)  # INST-16: a flush waits for the score
        gate.opened.set()
        assert llm_span(stored).attributes["eval_scores"] == {"Gate": 0.5}

    def test_waits_for_the_score_where_it_asked_to(self, stored: MemoryExporter) -> None:
        """EVAL-6: ``async_eval=False``"""
        threads: List[Any] = []
        evaluator = Scripted(lambda span: threads.append(threading.current_thread()) or 0.5)
        peekr.instrument(console=False, exporter=stored, evaluators=[evaluator], async_eval=False)
        ask()
        assert threads == [threading.current_thread()]
        assert llm_span(stored).attributes["eval_scores"] == {"Scripted": 0.5}
        assert peekr.stats()["evaluations"]["done"] == 1

    def test_of_other_spans_is_not_held_up_by_a_judge(self, stored: MemoryExporter) -> None:
        """EVAL-7: what needs no score is stored while a judge thinks."""
        gate = Gate()
        peekr.instrument(console=False, exporter=stored, evaluators=[gate])
        ask()
        assert gate.asked.wait(10)
        came = threading.Event()

        class Seen:
            def export(self, span: Span) -> None:
                came.set()

        peekr.exporters.add_exporter(Seen())
        with peekr.span("another"):
            pass
        assert came.wait(10)
        gate.opened.set()
        assert peekr.flush()


class TestAStoreThatCanUpdate:
    def test_gets_the_span_at_once_and_again_with_its_scores(self, stored: MemoryExporter) -> None:
        """C-39: and it counts once."""

        class Updating:
            supports_update = True

            def __init__(self) -> None:
                self.got: List[Any] = []
                self.came = threading.Event()

            def export_batch(self, spans: Any) -> None:
                for span in spans:
                    if span.kind == "llm":
                        self.got.append((span.to_dict()["attributes"].get("eval_scores"), span.span_id))
                        self.came.set()

        store, gate = Updating(), Gate()
        peekr.instrument(console=False, exporter=store, evaluators=[gate])
        ask()
        assert store.came.wait(10)
        assert [scores for scores, _ in store.got] == [None]
        gate.opened.set()
        assert peekr.flush()
        assert [scores for scores, _ in store.got] == [None, {"Gate": 0.5}]
        assert len({span_id for _, span_id in store.got}) == 1
        assert peekr.stats()["exporters"]["Updating"]["exported"] == 2


class TestALaterInstrument:
    def test_replaces_the_evaluators(self, stored: MemoryExporter) -> None:
        """INST-10; what was asked for before is still answered."""
        peekr.instrument(console=False, exporter=stored, evaluators=[Scripted(lambda _: 0.1, "first")])
        ask()
        peekr.instrument(console=False, exporter=stored, evaluators=[Scripted(lambda _: 0.2, "second")])
        ask()
        peekr.flush()
        assert [s.attributes["eval_scores"] for s in stored.spans if s.kind == "llm"] == [
            {"first": 0.1},
            {"second": 0.2},
        ]

    def test_without_evaluators_judges_nothing(self, stored: MemoryExporter) -> None:
        peekr.instrument(console=False, exporter=stored, evaluators=[Scripted(lambda _: 0.1)])
        peekr.instrument(console=False, exporter=stored)
        ask("y" * 2000)
        span = llm_span(stored)
        assert "eval_scores" not in span.attributes and len(span.attributes["output"]) == 1000


class TestAsync:
    def test_tasks_keep_their_own_scores(self, stored: MemoryExporter) -> None:
        peekr.instrument(console=False, exporter=stored, evaluators=[Scripted(lambda s: float(s.attributes["output"]))])

        async def agent(score: float) -> None:
            with peekr.trace.run("agent"):
                await asyncio.sleep(0)
                peekr.trace.llm(model="m", prompt="p", response=str(score))

        async def main() -> None:
            await asyncio.gather(*[agent(n / 10) for n in range(10)])

        asyncio.run(main())
        peekr.flush()
        for span in stored.spans:
            if span.kind == "llm":
                assert span.attributes["eval_scores"] == {"Scripted": float(span.attributes["output"])}


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, check=True
    )


class TestAtExit:
    PROGRAM = """
        import threading, time
        import peekr

        class Judge(peekr.eval.BaseEvaluator):
            def evaluate(self, span):
                {answer}
                return 0.25

        class Show:
            def export(self, span):
                print(span.name, span.attributes.get("eval_scores"), span.attributes.get("eval_errors"), flush=True)

        peekr.instrument(console=False, exporter=Show(), evaluators=[Judge()])
        for _ in range({spans}):
            with peekr.span("ask", kind="llm"):
                pass
        {last}
    """

    def test_scores_that_are_still_to_come_are_waited_for(self) -> None:
        """EVAL-7"""
        done = run(self.PROGRAM.format(answer="time.sleep(0.3)", spans=10, last=""))
        assert done.stdout.splitlines() == ["ask {'Judge': 0.25} None"] * 10

    def test_a_judge_that_hangs_is_given_up_and_said(self) -> None:
        """EVAL-7, IFACE-12: nothing is lost but the scores."""
        done = run(self.PROGRAM.format(answer="threading.Event().wait()", spans=1000, last="peekr.shutdown(timeout=1)"))
        lines = done.stdout.splitlines()
        assert len(lines) == 1000
        assert set(lines) == {"ask None {'Judge': 'timeout: the evaluator did not answer in time'}"}
        assert "1000 spans are stored without their scores" in done.stderr


class TestAlerts:
    """ALERT-1: asked once about each complete trace, with its scores."""

    @pytest.fixture
    def seen(self) -> List[List[str]]:
        return []

    @pytest.fixture
    def alert(self, seen: List[List[str]]) -> Any:
        class Watch(peekr.alert.BaseAlert):
            def check(self, trace: Any) -> None:
                seen.append([span.name for span in trace])
                scored = [span.attributes["eval_scores"] for span in trace if span.kind == "llm"]
                assert scored == [{"Scripted": 0.5}] * len(scored)

        return Watch()

    def test_get_each_trace_once_with_its_scores(self, stored: MemoryExporter, alert: Any, seen: Any) -> None:
        peekr.instrument(console=False, exporter=stored, evaluators=[Scripted(lambda _: 0.5)], alerts=[alert])
        ask()
        ask()
        assert peekr.flush()
        assert [sorted(trace) for trace in seen] == [["agent", "llm.call"]] * 2
        assert peekr.stats()["plugins"]["Watch"]["errors"] == 0

    def test_get_what_ran_here_for_a_remote_caller(self, stored: MemoryExporter, alert: Any, seen: Any) -> None:
        """CTX: the root of such a trace is elsewhere."""
        peekr.instrument(console=False, exporter=stored, alerts=[alert])
        with peekr.extract({"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}):
            with peekr.span("served"), peekr.span("inside"):
                pass
        assert peekr.flush()
        assert seen == [["inside", "served"]]

    def test_that_fail_are_counted_and_harm_nobody(self, stored: MemoryExporter) -> None:
        """ALERT-9"""

        class Broken(peekr.alert.BaseAlert):
            def check(self, trace: Any) -> None:
                raise RuntimeError("no")

        peekr.instrument(console=False, exporter=stored, alerts=[Broken()])
        for _ in range(12):
            with peekr.span("root"):
                pass
        assert peekr.flush() and len(stored.spans) == 12
        ledger = peekr.stats()["plugins"]["Broken"]
        assert ledger["errors"] == 10 and ledger["disabled"] and "RuntimeError: no" in ledger["last_error"]
