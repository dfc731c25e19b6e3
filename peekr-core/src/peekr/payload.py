"""The payload of an LLM span: the whole request and response of one call, within the limit."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from peekr.capture import PAYLOAD_LIMIT, document
from peekr.messages import lighten


def request_document(request: Any) -> Tuple[bytes, bool]:
    """Return a request as a JSON document, and whether it was cut. In the caller's thread.

    Base64 in a request that is too large is named by its length, so that the words behind it are kept.
    """
    encoded, cut = document(request)
    if not cut:
        return encoded, False
    try:
        return document(lighten(request))
    except Exception:  # a mapping that misbehaves; document() copes with it
        return encoded, True


def exchange(request: Optional[bytes], response: Any = None, *, cut: bool = False) -> bytes:
    """Return ``{"request": …, "response": …}`` as JSON; with ``"truncated": true`` if something was left out.

    :param request: a JSON document, or None where there was none.
    :param response: JSON data, or None where there was no response.
    :param cut: whether ``request`` was cut.
    """
    parts: List[bytes] = [b'{"request":', request or b"null"]
    if response is not None:
        encoded, shortened = document(response, max(PAYLOAD_LIMIT - len(parts[1]), PAYLOAD_LIMIT // 4))
        parts += [b',"response":', encoded]
        cut = cut or shortened
    parts.append(b',"truncated":true}' if cut else b"}")
    return b"".join(parts)
