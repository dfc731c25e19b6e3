"""What callers are told when something goes wrong: what they can mend, and nothing of the inside."""

from __future__ import annotations

import logging
from typing import Any, List

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response

from peekr.errors import AmbiguousId, StoreError, UnknownId
from peekr.terminal import neutral
from peekr_server.answers import Answer

logger = logging.getLogger("peekr")

#: Of a value that was refused, how much is shown.
_SHOWN = 200


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(AmbiguousId, _ambiguous)
    app.add_exception_handler(UnknownId, _unknown)
    app.add_exception_handler(StoreError, _store)
    app.add_exception_handler(Exception, _unexpected)


def invalid(where: List[Any], message: str) -> RequestValidationError:
    """Return the exception for a value that is wrong, in the shape that FastAPI's own have.

    :param where: ``["query", "limit"]``, ``["body", "spans", 3]``.
    """
    return RequestValidationError([{"type": "value_error", "loc": where, "msg": message}])


def not_found(what: str, name: str) -> HTTPException:
    """Return the exception for an id that the store does not have."""
    return HTTPException(404, f"{what} {name[:_SHOWN]} not found")


def _invalid(_request: Request, error: Any) -> Response:
    # without "input": it would give back what was sent, as far as 16 MB of it, and NaN that JSON does not have
    detail = [{name: each[name] for name in ("type", "loc", "msg") if name in each} for each in error.errors()]
    return Answer({"detail": detail}, 422)


def _ambiguous(_request: Request, error: Exception) -> Response:
    return Answer({"detail": str(error)}, 409)


def _unknown(_request: Request, _error: Exception) -> Response:
    return Answer({"detail": "No trace or run of this store has that id"}, 404)


def _store(request: Request, error: Exception) -> Response:
    logger.error("%s %s: %s", request.method, neutral(request.url.path), neutral(str(error)))
    return Answer({"detail": "The trace store could not be read or written; see the server's log"}, 500)


def _unexpected(_request: Request, _error: Exception) -> Response:
    return Answer({"detail": "Internal server error"}, 500, {"X-Content-Type-Options": "nosniff"})
