"""How what goes into a vector store and comes out of it is shortened, and why a call failed: LLM-15, LLM-8."""

from __future__ import annotations

import enum
import json
from types import SimpleNamespace as Model
from typing import Any, Iterator, List

import attrs
import pytest

from peekr.testing.conformance import ERROR_REASONS
from peekr.vectorstores.failures import failure_attributes
from peekr.vectorstores.values import count, field, outline

VECTOR = [0.25] * 1536
TWO = "vector of 2 numbers"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (VECTOR, "vector of 1536 numbers"),
        (tuple(VECTOR), "vector of 1536 numbers"),
        ([VECTOR, VECTOR], "2 vectors of 1536 numbers"),
        ([VECTOR], "1 vector of 1536 numbers"),
        ({"vector": [1, 0, 1]}, {"vector": "vector of 3 numbers"}),
        ({"query": [0.5, 0.5]}, {"query": "vector of 2 numbers"}),
        ({"query_embeddings": [[0.5, 0.5]]}, {"query_embeddings": "1 vector of 2 numbers"}),
        ({"vector": {"title": [0.5, 0.5], "text": [1, 2]}}, {"vector": {"title": TWO, "text": TWO}}),
        ({"vectors": [("a", [0.5, 0.5], {"years": [1, 2]})]}, {"vectors": [["a", TWO, {"years": [1, 2]}]]}),
        ({"vectors": [{"id": "a", "values": [1, 2]}]}, {"vectors": [{"id": "a", "values": TWO}]}),
        ({"indices": [3, 7], "values": [0.5, 0.5]}, {"indices": TWO, "values": TWO}),
    ],
)
def test_a_vector_is_told_by_its_size(given: Any, shown: Any) -> None:
    assert outline(given) == shown


@pytest.mark.parametrize(
    "given",
    [
        {"ids": [1, 2, 3], "positive": [4], "negative": [5]},
        {"ids": list(range(15))},
        {"metadata": {"tags": ["sea", "whale"], "size": [21.0, 29.7], "read": True, "by": None}},
        {"year": 1851, "score": 0.93, "texts": ["Call me Ishmael."], "flags": [True] * 12},
        [],
        "",
    ],
)
def test_what_is_no_vector_stays(given: Any) -> None:
    assert outline(given) == given


def test_arrays_of_numpy_are_vectors() -> None:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    assert outline(numpy.zeros(384, dtype="float32")) == "vector of 384 numbers"
    assert outline(numpy.zeros((5, 384))) == "5 vectors of 384 numbers"
    assert outline([numpy.zeros(384), numpy.zeros(384)]) == "2 vectors of 384 numbers"
    assert outline({"vector": list(numpy.zeros(3, dtype="float32"))}) == {"vector": "vector of 3 numbers"}
    assert outline({"score": numpy.float32(0.5)}) == {"score": 0.5}


class Status(str, enum.Enum):
    DONE = "done"


@attrs.define(slots=False)
class Point:
    id: int
    vector: List[float]
    payload: Any = None


class Document:
    """Gives its entries as attributes, whatever they are called."""

    __slots__ = ("_data",)

    def __init__(self, data: Any) -> None:
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return self._data[name]

    def to_dict(self) -> Any:
        return self._data


def test_objects_of_an_sdk_are_shown_by_their_fields() -> None:
    assert outline(Point(1, VECTOR)) == {"id": 1, "vector": "vector of 1536 numbers"}
    assert outline({"status": Status.DONE}) == {"status": "done"}
    assert outline(Document({"_id": "a", "shape": "round"})) == {"_id": "a", "shape": "round"}
    assert outline(Model(ids=[1], _secret="x")) == {"ids": [1]}


def test_what_is_large_is_cut() -> None:
    """The cost does not grow with the number of records, nor the record with their size."""
    shown = outline({"documents": ["x" * 100_000] * 100_000})
    assert shown["documents"][-1] == "… 99990 more"
    assert len(json.dumps(shown)) < 4000
    assert outline({"ids": list(range(1000))})["ids"][-2:] == [19, "… 980 more"]
    wide = outline({str(at): at for at in range(1000)})
    assert wide["…"] == "980 more"
    deep: Any = []
    deep.append(deep)
    assert "…" in json.dumps(outline(deep), ensure_ascii=False)


class Broken(List[Any]):
    def __len__(self) -> int:
        raise RuntimeError("changed meanwhile")


def test_a_container_that_misbehaves_is_named() -> None:
    """INST-13."""
    assert outline({"points": Broken()}) == "<dict: RuntimeError>"


def test_how_many_records_there_are() -> None:
    def endless() -> Iterator[int]:
        yield 1

    assert [count(each) for each in (["a", "b"], "a", {"id": "a"}, (), None, endless())] == [2, 1, 1, 0, None, None]


def test_a_field_is_an_entry_or_an_attribute_but_no_method() -> None:
    assert field({"id": 1}, "id") == field(Model(id=1), "id") == 1
    assert field({}, "values") is None
    assert field(Document({"values": 1}), "to_dict") is None


class HttpError(Exception):
    def __init__(self, **own: Any) -> None:
        super().__init__("no")
        self.__dict__.update(own)


class ConnectError(Exception):
    pass


class ReadTimeout(Exception):
    pass


def _caused(cause: BaseException) -> BaseException:
    error = RuntimeError("could not reach the store")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (HttpError(status_code=401), "auth"),
        (HttpError(status=429), "rate_limit"),
        (HttpError(status=503), "server_error"),
        (HttpError(code=lambda: 404), "bad_request"),
        (HttpError(code=lambda: Model(name="DEADLINE_EXCEEDED")), "timeout"),
        (HttpError(code=lambda: Model(name="RESOURCE_EXHAUSTED")), "rate_limit"),
        (HttpError(code=lambda: Model(name="INVALID_ARGUMENT")), "bad_request"),
        (HttpError(response=Model(status_code=403)), "auth"),
        (HttpError(source=ConnectionRefusedError("no")), "connection"),
        (ConnectError("no"), "connection"),
        (ReadTimeout("no"), "timeout"),
        (_caused(ConnectionResetError("gone")), "connection"),
        (ValueError("top_k must be positive"), "bad_request"),
        (TypeError("missing argument"), "bad_request"),
        (KeyboardInterrupt(), "cancelled"),
        (RuntimeError("?"), "other"),
    ],
)
def test_why_a_call_failed(error: BaseException, reason: str) -> None:
    """LLM-8: whatever the SDK raises."""
    assert failure_attributes(error)["error_reason"] == reason
    assert reason in ERROR_REASONS


class Spiteful(Exception):
    @property
    def status_code(self) -> int:
        raise RuntimeError("no")


def test_an_exception_that_misbehaves_has_a_reason_too() -> None:
    """INST-13."""
    assert failure_attributes(Spiteful()) == {"error_reason": "other"}
