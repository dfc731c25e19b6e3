"""What the providers of SDKs made by Stainless share: the pure parts. The wrappers are tested with each SDK."""

from __future__ import annotations

from typing import Any

import pytest

from peekr.stainless.models import json_object, plain_model, serialize, view
from peekr.stainless.operations import Operation, Routes
from peekr.usage import count, known, part

CHAT, RUN, GET = Operation("chat", "chat"), Operation("run", "runs"), Operation("get", "chat", None, counts=False)
ROUTES = Routes({"threads/*/runs": RUN, "chat": CHAT}, {"chat/*": GET})


@pytest.mark.parametrize(
    ("method", "url", "operation"),
    [
        ("post", "/chat", CHAT),
        ("POST", "chat", CHAT),
        ("post", "/chat?beta=true", CHAT),
        ("post", "https://x.example/v1/chat/?a=1#b", CHAT),
        ("post", "/threads/t_1/runs", RUN),
        ("get", "/chat/c_1", GET),
        ("get", "/chat", None),
        ("put", "/chat", None),
        ("post", "/chat/c_1", None),
        ("post", None, None),
        (None, "/chat", None),
    ],
)
def test_an_operation_is_found_by_method_and_the_end_of_the_path(method: Any, url: Any, operation: Any) -> None:
    """Design 5: classified by operation, not by the method that was called."""
    assert ROUTES.find(method, url) is operation


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'{"a": NaN, "b": 2}', {"b": 2}),
        (b'{"a": "\\xff"}'.replace(b"\\xff", b"\xff"), {"a": "\ufffd"}),
        (b"[1, 2]", {"data": [1, 2]}),
        (b'"words"', {"text": "words"}),
        (b"<html>", {"text": "<html>"}),
        (b"", {"text": ""}),
    ],
)
def test_any_body_becomes_an_object(body: bytes, expected: Any) -> None:
    """INST-13: whatever a server answers with."""
    found = json_object(body)
    assert {name: value for name, value in found.items() if value == value} == expected


def test_a_large_body_does_not_carry_its_base64() -> None:
    body = b'{"data": "' + b"A" * 10_000 + b'"}'
    assert json_object(body) == {"data": "<base64, 10000 characters>"}


@pytest.mark.parametrize("value", [None, 3, "x", [1], object()])
def test_what_is_no_object_has_no_fields(value: Any) -> None:
    """INST-13: an event that is a number."""
    assert view(value) == {}


def test_plain_data_stays_as_it_is() -> None:
    assert plain_model({"a": 1}) == view({"a": 1}) == {"a": 1}
    assert serialize({"a": 1}) == b'{"a":1}'
    assert serialize(object()) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (3.0, 3), (0, 0), (-1, None), (True, None), ("3", None), (None, None), (float("nan"), None)],
)
def test_a_count_is_a_number_of_at_least_nothing(value: Any, expected: Any) -> None:
    """Never a count that nobody reported."""
    assert count({"n": value}, "n") == expected
    assert count({"n": value, "m": 7}, "n", "m") == (7 if expected is None else expected)


def test_a_part_is_an_object() -> None:
    assert part({"a": None, "b": {"c": 1}}, "a", "b") == {"c": 1}
    assert part({}, "a") == {}
    assert known({"a": 0, "b": None}) == {"a": 0}
