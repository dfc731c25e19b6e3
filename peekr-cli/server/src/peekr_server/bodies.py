"""The body of a request to write: bounded before and after decompression, whatever the client says its length is."""

from __future__ import annotations

import zlib
from typing import Any, List

from fastapi import HTTPException, Request

from peekr import wire
from peekr_server.errors import invalid

_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request, most: int) -> bytes:
    """Return the bytes as they were sent.

    :param most: bytes.
    :raises HTTPException: 413 if there are more.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and len(declared) < 20 and int(declared) > most:
        raise _too_large(most)
    chunks: List[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        chunks.append(chunk)
    return b"".join(chunks)


def decoded(body: bytes, encoding: str, most: int) -> Any:
    """Return what a body says, as JSON values.

    :param encoding: of the header ``Content-Encoding``.
    :raises HTTPException: 413 if it is longer than ``most`` bytes when decompressed; 415 for another encoding than
        gzip.
    :raises RequestValidationError: if it is no JSON.
    """
    encoding = encoding.strip().lower()
    if encoding in ("gzip", "x-gzip"):
        body = _decompressed(body, most)
    elif encoding not in ("", "identity"):
        raise HTTPException(415, "Content-Encoding must be gzip or identity", {"Accept-Encoding": "gzip"})
    try:
        return wire.decode_any(body)
    except (ValueError, RecursionError) as error:
        raise invalid(["body"], f"is no JSON: {str(error)[:200]}") from None


def _decompressed(body: bytes, most: int) -> bytes:
    """Unpack no more than is allowed: a megabyte of gzip may be a gigabyte of zeros."""
    out: List[bytes] = []
    size = 0
    while body:  # a file of gzip may have several members
        unpacker = zlib.decompressobj(_GZIP)
        try:
            out.append(unpacker.decompress(body, most - size + 1))
        except zlib.error as error:
            raise invalid(["body"], f"is no gzip: {error}") from None
        size += len(out[-1])
        if size > most:
            raise _too_large(most)
        if not unpacker.eof:
            raise invalid(["body"], "is no gzip: it ends too early")
        body = unpacker.unused_data
    return b"".join(out)


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"The request is larger than {most} bytes; send fewer spans at a time")
