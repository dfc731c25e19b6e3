"""An HTTP API that answers from a script, in process: for SDKs that take a client of httpx or httpx2."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, Optional, Sequence


def sse(events: Sequence[Any], *, named: bool = False) -> bytes:
    """Return events as the body of a stream of server-sent events.

    :param named: whether each has its ``type`` as its name.
    """
    parts = []
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        parts.append(f"{name}data: {json.dumps(event)}\n\n")
    return "".join(parts).encode()


class ScriptedAPI:
    """Answers each request with the next of its answers, the last one again and again.

    An answer is a dict (JSON), bytes (a stream of events), a text, a response of that httpx, an exception to raise,
    a pair of a status and one of these, or a function of the request that gives one.

    :param httpx: the module that the SDK uses: ``httpx`` or ``httpx2``.
    :ivar requests: the JSON bodies of the requests so far; ``{"path": …}`` of those that have none.
    :ivar headers: sent with every answer.
    """

    def __init__(self, httpx: Any, *answers: Any) -> None:
        self.httpx = httpx
        self.answers: List[Any] = list(answers)
        self.requests: List[Dict[str, Any]] = []
        self.headers = {"retry-after-ms": "1"}

    def handle(self, request: Any) -> Any:
        """Answer one request."""
        body = request.content
        self.requests.append(json.loads(body) if body[:1] == b"{" else {"path": str(request.url.path)})
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer) and not isinstance(answer, type):
            answer = answer(request)
        if isinstance(answer, BaseException):
            raise answer
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        return content if isinstance(content, self.httpx.Response) else self.response(status, content)

    def response(self, status: int, content: Any) -> Any:
        """Return a response whose body is still to be read."""
        kind = "text/event-stream" if isinstance(content, bytes) else "text/plain"
        if isinstance(content, dict):
            kind, content = "application/json", json.dumps(content, indent=2)
        if isinstance(content, str):
            content = content.encode()
        if isinstance(content, bytes):
            content = self.body([content])
        return self.httpx.Response(status, headers={"content-type": kind, **self.headers}, stream=content)

    def client(self) -> Any:
        """Return a sync client of the API."""
        return self.httpx.Client(transport=self.httpx.MockTransport(self.handle))

    def async_client(self) -> Any:
        """Return an async client of the API."""

        async def handle(request: Any) -> Any:
            return self.handle(request)

        return self.httpx.AsyncClient(transport=self.httpx.MockTransport(handle))

    def body(self, parts: Sequence[bytes], error: Optional[BaseException] = None) -> Any:
        """Return a body that is still to be read, and breaks off with the error if there is one."""
        httpx = self.httpx

        class Body(httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc, name-defined]
            def __iter__(self) -> Iterator[bytes]:
                yield from parts
                if error is not None:
                    raise error

            async def __aiter__(self) -> Any:
                for part in self:
                    yield part

        return Body()
