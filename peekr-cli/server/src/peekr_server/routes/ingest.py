"""``POST /v1/spans``: spans of other programs (contract API-12, HTTPX-4, XRT-6)."""

from __future__ import annotations

from typing import Any, Dict, List

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool

from peekr.spans import Span
from peekr_server import shapes
from peekr_server.answers import Answer
from peekr_server.bodies import decoded, read_body
from peekr_server.context import Context, context, writer
from peekr_server.errors import invalid

router = APIRouter(prefix="/v1/spans", tags=["ingest"], dependencies=[Depends(writer)])

#: Wrong spans that an answer names.
_NAMED = 10


@router.post(
    "",
    response_model=shapes.Accepted,
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": shapes.SPANS}}}},
)
async def post_spans(request: Request) -> Any:
    """Store spans: all of a request, or, if one of them is none, nothing.

    A span that comes again replaces its older self, so that sending a request twice does no harm. The body may be
    compressed (`Content-Encoding: gzip`).
    """
    here = context(request)
    body = await read_body(request, here.max_body_bytes)
    encoding = request.headers.get("content-encoding", "")
    accepted = await run_in_threadpool(_store, here, body, encoding)
    # RFC 7694: clients may compress from now on
    return Answer({"accepted": accepted}, headers={"Accept-Encoding": "gzip"})


def _store(here: Context, body: bytes, encoding: str) -> int:
    spans = spans_of(decoded(body, encoding, here.max_body_bytes))
    if spans:
        here.source.write(spans)
    return len(spans)


def spans_of(body: Any) -> List[Span]:
    """Return the spans of ``{"spans": [record, …]}``.

    :raises RequestValidationError: if it is something else, or one of them is no span; says which.
    """
    records = body.get("spans") if isinstance(body, dict) else None
    if not isinstance(records, list):
        raise invalid(["body", "spans"], 'must be a list of span records: {"spans": [...]}')
    spans: List[Span] = []
    wrong: List[Dict[str, Any]] = []
    for at, record in enumerate(records):
        try:
            spans.append(_span(record))
        except (ValueError, TypeError, RecursionError) as error:
            wrong.append({"type": "value_error", "loc": ["body", "spans", at], "msg": str(error)[:300]})
            if len(wrong) == _NAMED:
                break
    if wrong:
        raise RequestValidationError(wrong)
    return spans


def _span(record: Any) -> Span:
    if not isinstance(record, dict):
        raise ValueError(f"a span is an object, got {type(record).__name__}")
    return Span.from_dict(record)
