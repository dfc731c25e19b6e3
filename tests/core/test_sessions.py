"""Sessions, tenants, tags: what every span inside carries."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Any, Tuple

import pytest

import peekr
from peekr.testing import Recording, record


def leaf(name: str = "leaf") -> None:
    with peekr.span(name):
        pass


def who(span: Any) -> Tuple[Any, ...]:
    """What a span carries, from its record."""
    data = span.to_dict()
    assert data["attributes"].get("user_id") == data["user_id"]
    assert data["attributes"].get("session_id") == data["session_id"]
    return data["user_id"], data["session_id"], data["tenant_id"], data["retention_class"]


class TestASession:
    def test_gives_every_span_inside_its_values(self, recording: Recording) -> None:
        """SESS-1, SPAN-2"""
        with peekr.session(user_id="alice", session_id="s1", tenant_id="acme", retention_class="short"):
            leaf()
            with peekr.span("outer"):
                leaf()
            with peekr.trace.run("run"):
                leaf()
        leaf("after")
        *inside, after = recording.spans
        assert {who(span) for span in inside} == {("alice", "s1", "acme", "short")}
        assert who(after) == (None, None, None, None)

    def test_makes_up_a_session_id(self, recording: Recording) -> None:
        """SESS-1, SESS-4: one for the whole block, another for the next one."""
        for _ in range(2):
            with peekr.session(user_id="alice") as session:
                leaf()
                leaf()
            assert session.session_id is None
        one, two, three, four = [span.session_id for span in recording.spans]
        assert one == two != three == four
        assert one and re.fullmatch("[0-9a-f]{32}", one)

    def test_tells_its_session_id(self, recording: Recording) -> None:
        """SESS-1"""
        with peekr.session() as session:
            leaf()
            assert recording.only.session_id == session.session_id

    def test_is_no_trace(self, recording: Recording) -> None:
        """SESS-4: two calls in a session are two traces of one session."""
        with peekr.session(session_id="s"):
            leaf()
            leaf()
        one, two = recording.spans
        assert one.trace_id != two.trace_id
        assert one.session_id == two.session_id == "s"

    def test_inside_a_span_keeps_its_trace(self, recording: Recording) -> None:
        with peekr.span("outer") as outer, peekr.session(user_id="bob"):
            leaf()
        inner, _ = recording.spans
        assert (inner.parent_id, inner.trace_id, inner.user_id) == (outer.span_id, outer.trace_id, "bob")
        assert outer.user_id is None

    def test_ids_may_be_numbers(self, recording: Recording) -> None:
        with peekr.session(user_id=5, session_id=6):  # type: ignore[arg-type]
            leaf()
        assert who(recording.only)[:2] == ("5", "6")

    def test_ends_with_an_exception_too(self, recording: Recording) -> None:
        """SESS-2"""
        with pytest.raises(ValueError), peekr.session(user_id="alice"):
            raise ValueError
        leaf()
        assert recording.only.user_id is None


class TestNesting:
    def test_what_the_inner_one_does_not_name_it_inherits(self, recording: Recording) -> None:
        """SESS-3, IFACE-11"""
        with peekr.session("alice", "s1", "acme", "short"):
            with peekr.session(user_id="bob"):
                leaf()
            with peekr.session(session_id="s2", tenant_id="globex"):
                leaf()
            leaf()
        assert [who(span) for span in recording.spans] == [
            ("bob", "s1", "acme", "short"),
            ("alice", "s2", "globex", "short"),
            ("alice", "s1", "acme", "short"),
        ]

    def test_one_object_may_be_entered_again(self, recording: Recording) -> None:
        session = peekr.session(user_id="alice")
        with session as outer:
            first = outer.session_id
            with session:
                leaf()
            assert session.session_id == first
            leaf()
        with session:
            leaf()
        one, two, three = recording.spans
        assert one.session_id == two.session_id == first != three.session_id
        leaf("after")
        assert recording.spans[-1].user_id is None

    def test_one_object_in_many_tasks_at_once(self, recording: Recording) -> None:
        """SESS-2"""
        session = peekr.session(user_id="alice")

        async def visit(before: int, inside: int) -> None:
            for _ in range(before):
                await asyncio.sleep(0)
            async with session:
                for _ in range(inside):
                    await asyncio.sleep(0)
                leaf("inside")
            leaf("outside")

        async def main() -> None:
            await asyncio.gather(visit(0, 3), visit(1, 5), visit(2, 1), visit(3, 1))

        asyncio.run(main())
        assert {span.user_id for span in recording.named("inside")} == {"alice"}
        assert {span.user_id for span in recording.named("outside")} == {None}


class TestAsync:
    """SESS-1, SESS-2"""

    def test_async_with_and_gathered_tasks(self, recording: Recording) -> None:
        async def serve(user: str) -> None:
            async with peekr.session(user_id=user):
                await asyncio.sleep(0)
                leaf(user)
                await asyncio.gather(asyncio.to_thread(leaf, user))

        async def main() -> None:
            await asyncio.gather(*[serve(f"user{number}") for number in range(10)])

        asyncio.run(main())
        assert all(span.user_id == span.name for span in recording.spans)
        assert len({span.session_id for span in recording.spans}) == 10

    def test_threads_of_the_program_are_apart(self, recording: Recording) -> None:
        barrier = threading.Barrier(2)

        def serve(user: str) -> None:
            with peekr.session(user_id=user):
                barrier.wait(10)
                leaf(user)
                barrier.wait(10)

        threads = [threading.Thread(target=serve, args=(name,)) for name in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(span.user_id == span.name for span in recording.spans)


class TestTenants:
    """TEN-1 … TEN-4, C-3: session, then instrument, then environment, then nothing."""

    @pytest.mark.parametrize("in_session", [None, "session_t"])
    @pytest.mark.parametrize("given", [None, "given_t"])
    @pytest.mark.parametrize("environment", [None, "env_t"])
    def test_precedence(self, monkeypatch: Any, in_session: Any, given: Any, environment: Any) -> None:
        if environment:
            monkeypatch.setenv("PEEKR_TENANT_ID", environment)
            monkeypatch.setenv("PEEKR_RETENTION_CLASS", environment)
        with record(plugins=[], tenant_id=given, retention_class=given) as recording:
            with peekr.session(tenant_id=in_session, retention_class=in_session):
                leaf()
        expected = in_session or given or environment
        assert who(recording._exporter.spans[0])[2:] == (expected, expected)

    def test_the_environment_is_read_when_tracing_starts(self, monkeypatch: Any) -> None:
        """TEN-4: never at import, never per span."""
        monkeypatch.setenv("PEEKR_TENANT_ID", "before")
        with record(plugins=[]) as recording:
            monkeypatch.setenv("PEEKR_TENANT_ID", "after")
            leaf()
            assert recording.only.tenant_id == "before"

    def test_the_environment_counts_without_instrument_too(self, monkeypatch: Any, make: Any) -> None:
        """TEN-4"""
        monkeypatch.setenv("PEEKR_TENANT_ID", "env_t")
        exporter = make.Exporter()
        peekr.exporters.add_exporter(exporter)
        leaf()
        assert exporter.names == ["leaf"]
        assert exporter.spans[0].tenant_id == "env_t"

    def test_a_later_instrument_replaces_them(self, make: Any) -> None:
        """INST-10, E0-23"""
        exporter = make.Exporter()
        for tenant in ("one", "two", None):
            peekr.instrument(console=False, exporter=exporter, plugins=[], tenant_id=tenant)
            leaf()
        assert exporter.names == ["leaf"] * 3
        assert [span.tenant_id for span in exporter.spans] == ["one", "two", None]

    def test_tenant_and_user_are_apart(self, recording: Recording) -> None:
        """TEN-2"""
        with peekr.session(tenant_id="acme"), peekr.session(user_id="alice"):
            leaf()
        assert who(recording.only)[::2] == ("alice", "acme")

    @pytest.mark.parametrize("value", ["default", "long", "Čokoláda 7 let", "'; DROP TABLE spans; --"])
    def test_the_retention_class_is_stored_as_given(self, recording: Recording, value: str) -> None:
        """TEN-3"""
        with peekr.session(retention_class=value):
            leaf()
        assert recording.records[0]["retention_class"] == value


class TestTags:
    """SPAN-6: attributes that every span inside carries."""

    def test_are_on_every_span(self, recording: Recording) -> None:
        with peekr.session(tags={"feature": "search", "experiment_variant": "b"}):
            leaf()
            with peekr.session(tags={"feature": "chat"}):
                leaf()
        one, two = [record["attributes"] for record in recording.records]
        assert (one["feature"], one["experiment_variant"]) == ("search", "b")
        assert (two["feature"], two["experiment_variant"]) == ("chat", "b")

    def test_give_way_to_what_a_span_says_itself(self, recording: Recording) -> None:
        with peekr.session(tags={"feature": "search", "kind": "chain"}), peekr.span("s", feature="own") as span:
            span.attributes["kind"] = "agent"
        attributes = recording.records[0]["attributes"]
        assert (attributes["feature"], attributes["kind"]) == ("own", "agent")

    def test_are_what_they_were_when_the_session_was_made(self, recording: Recording) -> None:
        tags = {"a": 1}
        session = peekr.session(tags=tags)
        tags["a"] = 2
        with session:
            leaf()
        assert recording.records[0]["attributes"]["a"] == 1


class TestARunIsASession:
    """SESS-6, SESS-5"""

    def test_for_everything_inside(self, recording: Recording) -> None:
        with peekr.trace.run("run", user_id="alice", session_id="s1") as run:
            run.tool(tool_name="t")
            leaf()
            thread = threading.Thread(target=leaf)
            thread.start()
            thread.join()
        leaf("after")
        *inside, after = recording.spans
        assert {who(span)[:2] for span in inside} == {("alice", "s1")}
        assert after.user_id is None

    def test_it_inherits_from_the_session_around_it(self, recording: Recording) -> None:
        """AGENT-15"""
        with peekr.session("alice", "s1", "acme", "short"), peekr.trace.run("run", user_id="bob"):
            leaf()
        assert {who(span) for span in recording.spans} == {("bob", "s1", "acme", "short")}

    def test_a_session_inside_of_it_wins(self, recording: Recording) -> None:
        """AGENT-15"""
        with peekr.trace.run("run", user_id="alice") as run, peekr.session(user_id="bob", session_id="s"):
            run.tool(tool_name="t")
        tool, span = recording.spans
        assert (who(tool)[:2], span.user_id, tool.parent_id) == (("bob", "s"), "alice", run.run_id)
