"""The bounded queue between the program and the worker: what happens when it is full, and that the worker survives."""

from __future__ import annotations

import threading
from typing import Any, Iterator

import pytest

import peekr
from peekr.delivery import delivery
from peekr.parts import Part
from peekr.testing import MemoryExporter


def on(exporter: Any, **settings: Any) -> None:
    peekr.instrument(console=False, exporter=exporter, plugins=[], **settings)


def spans(count: int, name: str = "child") -> None:
    for _ in range(count):
        with peekr.span(name):
            pass


class Gate:
    """A processor that stops the worker at the span called ``stop`` until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def process(self, span: Any) -> None:
        if span.name == "stop":
            self.reached.set()
            self.open.wait(60)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def stop_worker(gate: Gate) -> None:
    """Let the worker take one span and stop there."""
    assert delivery.pipeline is not None
    delivery.pipeline.processors = (Part("gate", "peekr.processors", gate.process),)
    spans(1, "stop")
    assert gate.reached.wait(10)


def test_the_worker_is_alive_while_tracing_is_on() -> None:
    """QUEUE-5: also before the first span, with which its thread starts."""
    assert not delivery.is_alive()
    on(MemoryExporter())
    assert delivery.is_alive()
    spans(1)
    assert peekr.flush(10) and delivery.is_alive() and peekr.is_alive()
    peekr.shutdown()
    assert not delivery.is_alive() and not peekr.is_alive()


class TestAFullQueue:
    """QUEUE-2, design 7"""

    def test_drops_the_newest_spans_and_counts_them(self, gate: Gate, counts_since: Any, warnings: Any) -> None:
        exporter = MemoryExporter()
        on(exporter, queue_size=10)
        stop_worker(gate)
        with peekr.span("root"):
            for number in range(25):
                spans(1, str(number))
        stats = peekr.stats()
        assert (stats["queue"]["queue_size"], stats["queue"]["queue_maxsize"]) == (11, 10)
        gate.open.set()
        assert peekr.flush(10)
        assert [span.name for span in exporter.spans] == ["stop", *[str(number) for number in range(10)], "root"]
        assert counts_since() == {"started": 27, "ended": 27, "exported": 12, "sampled_out": 0, "dropped": 15}
        (warning,) = warnings()
        assert warning.startswith("the queue is full (10 spans, about 0 MiB): new spans are dropped and counted")

    def test_keeps_room_for_roots_and_errors(self, gate: Gate, counts_since: Any) -> None:
        """They go last, into a tenth more."""
        exporter = MemoryExporter()
        on(exporter, queue_size=20)
        stop_worker(gate)
        with peekr.span("root"):
            spans(30)
            with pytest.raises(ValueError), peekr.span("error"):
                raise ValueError
            spans(1, "too late")
        spans(1, "too late as well")
        gate.open.set()
        assert peekr.flush(10)
        assert [span.name for span in exporter.spans][21:] == ["error", "root"]
        assert counts_since()["dropped"] == 10 + 1 + 1

    def test_never_makes_the_caller_wait(self, gate: Gate) -> None:
        """QUEUE-1: the worker stands still, the calls do not."""
        on(MemoryExporter(), queue_size=1)
        stop_worker(gate)
        with peekr.span("root"):
            spans(10_000)
        assert not gate.open.is_set()

    def test_is_bounded_by_the_size_of_its_content_too(self, gate: Gate, monkeypatch: Any, counts_since: Any) -> None:
        """QUEUE-2, IFACE-12"""
        exporter = MemoryExporter()
        on(exporter)
        monkeypatch.setattr(delivery, "max_bytes", 5_000)
        stop_worker(gate)
        big = peekr.trace(lambda: "x" * 480, name="big")
        with peekr.span("root"):
            for _ in range(100):
                big()
            spans(5, "without content")
        gate.open.set()
        assert peekr.flush(10)
        names = [span.name for span in exporter.spans]
        assert 5 <= names.count("big") <= 10
        assert names.count("without content") == 5
        assert counts_since()["dropped"] == 100 - names.count("big")
        big()
        assert peekr.flush(10)
        assert exporter.spans[-1].name == "big"

    def test_content_of_spans_that_nobody_recorded_takes_no_room(self, monkeypatch: Any) -> None:
        """INST-17: a program may call its traced functions for hours before tracing is switched on."""
        monkeypatch.setattr(delivery, "max_bytes", 5_000)
        big = peekr.trace(lambda: "x" * 480, name="big")
        for _ in range(100):
            big()
        exporter = MemoryExporter()
        on(exporter)
        with peekr.span("root"):
            for _ in range(3):
                big()
        assert peekr.flush(10)
        assert len(exporter.spans) == 4

    def test_an_open_run_is_no_loss(self, gate: Gate, counts_since: Any) -> None:
        """MODEL-9: its end is still to come."""
        exporter = MemoryExporter()
        on(exporter, queue_size=10)
        stop_worker(gate)
        with peekr.span("root"):
            spans(12)
            with peekr.trace.run("run"):
                pass
        assert counts_since()["dropped"] == 2 + 1
        gate.open.set()
        assert peekr.flush(10)
        assert counts_since()["ended"] == counts_since()["started"]


class TestBlocking:
    """design 7: the other explicit policy."""

    def test_nothing_is_dropped_where_the_worker_keeps_up(self, counts_since: Any) -> None:
        exporter = MemoryExporter()
        on(exporter, queue_size=5, queue_full="block")
        with peekr.span("root"):
            spans(3000)
        assert peekr.flush(10)
        assert len(exporter.spans) == 3001
        assert counts_since()["dropped"] == 0

    def test_the_caller_waits_for_room(self, gate: Gate) -> None:
        on(MemoryExporter(), queue_size=5, queue_full="block")
        stop_worker(gate)
        done = threading.Event()

        def work() -> None:
            with peekr.span("root"):
                spans(6)
            done.set()

        thread = threading.Thread(target=work)
        thread.start()
        assert not done.wait(0.2)
        gate.open.set()
        assert done.wait(10)
        thread.join()


class TestTheWorker:
    """QUEUE-1, QUEUE-6"""

    def test_sleeps_when_there_is_nothing_to_do_and_wakes_for_the_next_span(self, monkeypatch: Any) -> None:
        monkeypatch.setattr("peekr.delivery.IDLE_S", 0.05)
        exporter = MemoryExporter()
        on(exporter)
        for number in range(1, 4):
            spans(1)
            assert peekr.flush(10)
            assert len(exporter.spans) == number
            deadline = threading.Event()
            for _ in range(200):
                if delivery._asleep:
                    break
                deadline.wait(0.02)
            assert delivery._asleep

    @pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)], ids=repr)
    def test_survives_a_processor(self, error: BaseException, counts_since: Any, warnings: Any) -> None:
        """INST-13"""
        exporter = MemoryExporter()
        on(exporter)

        def process(span: Any) -> None:
            if span.name == "bad":
                raise error

        assert delivery.pipeline is not None
        delivery.pipeline.processors = (Part("rude", "peekr.processors", process),)
        for name in ("bad", "good"):
            spans(1, name)
            assert peekr.flush(10)
        expected = ["bad", "good"] if isinstance(error, Exception) else ["good"]
        assert [span.name for span in exporter.spans] == expected
        assert counts_since()["dropped"] == 2 - len(expected)
        assert counts_since()["ended"] == 2
        assert len(warnings()) == 1

    def test_a_processor_that_waits_for_peekr_itself_gets_an_answer(self) -> None:
        """INST-13: no deadlock."""
        exporter = MemoryExporter()
        on(exporter)
        answers = []
        assert delivery.pipeline is not None
        process = lambda span: answers.append(peekr.flush(30))
        delivery.pipeline.processors = (Part("impatient", "peekr.processors", process),)
        spans(1)
        assert peekr.flush(10)
        assert answers == [False]

    def test_where_no_thread_can_be_started_flush_does_the_work(self, python: Any) -> None:
        """INST-16: as the interpreter goes, and on systems that are full."""
        program = """
            import threading, peekr
            from peekr.testing import MemoryExporter

            def refuse(self):
                raise RuntimeError("can't start new thread")

            threading.Thread.start = refuse
            exporter = MemoryExporter()
            peekr.instrument(console=False, exporter=exporter, plugins=[])
            for _ in range(3):
                with peekr.span("s"): pass
            print(peekr.flush(10), len(exporter.spans), peekr.shutdown(), exporter.closed)
            """
        assert python(program) == "True 3 True True\n"


def test_many_threads_lose_nothing() -> None:
    """QUEUE-3"""
    exporter = MemoryExporter()
    on(exporter)
    threads = [threading.Thread(target=spans, args=(2000,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert peekr.flush(10)
    assert len(exporter.spans) == len({span.span_id for span in exporter.spans}) == 16_000
