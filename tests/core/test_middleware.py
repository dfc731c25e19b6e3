"""One span per HTTP request: ``peekr.FastAPIMiddleware`` (MW-1 to MW-4, MODEL-2, SPAN-6, C-38, XRT-5)."""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple

import pytest

import peekr
from peekr import FastAPIMiddleware, PeekrASGIMiddleware
from peekr.middleware import route_of
from peekr.testing import Recording

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def scope_of(path: str, method: str = "GET", headers: Optional[Dict[str, str]] = None, **more: Any) -> Dict[str, Any]:
    """What a server says of a request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"secret=1",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()],
        "server": ("testserver", 80),
        "client": ("testclient", 50000),
        **more,
    }


async def serve(app: Any, scope: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Let an application answer one request without a body; return what it sent."""
    sent: List[Dict[str, Any]] = []
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Dict[str, Any]:
        return messages.pop() if messages else await asyncio.get_running_loop().create_future()  # it stays connected

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await app(scope, receive, send)
    return sent


def ask(app: Any, path: str, method: str = "GET", headers: Optional[Dict[str, str]] = None, **more: Any) -> Any:
    """Ask, and return the status and the body."""
    sent = asyncio.run(serve(app, scope_of(path, method, headers, **more)))
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], body


def answering(
    status: int = 200, inside: Optional[Callable[[], None]] = None, chunks: Tuple[bytes, ...] = (b"ok",)
) -> Callable[..., Awaitable[None]]:
    """An application without a framework."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if inside is not None:
            inside()
        await send({"type": "http.response.start", "status": status, "headers": []})
        for number, chunk in enumerate(chunks, 1):
            await send({"type": "http.response.body", "body": chunk, "more_body": number < len(chunks)})

    return app


class TestSpan:
    def test_a_request_is_one_root_span(self, recording: Recording) -> None:
        """MW-1, MW-2."""
        assert ask(FastAPIMiddleware(answering()), "/chat", "POST") == (200, b"ok")
        span = recording.only
        assert (span.name, span.kind, span.parent_id, span.status) == ("POST /chat", "http", None, "ok")
        assert span.attributes == {
            "endpoint": "/chat",
            "feature": "http_request",
            "http.method": "POST",
            "http.path": "/chat",
            "http.status_code": 200,
        }
        assert span.session_id is None and span.user_id is None and span.tenant_id is None

    def test_what_happens_inside_is_its_child(self, recording: Recording) -> None:
        """MODEL-8; two requests are two traces (CTX-2)."""

        @peekr.trace(name="tool.look")
        def look() -> None:
            pass

        app = FastAPIMiddleware(answering(inside=look))
        ask(app, "/a")
        ask(app, "/b")
        first, request, _, other = recording.spans
        assert (first.parent_id, first.trace_id, first.run_id) == (request.span_id, request.trace_id, request.span_id)
        assert other.trace_id != request.trace_id

    def test_what_the_program_sets_itself_stays(self, recording: Recording) -> None:
        """C-38; example E1-11."""

        def inside() -> None:
            span = peekr.get_current_span()
            assert span is not None
            span.attributes.update(endpoint="/mine", feature="search")
            span.name = "turn"

        ask(PeekrASGIMiddleware(answering(inside=inside)), "/chat")
        span = recording.only
        assert (span.name, span.attributes["endpoint"], span.attributes["feature"]) == ("turn", "/mine", "search")
        assert span.attributes["http.path"] == "/chat"

    def test_requests_at_once_do_not_mix(self, recording: Recording) -> None:
        """CTX-1."""

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await asyncio.sleep(0)
            with peekr.span(f"inside {scope['path']}"):
                await asyncio.sleep(0)
            await answering()(scope, receive, send)

        async def all_at_once() -> None:
            traced = FastAPIMiddleware(app)
            await asyncio.gather(*(serve(traced, scope_of(f"/{number}")) for number in range(20)))

        asyncio.run(all_at_once())
        requests = {span.span_id: span for span in recording.spans if span.kind == "http"}
        assert len(requests) == len({span.trace_id for span in requests.values()}) == 20
        for span in recording.spans:
            if span.kind != "http":
                assert span.parent_id and requests[span.parent_id].name == "GET " + span.name.split()[1]

    def test_it_continues_the_callers_trace(self, recording: Recording) -> None:
        """XRT-5."""
        ask(FastAPIMiddleware(answering()), "/", headers={"Traceparent": f"00-{TRACE}-{SPAN}-01"})
        assert (recording.only.trace_id, recording.only.parent_id) == (TRACE, SPAN)

    def test_nothing_is_current_afterwards(self, recording: Recording) -> None:
        async def one_after_another() -> None:
            await serve(FastAPIMiddleware(answering()), scope_of("/"))
            assert peekr.get_current_span() is None

        asyncio.run(one_after_another())


class TestEnd:
    def test_the_span_ends_with_the_last_byte(self, recording: Recording) -> None:
        """MW-2; what runs in the background afterwards is still of the trace (CTX-3)."""
        seen = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            span = peekr.get_current_span()
            assert span is not None
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            seen.append(span.ended)
            await send({"type": "http.response.body", "body": b"b"})
            seen.append(span.ended)
            with peekr.span("in the background"):
                pass

        assert ask(FastAPIMiddleware(app), "/") == (200, b"ab")
        assert seen == [False, True]
        request, background = recording.spans
        assert (background.parent_id, background.trace_id) == (request.span_id, request.trace_id)

    def test_a_file_that_the_server_sends_ends_it(self, recording: Recording) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.pathsend", "path": "/tmp/x"})
            assert [span.name for span in recording.spans] == ["GET /file"]

        ask(FastAPIMiddleware(app), "/file")

    def test_an_application_that_sends_nothing(self, recording: Recording) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            pass

        asyncio.run(serve(FastAPIMiddleware(app), scope_of("/")))
        assert recording.only.status == "ok" and "http.status_code" not in recording.only.attributes

    def test_messages_that_are_against_the_protocol_are_the_servers_business(self, recording: Recording) -> None:
        messages: List[Dict[str, Any]] = [{}, {"type": "http.response.start"}, {"type": "http.response.body"}]

        async def app(scope: Any, receive: Any, send: Any) -> None:
            for message in messages:
                await send(message)

        assert asyncio.run(serve(FastAPIMiddleware(app), scope_of("/"))) == messages
        assert "http.status_code" not in recording.only.attributes

    @pytest.mark.parametrize(("status", "error"), [(500, "500 Internal Server Error"), (599, "599")])
    def test_a_status_of_the_servers_fault_is_an_error(self, recording: Recording, status: int, error: str) -> None:
        assert ask(FastAPIMiddleware(answering(status)), "/")[0] == status
        span = recording.only
        assert (span.status, span.attributes["http.status_code"]) == ("error", status)
        assert (span.attributes["error"], span.attributes["error_reason"]) == (error, "server_error")

    @pytest.mark.parametrize("status", [301, 404, 422, 499])
    def test_a_status_of_the_clients_fault_is_none(self, recording: Recording, status: int) -> None:
        ask(FastAPIMiddleware(answering(status)), "/")
        assert recording.only.status == "ok" and recording.only.attributes["http.status_code"] == status

    def test_an_exception_passes_through(self, recording: Recording) -> None:
        def inside() -> None:
            raise KeyError("gone")

        with pytest.raises(KeyError, match="gone"):
            ask(FastAPIMiddleware(answering(inside=inside)), "/")
        span = recording.only
        assert (span.status, span.attributes["error_type"]) == ("error", "KeyError")
        assert span.attributes["http.status_code"] == 500  # the server's answer

    def test_a_client_that_goes_away(self, recording: Recording) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await asyncio.get_running_loop().create_future()

        async def cancelled() -> None:
            task = asyncio.ensure_future(serve(FastAPIMiddleware(app), scope_of("/")))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancelled())
        assert recording.only.status == "error"
        assert recording.only.attributes["error_type"] == "CancelledError"
        assert "http.status_code" not in recording.only.attributes

    def test_an_exception_after_the_last_byte_is_no_concern_of_the_request(self, recording: Recording) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await answering()(scope, receive, send)
            raise OSError("in the background")

        with pytest.raises(OSError, match="background"):
            ask(FastAPIMiddleware(app), "/")
        assert recording.only.status == "ok"


class TestWho:
    def test_tenant_and_user_are_taken_over_by_all_spans_inside(self, recording: Recording) -> None:
        """MW-3."""

        def inside() -> None:
            with peekr.span("inside"):
                pass

        app = FastAPIMiddleware(answering(inside=inside))
        ask(app, "/", headers={"x-tenant-id": "acme", "X-USER-ID": " zoë "})
        assert [(span.tenant_id, span.user_id) for span in recording.spans] == [("acme", "zoë")] * 2
        ask(app, "/", headers={"x-tenant-id": ""})
        assert recording.spans[-1].tenant_id is None
        asyncio.run(serve(app, {**scope_of("/"), "headers": [(b"x-user-id", "zoë ☃".encode())]}))
        assert recording.spans[-1].user_id == "zoë ☃"

    def test_headers_of_other_names_and_none(self, recording: Recording) -> None:
        """MW-2."""
        app = FastAPIMiddleware(answering(), tenant_header="X-Org", user_header=None)
        ask(app, "/", headers={"x-org": "acme", "x-user-id": "dana"})
        assert (recording.only.tenant_id, recording.only.user_id) == ("acme", None)

    def test_a_session_inside_keeps_them(self, recording: Recording) -> None:
        """SESS-3; one that names another user wins."""

        def inside() -> None:
            with peekr.session(session_id="s", user_id="eve"), peekr.span("inside"):
                pass

        ask(FastAPIMiddleware(answering(inside=inside)), "/", headers={"X-Tenant-Id": "acme", "X-User-Id": "dana"})
        span = recording.spans[0]
        assert (span.session_id, span.user_id, span.tenant_id) == ("s", "eve", "acme")


class TestLeftOut:
    @pytest.mark.parametrize("path", ["/healthz", "/health", "/metrics", "/ping"])
    def test_paths_that_only_machines_ask_for(self, recording: Recording, path: str) -> None:
        """MW-2."""
        assert ask(FastAPIMiddleware(answering()), path)[0] == 200
        assert recording.spans == []

    def test_paths_of_ones_own(self, recording: Recording) -> None:
        app = FastAPIMiddleware(FastAPIMiddleware(answering(), skip_paths=None), skip_paths=["/quiet"])
        ask(app, "/quiet")
        assert [span.name for span in recording.spans] == ["GET /quiet"]  # by the one inside
        recording.clear()
        app = FastAPIMiddleware(answering(), "X-Tenant", "X-User", {"/quiet"})
        ask(app, "/quiet")
        ask(app, "/health")
        assert [span.name for span in recording.spans] == ["GET /health"]

    @pytest.mark.parametrize("kind", ["lifespan", "websocket"])
    def test_what_is_no_request_passes_through(self, recording: Recording, kind: str) -> None:
        seen = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append((scope, send))

        async def send(message: Any) -> None:
            pass

        scope = {"type": kind, "path": "/", "headers": []}
        asyncio.run(FastAPIMiddleware(app)(scope, send, send))  # type: ignore[arg-type]
        assert seen == [(scope, send)] and recording.spans == []

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"skip_paths": "/health"}, "skip_paths='/health' is no list of paths"),
            ({"skip_paths": 5}, "skip_paths=5 is no list"),
            ({"skip_paths": [b"/x"]}, "is no list of paths"),
            ({"tenant_header": 7}, "tenant_header=7 is no name of an HTTP header; None leaves it out"),
            ({"user_header": "X-Üser-\u2603"}, "user_header='X-Üser-\u2603' is no name"),
        ],
    )
    def test_parameters_that_are_none_of_that(self, given: Dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            FastAPIMiddleware(answering(), **given)


class _Route:
    def __init__(self, path: str) -> None:
        self.path = path


class TestRoute:
    @pytest.mark.parametrize(
        ("path", "template", "parameters", "expected"),
        [
            ("/items/5", "/items/{id}", {"id": "5"}, "/items/{id}"),
            ("/items/5", "/items/{id:int}", {"id": 5}, "/items/{id}"),
            ("/files/a/b.txt", "/files/{rest:path}", {"rest": "a/b.txt"}, "/files/{rest}"),
            ("/v1/v1", "/v1/{name}", {"name": "v1"}, "/v1/{name}"),
            ("/api/items/5", "/items/{id}", {"id": "5"}, "/api/items/{id}"),
            ("/org/7/items/7", "/items/{id}", {"org": "7", "id": "7"}, "/org/{org}/items/{id}"),
            ("/st/nope", "/st", {}, "/st/nope"),
            ("/items/5", None, {"id": 5}, "/items/{id}"),
            ("/items/", None, {"id": ""}, "/items/"),
            ("/nope", None, None, "/nope"),
            ("/a(b/5", "/a(b/{id}", {"id": "5"}, "/a(b/{id}"),
            ("/items/a\nb", "/items/{id}", {"id": "a\nb"}, "/items/{id}"),
        ],
    )
    def test_is_the_template_with_what_comes_before_it(
        self, path: str, template: Optional[str], parameters: Any, expected: str
    ) -> None:
        """MW-1."""
        scope = {"path_params": parameters, **({"route": _Route(template)} if template else {})}
        assert route_of(scope, path) == expected

    def test_a_framework_that_leaves_something_else_there_does_no_harm(self, recording: Recording) -> None:
        """INST-13."""
        assert ask(FastAPIMiddleware(answering()), "/x/1", path_params=7)[0] == 200
        assert recording.only.attributes["endpoint"] == "/x/1"
