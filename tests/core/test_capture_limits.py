"""How much is captured, and that the rest is not even looked at."""

from __future__ import annotations

import json
from typing import Any, Iterator, List

import pytest

import peekr
from peekr.capture import PAYLOAD_LIMIT, cut, document, text
from peekr.testing import Recording


class Counting(List[Any]):
    """A list that counts how many of its items were taken."""

    taken = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self.taken += 1
            yield item


class Endless(List[Any]):
    """A list whose iteration never ends."""

    taken = 0

    def __iter__(self) -> Iterator[Any]:
        while True:
            self.taken += 1
            yield ""


class Item:
    """An object that counts how often it was written out."""

    written = 0

    def __str__(self) -> str:
        Item.written += 1
        return "item"


@pytest.mark.parametrize(
    ("length", "expected"),
    [(0, 2), (10, 12), (498, 500), (499, 500), (500, 500), (5_000_000, 500)],
)
def test_a_text_attribute_has_500_characters_at_most(recording: Recording, length: int, expected: int) -> None:
    """TRACE-4"""
    peekr.trace(lambda: "x" * length, name="f")()
    output = recording.only.attributes["output"]
    assert len(output) == expected
    assert output.endswith("…" if length > 498 else '"')


@pytest.mark.parametrize("unit", ["a", "é", "漢", "😀", '"', "\\", "\n", "\x00", "\ud800", "</script>"])
def test_the_limit_counts_characters_of_the_text_whatever_they_are(recording: Recording, unit: str) -> None:
    """TRACE-4"""
    peekr.trace(lambda: [unit * 1000], name="f")()
    output = recording.only.attributes["output"]
    assert len(output) == 500
    assert output.endswith("…")


@pytest.mark.parametrize("odd", [False, True], ids=["plain", "with an object"])
def test_what_is_left_out_always_shows(odd: bool) -> None:
    """TRACE-4: at every length around the limit a text is either whole, or cut and marked."""
    for count in range(1, 200):
        value = [*range(count), *([Item()] if odd else [])]
        shown = text(value, 100)
        assert len(shown) <= 100
        assert shown.endswith("…") or json.loads(shown) == [*range(count), *(["item"] if odd else [])]


@pytest.mark.parametrize("kind", [list, dict, tuple], ids=lambda kind: kind.__name__)
def test_containers_within_containers_are_whole_or_marked(kind: Any) -> None:
    """TRACE-4"""
    for count in range(1, 60):
        items = [{"n": number, "o": Item()} for number in range(count)]
        value = dict(enumerate(items)) if kind is dict else kind(items)
        shown = text(value, 200)
        assert len(shown) <= 200
        assert shown.endswith("…") or len(json.loads(shown)) == count


def test_no_more_items_are_taken_than_there_is_room_for() -> None:
    """TRACE-4: cut while encoding."""
    for items in (Counting(range(1_000_000)), Endless([""])):
        assert len(text(items, 500)) == 500
        assert items.taken <= 501


def test_objects_beyond_the_limit_are_not_written_out() -> None:
    """TRACE-4: 500 characters hold less than 100 times ``"item", ``."""
    Item.written = 0
    text([Item()] * 100_000, 500)
    assert Item.written < 100


def test_a_huge_set_costs_no_more_than_a_small_one() -> None:
    """TRACE-4: str() of a whole set would write out all of it."""

    class Member(Item):
        pass

    Item.written = 0
    Member.__repr__ = Member.__str__  # type: ignore[method-assign]
    text({Member() for _ in range(10_000)}, 500)
    assert Item.written <= 501


def test_plain_text_is_cut_with_an_ellipsis() -> None:
    """LLM-11: attributes of LLM calls are plain text of 1000 characters at most."""
    assert cut("x" * 1000) == "x" * 1000
    assert cut("x" * 1001) == "x" * 999 + "…"
    assert cut("abcdef", 3) == "ab…"


@pytest.mark.parametrize("unit", ["a", "漢", "😀", "\x00", "\ud800"])
@pytest.mark.parametrize("shape", ["text", "list", "objects"])
def test_a_payload_is_valid_json_of_256_kib_at_most(unit: str, shape: str) -> None:
    """MODEL-11"""
    value = {
        "text": {"prompt": unit * 1_000_000},
        "list": {"messages": [{"role": "user", "content": unit * 100}] * 10_000},
        "objects": {"args": [Item()] * 100_000, "text": unit},
    }[shape]
    data, truncated = document(value)
    assert truncated
    assert PAYLOAD_LIMIT / 4 < len(data) <= PAYLOAD_LIMIT
    assert set(json.loads(data)) <= set(value)


def test_a_payload_that_fits_is_whole() -> None:
    """MODEL-11"""
    value = {"messages": [{"role": "user", "content": "žluťoučký 😀"}] * 1000}
    data, truncated = document(value)
    assert not truncated
    assert json.loads(data) == value


def test_a_function_has_no_payload(recording: Recording) -> None:
    """MODEL-11: what is cut of a traced function is gone."""
    peekr.trace(lambda value: value, name="f")("x" * 10_000)
    assert recording.only.payload is None
    assert "payload" not in recording.only.to_dict()


def test_an_error_message_is_cut_too(recording: Recording) -> None:
    """TRACE-6, MODEL-11: attributes are small."""

    @peekr.trace
    def fail() -> None:
        raise ValueError("x" * 1_000_000)

    with pytest.raises(ValueError, match=r"^x{1000000}$"):
        fail()
    assert recording.only.attributes["error"] == "x" * 999 + "…"
