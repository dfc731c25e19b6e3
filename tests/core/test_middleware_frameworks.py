"""Requests of real applications: FastAPI and Starlette (MW-1, MW-4; examples E0-35, E1-11)."""

from __future__ import annotations

import asyncio
from typing import Any, Dict

import pytest

import peekr
from peekr.testing import Recording

fastapi = pytest.importorskip("fastapi")
starlette = pytest.importorskip("starlette.applications")

from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, Request  # noqa: E402
from fastapi.responses import StreamingResponse  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.responses import PlainTextResponse  # noqa: E402
from starlette.routing import Mount, Route  # noqa: E402
from tests.core.test_middleware import ask  # noqa: E402


def shop() -> FastAPI:
    """An application of many parts."""
    app = FastAPI()
    app.add_middleware(peekr.FastAPIMiddleware)
    router = APIRouter(prefix="/v1")
    sub = FastAPI()

    @app.get("/items/{id}")
    def item(id: int) -> Dict[str, int]:  # runs in a thread
        span = peekr.get_current_span()
        assert span is not None
        span.attributes["feature"] = "search"
        with peekr.span("call", kind="llm"):
            return {"id": id}

    @router.get("/deep/{name}")
    async def deep(name: str) -> str:
        return name

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def lines() -> Any:
            with peekr.span("first"):
                yield b"a"
            with peekr.span("second"):
                yield b"b"

        return StreamingResponse(lines())

    @app.get("/later")
    async def later(background: BackgroundTasks) -> str:
        background.add_task(peekr.trace(lambda: None, name="job"))
        return "soon"

    @app.get("/missing")
    async def missing() -> None:
        raise HTTPException(404, "no such thing")

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("oops")

    @sub.get("/orders/{order}")
    async def order(order: str) -> str:
        return order

    async def page(request: Any) -> PlainTextResponse:
        return PlainTextResponse("page")

    app.include_router(router, prefix="/api")
    app.mount("/shop", sub)
    app.mount("/{lang}/site", Starlette(routes=[Mount("/in", routes=[Route("/pages/{page:int}", page)])]))
    return app


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/items/5", "/items/{id}"),
        ("/api/v1/deep/x", "/api/v1/deep/{name}"),
        ("/shop/orders/7", "/shop/orders/{order}"),
        ("/de/site/in/pages/3", "/{lang}/site/in/pages/{page}"),
        ("/stream", "/stream"),
    ],
)
def test_the_endpoint_is_the_routes_template(recording: Recording, path: str, endpoint: str) -> None:
    """MW-1: also of applications and routers in others."""
    assert ask(shop(), path)[0] == 200
    request = recording.spans[-1]
    assert (request.name, request.attributes["endpoint"]) == (f"GET {endpoint}", endpoint)
    assert request.attributes["http.path"] == path


def test_a_call_in_a_handler_is_a_child_of_its_request(recording: Recording) -> None:
    """Example E1-11; the handler is no coroutine and runs in a thread."""
    ask(shop(), "/items/5", headers={"X-Tenant-Id": "acme"})
    call, request = recording.spans
    assert (call.parent_id, call.tenant_id) == (request.span_id, "acme")
    assert request.attributes["feature"] == "search"


def test_a_streamed_response_is_inside(recording: Recording) -> None:
    """MW-2: the request ends with the last byte."""
    assert ask(shop(), "/stream") == (200, b"ab")
    first, second, request = recording.spans
    assert [first.name, second.name, request.name] == ["first", "second", "GET /stream"]
    assert first.parent_id == second.parent_id == request.span_id


def test_a_background_task_is_of_the_trace(recording: Recording) -> None:
    ask(shop(), "/later")
    request, job = recording.spans
    assert (request.name, job.name, job.trace_id) == ("GET /later", "job", request.trace_id)


def test_what_a_handler_raises(recording: Recording) -> None:
    """MW-2."""
    app = shop()
    assert ask(app, "/missing")[0] == 404
    assert ask(app, "/nowhere")[0] == 404
    with pytest.raises(RuntimeError, match="oops"):
        ask(app, "/broken")
    missing, nowhere, broken = recording.spans
    assert [span.status for span in recording.spans] == ["ok", "ok", "error"]
    assert nowhere.attributes["endpoint"] == "/nowhere" and missing.attributes["endpoint"] == "/missing"
    assert (broken.attributes["error_type"], broken.attributes["http.status_code"]) == ("RuntimeError", 500)


def test_the_hand_written_middleware_of_the_documentation(recording: Recording) -> None:
    """MW-4; example E0-35."""
    app = FastAPI()

    @app.middleware("http")
    async def tag_span(request: Request, call_next: Any) -> Any:
        with peekr.session(user_id=request.headers.get("X-Tenant-Id")):
            span, token = peekr.start_span(f"http.{request.method}")
            span.attributes["endpoint"] = request.url.path
            try:
                return await call_next(request)
            finally:
                peekr.end_span(span, token)

    @app.post("/chat")
    async def chat() -> str:
        await asyncio.sleep(0)
        with peekr.span("call", kind="llm"):
            return "hi"

    assert ask(app, "/chat", "POST", {"X-Tenant-Id": "acme"})[0] == 200
    call, request = recording.spans
    assert (request.name, request.attributes["endpoint"], request.user_id) == ("http.POST", "/chat", "acme")
    assert (request.parent_id, call.parent_id) == (None, request.span_id)


def test_a_plain_starlette_application(recording: Recording) -> None:
    async def page(request: Any) -> PlainTextResponse:
        return PlainTextResponse("page")

    app = Starlette(routes=[Route("/pages/{page:int}", page)])
    app.add_middleware(peekr.PeekrASGIMiddleware, user_header="X-Me")
    assert ask(app, "/pages/3", headers={"x-me": "dana"})[0] == 200
    assert (recording.only.name, recording.only.user_id) == ("GET /pages/{page}", "dana")
