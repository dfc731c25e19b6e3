"""Decisions that wait for the end of a trace, span by span, and through instrument()."""

from __future__ import annotations

import random
from typing import Any, Callable, Dict, List, Optional

import pytest

import peekr
from peekr.sampling import Sampling
from peekr.scope import Remote, Scope
from peekr.spans import Anchor, Span
from peekr.tail import TailSampler
from peekr.testing import record
from peekr.tracer import open_span


def ended(name: str, parent: Any = None, status: str = "ok", scope: Optional[Scope] = None) -> Span:
    """A span that has ended."""
    span = Span(name, Anchor(scope) if scope is not None and parent is None else parent)
    span.status = status
    span._t1 = span._t0 + 1
    return span


def errors_only(**limits: Any) -> TailSampler:
    return TailSampler(Sampling(only_on_error=True), **limits)


def names(spans: List[Span]) -> List[str]:
    return [span.name for span in spans]


@pytest.fixture
def clock() -> Any:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    return Clock()


def test_a_trace_without_an_error_is_left_out_when_its_root_has_ended() -> None:
    """SAMP-5"""
    tail, root = errors_only(), ended("root")
    assert tail.kept([ended("a", root), ended("b", root)]) == []
    assert tail.sampled_out == 0
    assert tail.kept([root]) == []
    assert tail.sampled_out == 3


def test_an_error_lets_through_what_was_held_and_all_that_follows_in_order() -> None:
    """SAMP-5, SAMP-6: stored whole."""
    tail, root = errors_only(), ended("root")
    assert tail.kept([ended("a", root)]) == []
    assert names(tail.kept([ended("b", root, "error")])) == ["a", "b"]
    assert names(tail.kept([ended("c", root), root])) == ["c", "root"]
    assert tail.sampled_out == 0


@pytest.mark.parametrize(("status", "kept"), [("ok", []), ("error", ["late"])])
def test_spans_that_end_after_the_root_follow_its_decision(status: str, kept: List[str]) -> None:
    """SAMP-6"""
    tail, root = errors_only(), ended("root", status=status)
    tail.kept([root])
    assert names(tail.kept([ended("late", root, "error" if status == "ok" else "ok")])) == kept


def test_a_run_that_is_open_is_held_too_and_not_counted_twice() -> None:
    """SAMP-5: no row in any store, not even of a run that has begun."""
    tail, root = errors_only(), ended("root")
    opened = Span("root")
    opened._trace, opened._id = root._trace, root._id
    assert tail.kept([opened]) == []
    assert tail.kept([root]) == []
    assert tail.sampled_out == 1


def test_what_is_held_is_bounded_and_the_oldest_trace_gives_way(caplog: Any) -> None:
    tail = errors_only(max_spans=10)
    roots = [ended(f"root{n}") for n in range(4)]
    for root in roots:
        assert tail.kept([ended("a", root), ended("b", root), ended("c", root)]) == []
    assert (tail.decided_early, tail.sampled_out) == (1, 3)
    assert tail.kept([ended("d", roots[0], "error")]) == []
    assert len(tail.kept([ended("d", roots[1], "error")])) == 4
    assert len([record for record in caplog.records if "the oldest are left out" in record.getMessage()]) == 1


def test_what_is_held_is_bounded_by_bytes_too() -> None:
    tail, root = errors_only(max_bytes=10_000), ended("root")
    child = ended("a", root)
    child._size = 9_500
    assert tail.kept([child]) == []
    assert (tail.decided_early, tail.sampled_out) == (1, 1)


def test_one_huge_trace_does_not_take_more_than_its_bound() -> None:
    tail, root = errors_only(max_spans=100), ended("root")
    for _ in range(50):
        assert tail.kept([ended("a", root) for _ in range(100)]) == []
        assert tail._held <= 100
    assert tail.sampled_out == 5000


def test_a_trace_that_falls_silent_is_given_up_after_an_hour(clock: Any) -> None:
    tail = errors_only(clock=clock)
    root = ended("root")
    tail.kept([ended("a", root)])
    clock.now = 3599
    tail.kept([ended("b", root)])
    clock.now = 3599 + 3599
    tail.settle()
    assert tail.sampled_out == 0
    clock.now += 1
    tail.settle()
    assert tail.sampled_out == 2
    assert tail.kept([ended("c", root, "error")]) == []


def test_what_is_undecided_at_the_end_is_left_out_and_counted() -> None:
    tail, root = errors_only(), ended("root")
    tail.kept([ended("a", root), ended("b", root)])
    tail.close()
    assert tail.sampled_out == 2


def test_a_forked_child_begins_with_nothing() -> None:
    tail, root = errors_only(), ended("root")
    tail.kept([ended("a", root)])
    tail.reset()
    assert names(tail.kept([ended("b", root, "error")])) == ["b"]


def test_errors_of_spans_that_come_later_are_known_before() -> None:
    """A failed call that waits for its scores comes after its root: its trace is kept nevertheless."""
    tail, root = errors_only(), ended("root")
    failed = ended("llm", root, "error")
    tail.note_errors([failed, root])
    assert names(tail.kept([root])) == ["root"]
    assert names(tail.kept([failed])) == ["llm"]


def test_early_copies_go_only_to_traces_that_are_sure_to_be_stored() -> None:
    tail, root = errors_only(), ended("root")
    span = ended("llm", root)
    assert tail.early([span]) == []
    tail.kept([ended("x", root, "error")])
    assert tail.early([span]) == [span]
    assert TailSampler(Sampling()).early([span]) == [span]
    assert TailSampler(Sampling(0.0)).early([span]) == []


@pytest.mark.parametrize("keep_errors", [True, False])
def test_keep_errors_rescues_whole_traces_that_were_left_out_elsewhere(keep_errors: bool) -> None:
    """SAMP-6; issue 4: a whole trace is kept, or none of it."""
    tail = TailSampler(Sampling(1.0, keep_errors=keep_errors))
    root = ended("root", scope=Scope(sampled=False))
    kept = tail.kept([ended("a", root), ended("b", root, "error"), root])
    assert names(kept) == (["a", "b", "root"] if keep_errors else [])


# -- traces that another process began ------------------------------------------------------------------------------


def from_remote(remote: Remote, name: str, status: str = "ok") -> Span:
    place = Anchor(Scope(sampled=True, remote=remote))
    place._trace, place._id = "ab" * 16, remote.span_id
    return ended(name, place, status)


def test_a_part_of_a_remote_trace_is_decided_when_its_request_is_over() -> None:
    """SAMP-6: several spans under one remote caller are one part."""
    tail, remote = errors_only(), Remote("cd" * 8)
    assert tail.kept([from_remote(remote, "first")]) == []
    assert names(tail.kept([from_remote(remote, "second", "error")])) == ["first", "second"]
    tail.kept([from_remote(Remote("ef" * 8), "another, still open")])
    remote.open = False
    tail.settle()
    tail.settle()
    assert names(tail.kept([from_remote(remote, "late")])) == ["late"]

    tail, remote = errors_only(), Remote("cd" * 8)
    tail.kept([from_remote(remote, "first")])
    tail.settle()
    tail.settle()
    remote.open = False
    tail.settle()
    assert tail.sampled_out == 0, "spans of the request may still be in the queue"
    tail.settle()
    assert tail.sampled_out == 1


def test_another_request_of_the_same_trace_is_decided_for_itself_unless_the_trace_is_kept() -> None:
    tail, one, two, three = errors_only(), Remote("01" * 8), Remote("02" * 8), Remote("03" * 8)
    for remote in (one, two, three):
        remote.open = False
    assert tail.kept([from_remote(one, "fine")]) == []
    tail.settle()
    tail.settle()
    assert tail.sampled_out == 1
    assert names(tail.kept([from_remote(two, "failed", "error")])) == ["failed"]
    assert names(tail.kept([from_remote(three, "fine too")])) == ["fine too"]


def test_a_continued_trace_follows_the_caller() -> None:
    """SAMP-6: one decision per trace."""
    for flag, stored in (("00", 0), ("01", 2)):
        for rate in (0.0, 1.0):
            with record(plugins=[], sample_rate=rate) as recording:
                with peekr.extract({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-{flag}"}):
                    assert peekr.inject()["traceparent"].endswith(flag) if peekr.inject() else True
                    with peekr.span("server"), peekr.span("inner"):
                        assert peekr.inject()["traceparent"].endswith(flag)
                assert len(recording.spans) == stored


def test_the_decision_of_a_span_inside_a_session_is_that_of_its_trace() -> None:
    """SAMP-6: traceparent carries the decision that is in force."""
    with record(plugins=[], sample_rate=0.5):
        for _ in range(50):
            with peekr.span("root"):
                outside = peekr.inject()["traceparent"][-2:]
                with peekr.session(user_id="u"):
                    assert peekr.inject()["traceparent"][-2:] == outside


# -- through instrument() -------------------------------------------------------------------------------------------


def run_of(fails: bool) -> None:
    try:
        with peekr.trace.run("r") as run, peekr.span("inner"):
            run.tool(tool_name="t")
            if fails:
                raise ValueError("boom")
    except ValueError:
        pass


@pytest.mark.parametrize("setting", [{"only_on_error": True}, {"sample_rate": 0.0, "keep_errors": True}])
def test_only_failed_traces_are_stored_and_those_whole(setting: Dict[str, Any], counts_since: Any) -> None:
    """SAMP-5, SAMP-6"""
    with record(plugins=[], **setting) as recording:
        for fails in (False, True, False):
            run_of(fails)
        assert sorted(span.name for span in recording.spans) == ["error.ValueError", "inner", "r", "tool.t"]
        assert len({span.trace_id for span in recording.spans}) == 1
    assert counts_since() == {"started": 10, "ended": 10, "exported": 4, "sampled_out": 6, "dropped": 0}


def test_a_flush_in_the_middle_neither_loses_nor_keeps_an_open_trace() -> None:
    """SAMP-5: flush() decides nothing."""
    with record(plugins=[], only_on_error=True) as recording:
        with peekr.span("fine"):
            with peekr.span("a"):
                pass
            assert recording.spans == []
        with peekr.span("bad"):
            with peekr.span("b"):
                pass
            assert recording.spans == []
            peekr.get_current_span().record_error(ValueError("x"))
        assert [span.name for span in recording.spans] == ["b", "bad"]


def test_no_store_sees_a_row_of_a_run_without_an_error(tmp_path: Any) -> None:
    """SAMP-5: in a store that takes open runs."""
    pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")
    path = tmp_path / "t.db"
    peekr.instrument(console=False, storage="sqlite", db_path=path, plugins=[], only_on_error=True)
    run_of(False)
    with peekr.trace.run("still open"):
        assert peekr.flush(10)
        assert peekr.query(path, "SELECT COUNT(*) n FROM spans") == [{"n": 0}] if path.exists() else True
    run_of(True)
    assert peekr.flush(10)
    assert peekr.query(path, "SELECT name FROM runs") == [{"name": "r"}]
    assert peekr.query(path, "SELECT COUNT(*) n FROM spans") == [{"n": 4}]


def test_only_on_error_comes_from_the_environment_too(monkeypatch: Any) -> None:
    """CONF-2, SAMP-5"""
    monkeypatch.setenv("TRACE_ONLY_ON_ERROR", "true")
    with record(plugins=[]) as recording:
        run_of(False)
        assert recording.spans == []
        run_of(True)
        assert len(recording.spans) == 4


class _Model:
    """What should be stored of a trace: all of it, or nothing."""

    def __init__(self, generator: random.Random) -> None:
        self.root = open_span("root", None)
        self.spans: List[Span] = []
        for _ in range(generator.randrange(6)):
            parent = generator.choice([self.root, *self.spans])
            self.spans.append(open_span("child", parent))
        self.errored = generator.random() < 0.3
        if self.errored:
            generator.choice([self.root, *self.spans]).status = "error"


@pytest.mark.parametrize("seed", range(20))
def test_any_interleaving_of_traces_keeps_each_whole_or_leaves_it_out(seed: int) -> None:
    """SAMP-5, SAMP-6: in batches of any size, the root of each trace last."""
    generator = random.Random(seed)
    models = [_Model(generator) for _ in range(40)]
    waiting = [[*reversed(model.spans), model.root] for model in models]
    kept: List[Span] = []
    tail = errors_only()
    while any(waiting):
        batch = []
        for _ in range(generator.randrange(1, 9)):
            queue: Callable[[], List[Span]] = lambda: generator.choice([q for q in waiting if q])
            if any(waiting):
                span = queue().pop(0)
                span._t1 = span._t0 + 1
                batch.append(span)
        kept += tail.kept(batch)
    for model in models:
        expected = {id(span) for span in (*model.spans, model.root)} if model.errored else set()
        assert {id(span) for span in kept if span.trace_id == model.root.trace_id} == expected
    assert tail._held == tail._bytes == 0
    assert tail.sampled_out == sum(len(model.spans) + 1 for model in models if not model.errored)
