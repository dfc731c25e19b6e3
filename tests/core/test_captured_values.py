"""What a traced function is given and returns, whatever that is: the call goes through, the span says what it can."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import threading
from collections import OrderedDict, UserDict, defaultdict, deque, namedtuple
from types import MappingProxyType
from typing import Any, Dict, List

import pytest

import peekr
from peekr import wire
from peekr.testing import Recording


class Unprintable:
    """Neither str() nor repr() works."""

    def __str__(self) -> str:
        raise RuntimeError("no str")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Misleading:
    """Returns from str() what is no text."""

    def __str__(self) -> str:
        return 5  # type: ignore[return-value]


class RudeText(str):
    def __str__(self) -> str:
        raise RuntimeError("no str")


class RudeDict(Dict[str, int]):
    def items(self) -> Any:
        raise RuntimeError("no items")

    def __iter__(self) -> Any:
        raise RuntimeError("no iteration")

    def __len__(self) -> int:
        raise RuntimeError("no length")


class RudeList(List[int]):
    def __iter__(self) -> Any:
        raise RuntimeError("no iteration")


class Liar:
    """Says that it is a dict."""

    __class__ = dict  # type: ignore[assignment]


class Colour(enum.Enum):
    RED = "red"


def circular_list() -> List[Any]:
    value: List[Any] = []
    value += [value, value]
    return value


def circular_dict() -> Dict[str, Any]:
    value: Dict[str, Any] = {"a": 1}
    value["self"] = value
    return value


def deep(levels: int) -> List[Any]:
    value: List[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def doubling(levels: int) -> List[Any]:
    """Few lists, 2**levels of them when written out."""
    value: List[Any] = []
    for _ in range(levels):
        value = [value, value]
    return value


Point = namedtuple("Point", "x y")

VALUES = {
    "unprintable": Unprintable(),
    "misleading": Misleading(),
    "rude text": RudeText("abc"),
    "rude dict": RudeDict(a=1),
    "rude list": RudeList([1]),
    "liar": Liar(),
    "not a number": float("nan"),
    "infinity": [float("inf"), -float("inf")],
    "lone surrogate": "\ud800 and \udfff",
    "surrogate key": {"\ud800": 1},
    "circular list": circular_list(),
    "circular dict": circular_dict(),
    "ten thousand deep": deep(10_000),
    "doubling": doubling(64),
    "10 MB of text": "x" * 10_000_000,
    "10 MB of bytes": b"x" * 10_000_000,
    "a million numbers": list(range(1_000_000)),
    "a million members": set(range(1_000_000)),
    "a big integer": 10**30,
    "a bigger integer": -(10**30),
    "an integer of 5000 digits": 10**5000,
    "bytes": b"\x00\xff",
    "a bytearray": bytearray(b"abc"),
    "a memoryview": memoryview(b"abc"),
    "integer keys": {1: "a", 2: "b"},
    "odd keys": {None: 1, True: 2, 1.5: 3, (1, 2): 4, b"b": 5, Colour.RED: 6},
    "unprintable key": {Unprintable(): 1},
    "a set": {1},
    "an enum": Colour.RED,
    "a date": datetime.datetime(2024, 1, 2),
    "a decimal": decimal.Decimal("1.50"),
    "a named tuple": Point(1, 2),
    "an ordered dict": OrderedDict(a=1),
    "a default dict": defaultdict(list, a=[1]),
    "a mapping proxy": MappingProxyType({"a": 1}),
    "a user dict": UserDict(a=1),
    "a deque": deque([1]),
    "a class": Unprintable,
    "a function": deep,
    "a generator": (number for number in range(3)),
    "an exception": ValueError("x"),
    "control characters": "\x00\x1b[31m\u2028",
    "emoji": "😀",
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
class TestWhateverTheValue:
    """TRACE-3, TRACE-4, SPAN-8, INST-13, MODEL-11"""

    def test_the_call_goes_through_and_the_record_is_json(self, recording: Recording, value: Any) -> None:
        assert peekr.trace(lambda given: given, name="f")(value) is value
        attributes = recording.only.attributes
        for text in (attributes["input"], attributes["output"]):
            assert isinstance(text, str)
            assert 0 < len(text) <= 500
        line = wire.encode(wire.record(recording.only))
        assert json.loads(line)["attributes"]["output"] == json.loads(json.dumps(attributes["output"]))
        assert line.decode()

    def test_a_whole_text_is_json_and_a_cut_one_ends_with_an_ellipsis(self, recording: Recording, value: Any) -> None:
        peekr.trace(lambda given: None, name="f")(value)
        text = recording.only.attributes["input"]
        if len(text) == 500 and text.endswith("…"):
            assert text.startswith('{"args": [')
        else:
            assert set(json.loads(text)) == {"args", "kwargs"}

    def test_an_attribute_of_it_is_stored_as_json(self, recording: Recording, value: Any) -> None:
        with peekr.span("s") as span:
            span.attributes["value"] = value
        record = recording.only.to_dict()
        assert json.loads(wire.encode(wire.record(recording.only))) == json.loads(json.dumps(record))

    def test_an_agent_step_of_it_is_stored_as_json(self, recording: Recording, value: Any) -> None:
        with peekr.trace.run("run") as run:
            assert run.tool(tool_name="t", tool_args={"value": value}, tool_result=value) is not None
        step = recording.named("tool.t")[0]
        line = wire.encode(wire.record(step))
        assert len(line) < 256 * 1024 + 2000
        assert json.loads(line)["payload"]["tool_args"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ("text", '"text"'),
        ({"a": [1, 2.5, True]}, '{"a": [1, 2.5, true]}'),
        ((1, 2), "[1, 2]"),
        (Point(1, 2), "[1, 2]"),
        (OrderedDict(a=1), '{"a": 1}'),
        (float("nan"), "null"),
        (float("inf"), "null"),
        (10**30, "1000000000000000000000000000000"),
        (10**5000, '"<int of 16610 bits>"'),
        (b"abc", "\"b'abc'\""),
        ({1, 2}, '"{1, 2}"'),
        (Colour.RED, '"Colour.RED"'),
        (decimal.Decimal("1.50"), '"1.50"'),
        ({1: 2, None: 3, (1, 2): 5, False: 6}, '{"1": 2, "null": 3, "(1, 2)": 5, "false": 6}'),
        ("\ud800", '"�"'),
        ("žluťoučký 😀", '"žluťoučký 😀"'),
        (RudeText("abc"), '"abc"'),
        (Unprintable(), '"<Unprintable: str() raised RuntimeError>"'),
        (Misleading(), '"<Misleading: str() raised TypeError>"'),
        (RudeDict(a=1), '"<RudeDict: RuntimeError>"'),
        (RudeList([1]), '"<RudeList: RuntimeError>"'),
        ({"good": 1, "bad": RudeList([1])}, '{"good": 1, "bad": "<RudeList: RuntimeError>"}'),
        ([Unprintable(), 1], '["<Unprintable: str() raised RuntimeError>", 1]'),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_what_is_written(recording: Recording, value: Any, text: str) -> None:
    """TRACE-3, TRACE-4: JSON as json.dumps spaces it; what JSON cannot hold passes through str()."""
    peekr.trace(lambda: value, name="f")()
    assert recording.only.attributes["output"] == text


def test_the_input_is_what_it_was_at_the_time_of_the_call(recording: Recording) -> None:
    """TRACE-3: values that the function changes are captured as they came."""

    @peekr.trace(name="f")
    def change(values: List[int], *, options: Dict[str, int]) -> List[int]:
        values.append(2)
        options["b"] = 2
        return values

    result = change([1], options={"a": 1})
    result.append(3)
    attributes = recording.only.attributes
    assert json.loads(attributes["input"]) == {"args": [[1]], "kwargs": {"options": {"a": 1}}}
    assert json.loads(attributes["output"]) == [1, 2]


def test_a_dict_that_another_thread_changes_all_the_time_is_captured(recording: Recording) -> None:
    """TRACE-4, INST-13"""
    shared: Dict[Any, Any] = {number: object() for number in range(50)}
    over = threading.Event()

    def change() -> None:
        number = 50
        while not over.is_set():
            shared[number] = number
            shared.pop(number - 50, None)
            number += 1

    thread = threading.Thread(target=change)
    thread.start()
    read = peekr.trace(lambda given: len(given), name="f")
    try:
        for _ in range(300):
            read(shared)
    finally:
        over.set()
        thread.join()
    inputs = [span.attributes["input"] for span in recording.spans]
    assert len(inputs) == 300
    assert all(text.startswith('{"args": [{"') for text in inputs)


def test_without_capture_the_values_are_not_even_looked_at(recording: Recording) -> None:
    """TRACE-5"""
    looked = []

    class Watched:
        def __str__(self) -> str:
            looked.append(1)
            return "watched"

    peekr.trace(lambda value: value, name="f", capture_io=False)(Watched())
    assert not {"input", "output"} & set(recording.only.attributes)
    assert looked == []
