"""The records that diagnosis and page work on: a span in short keys. Pure.

One record is a flat JSON object; in Python a :class:`Record`, in the page the object of :func:`as_dict`. A key whose
value is the default (null, ``{}``, ``[]``, ``"ok"``) is left out of the JSON.

========== ======== =================================================================================================
key        type     meaning
========== ======== =================================================================================================
trace      text     trace_id
id         text     span_id
name       text     the span's name
kind       text     ``llm``, ``tool``, ``memory_read``, ``run``, … (no embedding is ``llm``); ``internal`` never counts
start      number   Unix seconds
parent     text     span_id of the parent; null for a root
root       text     name of the trace's root, where it is known; a root's own record always has it
status     text     ``ok`` or ``error``
open       bool     the span has not ended yet
ms         number   duration in milliseconds
model      text
tin, tout  number   tokens_input, tokens_output
tok        number   tokens_total, as far as they are billed (contract MODEL-2, LC-6)
cost       number   US dollars; null where the price is unknown
scores     object   evaluator → 0.0 to 1.0
errs       object   evaluator → why there is no score ("Type: message")
claims     object   ``{total, supported, contradicted, unsupported}`` of ``hallucination_details``
cites      object   ``{total, grounded, invented}`` of ``citation_details``
tenant     text     tenant_id
user       text     user_id. The channel "tenant" is tenant, else user (contract DASH-12)
session    text     session_id
feature    text     its own, else that of the request around a call (:mod:`~peekr_dashboard.diagnostics.requests`)
endpoint   text     route of the HTTP request; likewise
reason     text     error_reason; a failed span without one has ``error_type``, else ``other``
tool       text     of a tool: tool_name, else the name without ``tool.``
memories   list     of a recall: ``{id, rank, similarity, age}``, age in seconds
hits       list     of an LLM call: ids of the recalled memories that its answer used; null if that was not looked for
========== ======== =================================================================================================

:func:`detail_of` gives what one call's panel shows beyond that (texts, verdicts, citations, chunks).
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import msgspec

from peekr import Span
from peekr.runs import BILLED_KINDS, number_of
from peekr.wire import encode
from peekr_dashboard.diagnostics.attributes import Attributes, Citations, Claims, Recalled, read_mapping

#: Kinds of spans whose attributes say something to a rule.
TELLING_KINDS = frozenset(("llm", "embedding", "tool", "memory_read"))
#: Kind of an evaluator's own spans, as old files have; they count nowhere (contract DASH-17).
INTERNAL = "internal"
#: Kind of a framework's span around a call that a provider's span tells of, too: one call, not two.
WRAPPER = "chain"
_INTERNAL_NAMES = ("peekr.internal", "peekr.eval.")


class Record(msgspec.Struct, omit_defaults=True, gc=False):
    """One span; see the module's table. The first thirteen fields are columns of a database, in this order."""

    trace: str
    id: str
    name: str
    kind: str
    start: float
    parent: Optional[str] = None
    status: str = "ok"
    open: bool = False
    tenant: Optional[str] = None
    user: Optional[str] = None
    root: Optional[str] = None
    ms: Optional[float] = None
    session: Optional[str] = None
    model: Optional[str] = None
    tin: Optional[float] = None
    tout: Optional[float] = None
    tok: Optional[float] = None
    cost: Optional[float] = None
    scores: Dict[str, float] = {}
    errs: Dict[str, str] = {}
    claims: Optional[Claims] = None
    cites: Optional[Citations] = None
    feature: Optional[str] = None
    endpoint: Optional[str] = None
    reason: Optional[str] = None
    tool: Optional[str] = None
    memories: List[Recalled] = []
    hits: Optional[List[str]] = None


def record_of(span: Span) -> Record:
    """Return the record of a span of any origin; what has another type than it should counts as absent."""
    out = Record(
        trace=span.trace_id,
        id=span.span_id,
        name=span.name,
        kind=span.kind,
        start=span.start_time,
        parent=span.parent_id,
        root=span.name if span.parent_id is None else None,
        status=span.status,
        open=not span.ended,
        ms=span.duration_ms,
        tenant=span.tenant_id,
        user=span.user_id,
        session=span.session_id,
    )
    if out.name.startswith(_INTERNAL_NAMES):
        out.kind = INTERNAL
    elif out.kind in TELLING_KINDS or out.status == "error":
        fill(out, read_mapping(span.attributes))
    else:
        out.endpoint, out.feature = _text(span, "endpoint"), _text(span, "feature")
    return out


def _text(span: Span, name: str) -> Optional[str]:
    value = span.attributes.get(name)
    return None if value is None else str(value)


def fill(record: Record, found: Attributes) -> None:
    """Put what the attributes say into a record whose kind, name and status are set."""
    kind = record.kind
    if found.internal or record.name.startswith(_INTERNAL_NAMES):
        record.kind = INTERNAL
        return
    if kind == "llm" and found.billed is False and not found.cached_response and not found.eval_scores:
        record.kind = kind = WRAPPER
    record.endpoint, record.feature = found.endpoint, found.feature
    if record.user is None:
        record.user = found.user_id
    if found.error_reason is not None:
        record.reason = found.error_reason
    elif record.status == "error":
        record.reason = found.error_type or "other"
    if kind == "llm":
        record.model = found.model
        if found.eval_scores is not None:
            record.scores = found.eval_scores
        if found.eval_errors is not None:
            record.errs = found.eval_errors
        record.claims, record.cites = found.hallucination_details, found.citation_details
        record.hits = found.memory_hits
    if kind in BILLED_KINDS:
        record.model = found.model
        record.tin, record.tout = found.tokens_input, found.tokens_output
        if found.billed is not False:
            record.tok, record.cost = found.tokens_total, found.cost_usd
    elif kind == "tool":
        record.tool = found.tool_name or tool_of(record.name)
    elif kind == "memory_read":
        record.memories = found.recalled()


def tool_of(name: str) -> str:
    """Return which tool a span of this name calls, where its attributes do not say."""
    return name[5:] or name if name.startswith("tool.") else name


def as_dict(record: Record) -> Dict[str, Any]:
    """Return the record as the page has it: JSON values, defaults left out."""
    out: Dict[str, Any] = msgspec.to_builtins(record)
    if out.get("status") == "ok":  # msgspec knows a default by its identity
        del out["status"]
    if not out.get("open", True):  # a database has 0
        del out["open"]
    return out


def from_dict(values: Mapping[str, Any]) -> Record:
    """Return the record of such an object.

    :raises msgspec.ValidationError: if a key is missing or has another type.
    """
    return msgspec.convert(values, Record)


def score_of(record: Record) -> Optional[float]:
    """Return the score that ranks a call: Hallucination, else the lowest of its scores, else None."""
    scores = record.scores
    if not scores:
        return None
    found = scores.get("Hallucination")
    return min(scores.values()) if found is None else found


def tenant_of(record: Record) -> Optional[str]:
    """Return the tenant channel (contract DASH-12, C-13)."""
    return record.tenant if record.tenant is not None else record.user


# -- one call ---------------------------------------------------------------------------------------------------------


def detail_of(span: Span) -> Dict[str, Any]:
    """Return what the panel of one call shows beyond its record.

    ``{"context", "answer", "error", "claims": [{"text", "verdict"}], "citations": [{"kind", "text", "grounded"}],
    "chunks": [{"n", "id", "title", "text"}]}``: whole texts where the payload has them. The context is that of the
    retrieved chunks, where there are any, else the messages.
    """
    attributes = span.attributes
    chunks = _dicts(attributes.get("evidence_chunks"))
    return {
        "context": _context(span, chunks),
        "answer": _answer(span),
        "error": _string(attributes.get("error")),
        "claims": [
            {"text": _string(each.get("text")) or "", "verdict": _verdict(each.get("verdict"))}
            for each in _dicts(_inside(attributes.get("hallucination_details"), "claims"))
        ],
        "citations": [
            {
                "kind": _string(each.get("kind")) or "reference",
                "text": _string(each.get("text")) or "",
                "grounded": each.get("grounded") is not False,
            }
            for each in _dicts(_inside(attributes.get("citation_details"), "items"))
        ],
        "chunks": [{name: each.get(name) for name in ("n", "id", "title", "text")} for each in chunks],
    }


def _context(span: Span, chunks: List[Dict[str, Any]]) -> str:
    from peekr.conversation import messages_of

    texts = [text for text in (_string(each.get("text")) for each in chunks) if text]
    if texts:
        return "\n\n".join(texts)
    try:
        messages = messages_of(span)
    except Exception:  # a payload that cannot be decoded
        messages = []
    if messages:
        return "\n\n".join(each["content"] for each in messages if each.get("content"))
    return _string(span.attributes.get("input")) or ""


def _answer(span: Span) -> str:
    from peekr.conversation import answer_of

    try:
        found = answer_of(span)
    except Exception:  # likewise
        found = None
    return found or _string(span.attributes.get("output")) or ""


def _verdict(value: Any) -> str:
    return value if value in ("supported", "contradicted") else "unsupported"


def _inside(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _dicts(value: Any) -> List[Dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _string(value: Any) -> Optional[str]:
    if value is None or isinstance(value, str):
        return value
    return encode(value).decode("utf-8", "replace") if isinstance(value, (dict, list)) else str(value)


def number(value: Any) -> Optional[float]:
    """Return a finite number as it is, and None for everything else."""
    found = number_of(value)
    return found if found is not None and found - found == 0 else None
