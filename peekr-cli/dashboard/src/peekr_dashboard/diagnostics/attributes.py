"""The attributes of a span that rules look at, decoded and nothing else: of a million spans in seconds.

Attributes come as JSON bytes (a column of a database) or as a mapping (of a span). Records of this program fit
:class:`Attributes` as they are; those of others are read again without types, what does not fit counting as absent.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Union

import msgspec

Number = Union[int, float, None]
_TEXTS = ("model", "endpoint", "feature", "user_id", "error_reason", "error_type", "tool_name")
_NUMBERS = ("tokens_input", "tokens_output", "tokens_total", "cost_usd")
_VERDICTS = ("supported", "contradicted", "unsupported")


class Claims(msgspec.Struct, gc=False):
    """Counts of ``hallucination_details`` (contract HALL-6)."""

    total: int
    supported: int
    contradicted: int
    unsupported: int


class Citations(msgspec.Struct, gc=False):
    """Counts of ``citation_details`` (contract CITE-2)."""

    total: int
    grounded: int
    invented: int


class Memory(msgspec.Struct, gc=False):
    """One of ``memories`` (contract MEM-1)."""

    id: Union[str, int, None] = None
    rank: Number = None
    similarity: Number = None
    age_seconds: Number = None


class Recalled(msgspec.Struct, gc=False):
    """A memory in a record, as the page has it; ``age`` in seconds."""

    id: str
    rank: Number = None
    similarity: Number = None
    age: Number = None


class Attributes(msgspec.Struct, gc=False):
    """The attributes that are looked at."""

    model: Optional[str] = None
    endpoint: Optional[str] = None
    feature: Optional[str] = None
    user_id: Optional[str] = None
    error_reason: Optional[str] = None
    error_type: Optional[str] = None
    tool_name: Optional[str] = None
    tokens_input: Number = None
    tokens_output: Number = None
    tokens_total: Number = None
    cost_usd: Number = None
    billed: Any = None
    cached_response: Any = None
    eval_scores: Optional[Dict[str, float]] = None
    eval_errors: Optional[Dict[str, str]] = None
    hallucination_details: Optional[Claims] = None
    citation_details: Optional[Citations] = None
    memories: Optional[List[Memory]] = None
    memory_hits: Optional[List[str]] = None
    internal: Any = msgspec.field(name="peekr.internal", default=None)

    def recalled(self) -> List[Recalled]:
        """Return the memories that have an id, best first where they have no ranks of their own."""
        return [
            Recalled(str(each.id), place if each.rank is None else each.rank, each.similarity, each.age_seconds)
            for place, each in enumerate(self.memories or (), 1)
            if each.id is not None
        ]


_decode = msgspec.json.Decoder(Attributes).decode


def read_bytes(attributes: Optional[bytes]) -> Attributes:
    """Return the attributes in a column. Never raises."""
    if not attributes:
        return Attributes()
    try:
        return _decode(attributes)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return read_mapping(_decoded(attributes))


def read_mapping(attributes: Any) -> Attributes:
    """Return the attributes of a span. Never raises."""
    if not isinstance(attributes, Mapping):
        return Attributes()
    wanted = {name: attributes[name] for name in Attributes.__struct_fields__ if attributes.get(name) is not None}
    texts: Dict[str, Any] = {name: str(wanted[name]) for name in _TEXTS if name in wanted}
    numbers: Dict[str, Any] = {name: _number(wanted.get(name)) for name in _NUMBERS}
    return Attributes(
        **texts,
        **numbers,
        billed=wanted.get("billed"),
        cached_response=wanted.get("cached_response"),
        eval_scores=_scores(wanted.get("eval_scores")),
        eval_errors=_errors(wanted.get("eval_errors")),
        hallucination_details=_claims(wanted.get("hallucination_details")),
        citation_details=_citations(wanted.get("citation_details")),
        memories=_memories(wanted.get("memories")),
        memory_hits=_ids(wanted.get("memory_hits")),
        internal=attributes.get("peekr.internal"),
    )


# -- without types ----------------------------------------------------------------------------------------------------


def _decoded(text: Any) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return None


def _number(value: Any) -> Number:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value - value != 0:
        return None
    return value


def _whole(value: Any) -> Optional[int]:
    found = _number(value)
    return None if found is None else int(found)


def _scores(value: Any) -> Dict[str, float]:
    if not isinstance(value, Mapping):
        return {}
    return {str(name): score for name, score in value.items() if _number(score) is not None}


def _errors(value: Any) -> Dict[str, str]:
    return {str(name): str(reason) for name, reason in value.items()} if isinstance(value, Mapping) else {}


def _claims(value: Any) -> Optional[Claims]:
    if not isinstance(value, Mapping):
        return None
    total = _whole(value.get("total"))
    if total is not None:
        return Claims(total, *(_whole(value.get(name)) or 0 for name in _VERDICTS))
    claims = value.get("claims")
    if not isinstance(claims, list):
        return None
    verdicts = [each.get("verdict") for each in claims if isinstance(each, Mapping)]
    supported, contradicted = verdicts.count("supported"), verdicts.count("contradicted")
    return Claims(len(verdicts), supported, contradicted, len(verdicts) - supported - contradicted)


def _citations(value: Any) -> Optional[Citations]:
    if not isinstance(value, Mapping):
        return None
    total, grounded, invented = (_whole(value.get(name)) for name in ("total", "grounded", "invented"))
    items = value.get("items")
    if total is None and isinstance(items, list):
        found = [each.get("grounded") is not False for each in items if isinstance(each, Mapping)]
        total, grounded, invented = len(found), sum(found), len(found) - sum(found)
    if total is None:
        return None
    if invented is None:
        invented = 0 if grounded is None else total - grounded
    return Citations(total, total - invented, invented)


def _memories(value: Any) -> Optional[List[Memory]]:
    if not isinstance(value, list):
        return None
    return [
        Memory(
            None if each.get("id") is None else str(each["id"]),
            _number(each.get("rank")),
            _number(each.get("similarity")),
            _number(each.get("age_seconds")),
        )
        for each in value
        if isinstance(each, Mapping)
    ]


def _ids(value: Any) -> Optional[List[str]]:
    return [str(each) for each in value] if isinstance(value, list) else None
