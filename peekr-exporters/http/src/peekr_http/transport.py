"""One POST: the client with its connections, headers and compression. Never raises, never shows the key."""

from __future__ import annotations

import gzip
import time
from typing import Any, List, Optional, Union

import attrs
import httpx

from peekr.terminal import neutral
from peekr_http.retry import Verdict, retry_after_s, verdict_of

#: Characters of a server's explanation that are repeated in a log.
_DETAIL = 200


@attrs.frozen
class Answer:
    """What came of one attempt.

    :ivar kind: short, the same for the same trouble: ``HTTP 503``, ``ConnectError``.
    :ivar reason: one line for people, without the key.
    :ivar reached: whether a server answered at all.
    :ivar retry_after_s: seconds that the server asked for.
    """

    verdict: Verdict
    kind: str = ""
    reason: str = ""
    reached: bool = True
    retry_after_s: Optional[float] = None


class Transport:
    """Posts bodies to one address. For one thread at a time."""

    def __init__(self, address: str, api_key: str, compress: Union[str, bool], min_bytes: int) -> None:
        self.address = address
        #: httpx shows this header as ``[secure]``, so the key stays out of every repr.
        self._headers = httpx.Headers({"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"})
        self._compress = compress is True
        self._learns = compress == "auto"
        self._min_bytes = min_bytes
        self._client: Optional[httpx.Client] = None

    def post(self, body: bytes, timeout_s: float) -> Answer:
        """Send one body and say what came of it. ``timeout_s`` holds for connecting, each write and each read."""
        headers, compressed = self._headers, self._compress and len(body) >= self._min_bytes
        if compressed:
            body = gzip.compress(body, 5)
            headers = httpx.Headers({**headers, "Content-Encoding": "gzip"})
        try:
            response = self._opened().post(self.address, content=body, headers=headers, timeout=timeout_s)
        except Exception as error:
            return self._unreached(error)
        return self._answered(response, compressed)

    def get(self, address: str, timeout_s: float) -> bytes:
        """Return the body of another address of the same server, over a connection of its own; any thread.

        :raises httpx.HTTPError: if there is none; its message does not have the key.
        """
        headers = {"Authorization": self._headers["Authorization"]}
        response = httpx.get(address, headers=headers, timeout=timeout_s, follow_redirects=False)
        if not response.is_success:
            raise httpx.HTTPStatusError(self._explained(response), request=response.request, response=response)
        return response.content

    def _opened(self) -> httpx.Client:
        if self._client is None:
            self._client = httpx.Client(follow_redirects=False)
        return self._client

    def _unreached(self, error: Exception) -> Answer:
        kind = type(error).__name__
        network = isinstance(error, (httpx.TransportError, OSError))
        verdict = Verdict.RETRY if network else Verdict.REJECTED
        return Answer(verdict, kind, self._clean(f"{kind}: {error}"), reached=False)

    def _answered(self, response: Any, compressed: bool) -> Answer:
        verdict = verdict_of(response.status_code, compressed)
        if self._learns and verdict is Verdict.SENT and not self._compress:
            # RFC 7694: a server that understands compressed requests says so in its answers.
            self._compress = "gzip" in response.headers.get("Accept-Encoding", "").lower()
        if verdict is Verdict.PLAIN:
            self._compress = self._learns = False
        if verdict is Verdict.SENT:
            return Answer(verdict)
        after = retry_after_s(response.headers.get("Retry-After"), time.time())
        return Answer(verdict, f"HTTP {response.status_code}", self._explained(response), retry_after_s=after)

    def _explained(self, response: Any) -> str:
        reason = f"HTTP {response.status_code} {response.reason_phrase}".strip()
        if response.is_redirect:
            target = response.headers.get("Location", "").partition("?")[0][:_DETAIL]
            return self._clean(f"{reason} to {target}; redirects are not followed, as they would carry the key along")
        detail = response.text[:_DETAIL].strip()
        return self._clean(f"{reason}: {detail}" if detail else reason)

    def _clean(self, text: str) -> str:
        key = self._headers["Authorization"].partition(" ")[2]
        return neutral(text.replace(key, "***"))

    def close(self) -> None:
        """Close the connections; the next :meth:`post` opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def abandon(self) -> None:
        """Forget the connections without a word to the server: they belong to the process that was forked."""
        if self._client is not None:
            _abandoned.append(self._client)
            self._client = None


_abandoned: List[httpx.Client] = []
