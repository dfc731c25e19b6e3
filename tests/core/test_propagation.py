"""One trace over processes: ``inject`` and ``extract`` with the W3C header ``traceparent`` (IFACE-10)."""

from __future__ import annotations

import asyncio
from typing import Any, Dict

import pytest

import peekr
from peekr import extract, inject
from peekr.testing import Recording, record

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = f"00-{TRACE}-{SPAN}-01"


class TestInject:
    def test_adds_the_header_and_returns_the_mapping(self, recording: Recording) -> None:
        headers = {"accept": "*/*"}
        with peekr.span("s") as span:
            assert inject(headers) is headers
        assert headers == {"accept": "*/*", "traceparent": f"00-{span.trace_id}-{span.span_id}-01"}

    def test_makes_a_dict_where_none_is_given(self, recording: Recording) -> None:
        with peekr.span("s"):
            assert list(inject()) == ["traceparent"]

    def test_adds_nothing_outside_of_a_span(self, recording: Recording) -> None:
        assert inject({}) == {}
        with peekr.session():
            assert inject({}) == {}

    def test_within_a_session_names_the_span_around_it(self, recording: Recording) -> None:
        with peekr.span("s") as span, peekr.session():
            assert span.span_id in inject()["traceparent"]

    def test_passes_a_remote_parent_on(self, recording: Recording) -> None:
        with extract({"traceparent": HEADER}):
            assert inject()["traceparent"] == HEADER


class TestExtract:
    def test_continues_the_trace(self, recording: Recording) -> None:
        with extract({"traceparent": HEADER}) as remote:
            assert remote.trace_id == TRACE
            assert peekr.get_current_span() is None
            with peekr.span("root here") as root, peekr.span("child"):
                pass
        child, _ = recording.spans
        assert (root.trace_id, root.parent_id, child.parent_id) == (TRACE, SPAN, root.span_id)
        assert child.run_id == root.run_id == root.span_id
        with peekr.span("after") as after:
            pass
        assert after.trace_id != TRACE

    def test_round_trip_between_two_programs(self, recording: Recording) -> None:
        with peekr.span("client") as client:
            headers = inject()
        with extract(headers), peekr.span("server") as server:
            pass
        assert (server.trace_id, server.parent_id) == (client.trace_id, client.span_id)

    @pytest.mark.parametrize(
        "headers",
        [
            {"traceparent": HEADER},
            {"Traceparent": HEADER},
            {"TRACEPARENT": f"  {HEADER} "},
            {b"traceparent": HEADER.encode()},
            [("accept", "*/*"), ("traceparent", HEADER)],
            [(b"accept", b"*/*"), (b"TraceParent", HEADER.encode())],
            ((b"traceparent", HEADER.encode()),),
            iter([("traceparent", HEADER)]),
            {"traceparent": f"cc-{TRACE}-{SPAN}-01-what-the-future-brings"},
            {"traceparent": f"cc-{TRACE}-{SPAN}-01"},
        ],
        ids=lambda headers: str(headers) if isinstance(headers, (dict, list, tuple)) else type(headers).__name__,
    )
    def test_reads_headers_in_every_form(self, headers: Any) -> None:
        assert extract(headers).trace_id == TRACE

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "nonsense",
            TRACE,
            f"00-{TRACE}-{SPAN}",
            f"00-{TRACE}-{SPAN}-01-more",
            f"00-{TRACE}-{SPAN}-1",
            f"ff-{TRACE}-{SPAN}-01",
            f"00-{'0' * 32}-{SPAN}-01",
            f"00-{TRACE}-{'0' * 16}-01",
            f"00-{TRACE.upper()}-{SPAN}-01",
            f"00-{TRACE[:-1]}g-{SPAN}-01",
            f"00-{TRACE}{SPAN}-01",
            f"00-{TRACE}-{SPAN}-0x",
            f"00-{TRACE}-{SPAN}-01, {HEADER}",
            "٠٠-" + HEADER[3:],
        ],
    )
    def test_a_malformed_header_starts_a_trace_as_if_it_were_not_there(self, recording: Recording, header: str) -> None:
        with extract({"traceparent": header}) as remote:
            with peekr.span("s") as span:
                pass
        assert remote.trace_id is None
        assert (span.parent_id, recording.only) == (None, span)

    @pytest.mark.parametrize("headers", [None, {}, [], 5, "traceparent", [1, 2], [("a", "b", "c")], [None]], ids=repr)
    def test_what_is_no_headers_harms_nobody(self, recording: Recording, headers: Any) -> None:
        """INST-13"""
        with extract(headers):
            pass

    def test_inside_a_span_without_a_header_changes_nothing(self, recording: Recording) -> None:
        with peekr.span("outer") as outer, extract({}), peekr.span("inner") as inner:
            pass
        assert inner.parent_id == outer.span_id

    def test_keeps_the_session_around_it(self, recording: Recording) -> None:
        with peekr.session(user_id="alice"), extract({"traceparent": HEADER}), peekr.span("s") as span:
            pass
        assert (span.user_id, span.trace_id) == ("alice", TRACE)

    def test_async_with_in_many_tasks(self, recording: Recording) -> None:
        async def serve(number: int) -> None:
            async with extract({"traceparent": f"00-{number:032x}-{SPAN}-01"}):
                await asyncio.sleep(0)
                with peekr.span("s") as span:
                    await asyncio.sleep(0)
                assert span.trace_id == f"{number:032x}"

        async def main() -> None:
            await asyncio.gather(*[serve(number) for number in range(1, 20)])

        asyncio.run(main())
        assert len(recording.spans) == 19


class TestTheSampledFlag:
    """SAMP-6, design 7: one decision per trace, made at its root, holds in every process that continues it."""

    def test_a_trace_that_is_not_sampled_is_not_stored_here_either(self) -> None:
        with record(plugins=[]) as recording:
            with extract({"traceparent": HEADER[:-1] + "0"}), peekr.span("s"):
                assert inject()["traceparent"].endswith("-00")
                with peekr.span("child"):
                    pass
            with peekr.span("own"):
                pass
            assert [span.name for span in recording.spans] == ["own"]
            assert peekr.stats()["spans"]["sampled_out"] >= 2

    def test_a_sampled_trace_is_stored_whatever_the_rate_here(self) -> None:
        with record(plugins=[], sample_rate=0) as recording:
            with extract({"traceparent": HEADER}), peekr.span("s"):
                assert inject()["traceparent"].endswith("-01")
            with peekr.span("own"):
                assert inject()["traceparent"].endswith("-00")
            assert [span.name for span in recording.spans] == ["s"]

    @pytest.mark.parametrize("flags", ["01", "03", "ff"])
    def test_other_flags_do_not_matter(self, flags: str) -> None:
        with record(plugins=[], sample_rate=0) as recording:
            with extract({"traceparent": HEADER[:-2] + flags}), peekr.span("s"):
                pass
            assert len(recording.spans) == 1

    def test_errors_can_override_it(self) -> None:
        with record(plugins=[], keep_errors=True) as recording:
            with pytest.raises(ValueError), extract({"traceparent": HEADER[:-1] + "0"}), peekr.span("s"):
                raise ValueError
            assert recording.only.status == "error"

    def test_the_same_rate_decides_alike_in_two_processes(self) -> None:
        headers: Dict[str, Any] = {}
        with record(plugins=[], sample_rate=0.5) as here:
            for number in range(50):
                with peekr.span(str(number)):
                    headers[str(number)] = inject()
            stored = {span.name for span in here.spans}
        assert 0 < len(stored) < 50
        with record(plugins=[], sample_rate=0.5) as there:
            for name, header in headers.items():
                with extract(header), peekr.span(name):
                    pass
            assert {span.name for span in there.spans} == stored
