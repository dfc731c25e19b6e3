"""The suite that the tests of a provider inherit whose SDK gives stream objects: however one ends, its span ends once.

::

    class TestStreams(StreamConformance):
        plugin = "acme"

        def start(self):
            return acme.Client(...).chat(stream=True)

        async def start_async(self):
            return await acme.AsyncClient(...).chat(stream=True)

Each stream must bring several chunks and the text :attr:`~StreamConformance.output`. Needs pytest.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any, ClassVar, Iterator, List

import pytest

import peekr
from peekr.spans import Span
from peekr.testing.memory import Recording, record


class StreamConformance:
    """Override :meth:`start` and :meth:`start_async`."""

    plugin: ClassVar[str]
    #: What is left of the whole answer on the span.
    output: ClassVar[str] = "Paris."

    def start(self) -> Any:
        """Start a streamed call and return the SDK's own stream."""
        raise NotImplementedError

    async def start_async(self) -> Any:
        """The same through the asynchronous client."""
        raise NotImplementedError

    @pytest.fixture
    def recording(self) -> Iterator[Recording]:
        """Tracing with only this provider."""
        with record(plugins=[self.plugin]) as recording:
            yield recording

    def call_of(self, recording: Recording) -> Span:
        """The one span of a streamed call."""
        (span,) = [span for span in recording.spans if span.attributes.get("streaming")]
        return span

    def assert_incomplete(self, recording: Recording) -> None:
        """The caller stopped early: no failure, and no total that nobody reported."""
        span = self.call_of(recording)
        assert (span.status, span.attributes["stream_incomplete"]) == ("ok", True)
        assert not {"tokens_output", "tokens_total", "finish_reason"} & set(span.attributes)

    def assert_whole(self, recording: Recording) -> None:
        """Everything came."""
        span = self.call_of(recording)
        assert (span.status, span.attributes["output"]) == ("ok", self.output)
        assert "stream_incomplete" not in span.attributes

    # -- reading ----------------------------------------------------------------------------------------------

    def test_the_span_is_not_current_while_the_stream_is_read(self, recording: Recording) -> None:
        """STREAM-5: spans made meanwhile are siblings."""
        with peekr.span("turn") as turn:
            for _ in self.start():
                assert peekr.get_current_span() is turn
                with peekr.span("meanwhile"):
                    pass
        assert {span.parent_id for span in recording.spans if span is not turn and span.parent_id} == {turn.span_id}
        self.assert_whole(recording)

    def test_the_time_to_the_first_chunk_is_known(self, recording: Recording) -> None:
        """STREAM-6."""
        list(self.start())
        span = self.call_of(recording)
        assert 0 < span.attributes["ttft_ms"] <= (span.duration_ms or 0)

    def test_another_thread_may_read_the_stream(self, recording: Recording) -> None:
        """STREAM-5."""
        with peekr.span("turn") as turn:
            stream = self.start()
            chunks: List[Any] = []
            reader = threading.Thread(target=lambda: chunks.extend(stream))
            reader.start()
            reader.join(30)
        assert len(chunks) > 1
        assert self.call_of(recording).parent_id == turn.span_id
        self.assert_whole(recording)

    def test_another_task_may_read_the_stream(self, recording: Recording) -> None:
        """STREAM-5."""

        async def read(stream: Any) -> int:
            return len([chunk async for chunk in stream])

        async def main() -> str:
            async with peekr.span("turn") as turn:
                stream = await self.start_async()
                assert peekr.get_current_span() is turn
                assert await asyncio.ensure_future(read(stream)) > 1
            return turn.span_id

        assert asyncio.run(main()) == self.call_of(recording).parent_id
        self.assert_whole(recording)

    # -- stopping ---------------------------------------------------------------------------------------------

    def test_a_stream_closed_early_is_incomplete(self, recording: Recording) -> None:
        """STREAM-4, IFACE-11."""
        stream = self.start()
        next(iter(stream))
        stream.close()
        self.assert_incomplete(recording)

    def test_a_stream_whose_block_is_left_early_is_incomplete(self, recording: Recording) -> None:
        """STREAM-4, IFACE-11."""
        with self.start() as stream:
            next(iter(stream))
        self.assert_incomplete(recording)

    @pytest.mark.parametrize("read", [False, True])
    def test_a_dropped_stream_is_incomplete(self, read: bool, recording: Recording) -> None:
        """STREAM-4: also one that was never iterated."""
        stream = self.start()
        if read:
            next(iter(stream))
        del stream
        gc.collect()
        self.assert_incomplete(recording)

    def test_closing_after_the_end_changes_nothing(self, recording: Recording) -> None:
        """STREAM-3."""
        stream = self.start()
        list(stream)
        stream.close()
        self.assert_whole(recording)

    @pytest.mark.parametrize("leave", ["close", "with", "drop", "drop unread"])
    def test_an_asynchronous_stream_left_early_is_incomplete(self, leave: str, recording: Recording) -> None:
        """STREAM-4: async code closes nothing on a bare break."""

        async def main() -> None:
            stream = await self.start_async()
            if leave != "drop unread":
                await stream.__aiter__().__anext__()
            if leave == "with":
                async with stream:
                    pass
            elif leave == "close":
                await stream.close()
            del stream
            gc.collect()
            await asyncio.sleep(0)

        asyncio.run(main())
        self.assert_incomplete(recording)
