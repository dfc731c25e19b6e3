"""Sending a recorded request again through an SDK that Stainless generates."""

from __future__ import annotations

import sys
from typing import Any, ClassVar, Dict, Mapping, Optional, Tuple

from peekr.payload import request_document
from peekr.replaying import Request, Shape
from peekr.spans import Span
from peekr.stainless.call import Call
from peekr.stainless.sdk import Sdk

#: What a streamed request has that one at once must not have.
_STREAMING = ("stream", "stream_options")
#: Seconds that an answer may take; it is not streamed, so nothing comes before all of it.
_TIMEOUT_S = 600.0


class StainlessReplayer:
    """Posts the request as it was recorded: nothing of the SDK's helpers stands between.

    :ivar distribution: the SDK, which is also the name of its module.
    :ivar own_host: of the API.
    :ivar shapes: name of the span → path to post to, and the shape of the request.
    """

    distribution: str
    own_host: str
    shapes: ClassVar[Mapping[str, Tuple[str, Shape]]]

    def sdk(self) -> Sdk:
        """Return what is particular to the SDK."""
        raise NotImplementedError

    def client(self, old: Span) -> Any:
        """Return a new client with credentials and address from the environment.

        :raises ImportError: if the SDK is not installed.
        """
        raise NotImplementedError

    def shape(self, span: Span) -> Optional[Shape]:
        known = self.shapes.get(span.name)
        return None if known is None else known[1]

    def host(self, client: Any) -> Optional[str]:
        host = getattr(client.base_url, "host", None)
        return None if host == self.own_host else host

    def send(self, span: Span, old: Span, request: Request, client: Any) -> None:
        streamed = bool(request.get("stream"))
        body = {name: value for name, value in request.items() if not (streamed and name in _STREAMING)}
        path, sdk = self.shapes[old.name][0], self.sdk()
        operation = sdk.routes.find("post", path)
        assert operation is not None, path
        call = Call(sdk, span, operation, type(client), client.base_url, streaming=False)
        call.request, call.cut = request_document(body)
        try:
            call.body = self._post(client, path, body)
        except Exception as error:
            sdk.describe_error(span, error)
            raise
        finally:
            call.resolve(span)

    def _post(self, client: Any, path: str, body: Dict[str, Any]) -> bytes:
        base: Any = sys.modules[f"{self.distribution}._base_client"]
        http = getattr(base, "httpx2", None) or base.httpx
        options = {"timeout": _TIMEOUT_S}
        response = client.post(path, cast_to=http.Response, body=body, options=options)
        return bytes(response.content)
