"""Streams under guard: released as soon as they are cleared, stopped before anything blocked is out."""

from __future__ import annotations

import asyncio
import functools
import json
from typing import Any, List

import pytest

import peekr
from peekr.streaming import Gathering, StreamRecorder
from peekr.testing import record
from peekr.testing.scripted import sse
from peekr.tracer import open_span

GuardrailError = peekr.guard.GuardrailError


def in_loop(test: Any) -> Any:
    """Run an async test in an event loop of its own."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def words(chunks: Any) -> List[str]:
    return [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]


def take(stream: Any, out: List[str]) -> None:
    for chunk in stream:
        out += words([chunk])


async def take_async(stream: Any, out: List[str]) -> None:
    async for chunk in stream:
        out += words([chunk])


def guarded(*guardrails: Any, **settings: Any) -> Any:
    given = guardrails or (peekr.guard.Blocklist(terms=["hunter2"]),)
    return record(**{"plugins": ["openai"], "guardrails": list(given), **settings})


LONG = [f"word{number} " for number in range(200)]


def test_a_clean_stream_brings_the_same_chunks(chat: Any) -> None:
    """GUARD-6, field B 10."""
    chat.says(LONG)
    bare = [chunk.to_dict() for chunk in chat.ask(stream=True)]
    with guarded() as recording:
        assert [chunk.to_dict() for chunk in chat.ask(stream=True)] == bare
        span = recording.only
    assert span.status == "ok"
    assert span.payload["response"]["choices"][0]["message"]["content"] == "".join(LONG)


def test_text_is_released_before_the_stream_ends() -> None:
    """Field B (llm-guard#83): a guarded stream still streams."""
    pulled = []

    def pieces() -> Any:
        for piece in LONG:
            pulled.append(piece)
            yield piece

    class Said(Gathering):
        def said(self, chunk: Any) -> Any:
            yield None, chunk

    with guarded(plugins=[]):
        stream = StreamRecorder(open_span("x", None, "llm"), Said()).wrap(pieces())
        first = next(stream)
        assert first == LONG[0]
        assert len(pulled) <= 4
        assert [first, *stream] == LONG


@pytest.mark.parametrize(
    "pieces", [["The key is ", "hun", "ter", "2", " and more"], ["hunter2"], list("abc hunter2 def")]
)
def test_a_blocked_term_never_comes_out_even_in_pieces(chat: Any, pieces: List[str]) -> None:
    """GUARD-6: windows overlap by the longest term."""
    chat.says(pieces)
    out: List[str] = []
    with guarded() as recording:
        stream = chat.ask(stream=True)
        with pytest.raises(GuardrailError, match="hunter2"):
            take(stream, out)
        assert list(stream) == []
        assert stream.response.is_closed
        span = recording.only
    assert "h" not in "".join(out).replace("The ", "")
    assert (span.status, span.attributes["blocked"], span.attributes["error_reason"]) == ("error", True, "guardrail")
    assert "hunter2" in span.attributes["guardrail_violations"][0]
    assert "hunter2" in span.attributes["output"]


@pytest.mark.parametrize("pieces", [["The key is ", "hun", "ter", "2", " and more"], ["hunter2"]])
@in_loop
async def test_a_blocked_term_never_comes_out_async(chat: Any, pieces: List[str]) -> None:
    """GUARD-6."""
    chat.says(pieces)
    out: List[str] = []
    with guarded() as recording:
        stream = await chat.ask_async(stream=True)
        with pytest.raises(GuardrailError):
            await take_async(stream, out)
        assert [chunk async for chunk in stream] == []
        assert recording.only.attributes["blocked"] is True
    assert "".join(out) in ("The key is ", "The key ", "The ", "")


@in_loop
async def test_a_clean_async_stream_brings_everything(chat: Any) -> None:
    """GUARD-6."""
    chat.says(LONG)
    with guarded() as recording:
        stream = await chat.ask_async(stream=True)
        out = [word async for chunk in stream for word in words([chunk])]
        assert recording.only.status == "ok"
    assert out == LONG


def test_a_prompt_is_checked_before_a_stream_begins(chat: Any) -> None:
    """GUARD-5."""
    with guarded() as recording:
        with pytest.raises(GuardrailError):
            chat.ask("hunter2", stream=True)
        assert chat.requests == []
        assert recording.only.attributes["blocked"] is True


def test_half_a_word_is_not_taken_for_a_word(chat: Any) -> None:
    """A pattern with word boundaries does not see the end of a chunk as the end of a word."""
    chat.says(["a con", "cat", "enation of an ass", "ociation ", "and so on"])
    with guarded(peekr.guard.Blocklist(patterns=[r"\bass\b", r"\bcat\b"])):
        assert "".join(words(chat.ask(stream=True))) == "a concatenation of an association and so on"


def test_a_guard_that_needs_the_whole_answer_withholds_it(chat: Any) -> None:
    """``window = None``; and one that looks at windows sees the whole answer at the end too."""
    chat.says(["one ", "two ", "three"])
    seen: List[str] = []

    class Whole(peekr.guard.BaseGuardrail):
        window = None

        def run(self, span: Any) -> None:
            seen.append(span.attributes["output"])
            assert "What is" in span.attributes["input"]
            raise GuardrailError("no")

    out: List[Any] = []
    with guarded(Whole()) as recording:
        with pytest.raises(GuardrailError) as caught:
            out.extend(chat.ask(stream=True))
        assert recording.only.attributes["guardrail_violations"] == ["Whole: no"]
    assert (out, seen, caught.value.guardrail_name) == ([], ["one two three"], "Whole")


def test_breaking_off_a_guarded_stream_ends_its_span(chat: Any) -> None:
    """STREAM-4 holds under guard."""
    chat.says(LONG)
    with guarded() as recording:
        with chat.ask(stream=True) as stream:
            next(iter(stream))
        span = recording.only
    assert (span.status, span.attributes["stream_incomplete"]) == ("ok", True)
    assert "blocked" not in span.attributes


def test_two_choices_are_checked_apart(chat: Any) -> None:
    """Text of two choices comes interleaved; a term in one of them is found all the same."""

    def event(index: int, text: str) -> Any:
        choice = {"index": index, "delta": {"content": text}, "finish_reason": None}
        return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": [choice]}

    chat.answers = [sse([event(0, "hun"), event(1, "ok "), event(0, "ter2"), event(1, "ok ")]) + b"data: [DONE]\n\n"]
    with guarded():
        with pytest.raises(GuardrailError):
            list(chat.ask(stream=True, n=2))


def test_an_error_of_the_stream_comes_after_what_is_clean(chat: Any) -> None:
    """IFACE-11: a stream that ends by an exception is an error; text before it is handed out."""

    def cut() -> Any:
        head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
        chunk = {**head, "choices": [{"index": 0, "delta": {"content": "abc"}, "finish_reason": None}]}
        yield f"data: {json.dumps(chunk)}\n\n".encode()
        raise chat.httpx.ReadError("gone")

    class Body(chat.httpx.SyncByteStream):  # type: ignore[misc,name-defined]
        def __iter__(self) -> Any:
            return cut()

    chat.answers = [chat.httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Body())]
    out: List[str] = []
    with guarded() as recording:
        with pytest.raises(Exception, match=r"gone|Connection"):
            take(chat.ask(stream=True), out)
        span = recording.only
    assert out == ["abc"]
    assert span.status == "error" and "blocked" not in span.attributes
