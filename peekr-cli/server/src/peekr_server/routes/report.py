"""``{ui_path}/dashboard``: the page of ``peekr dashboard``, made of the store as it is now (contract DASH-20)."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from peekr_dashboard.page import build
from peekr_server.bodies import read_body
from peekr_server.context import Context, context
from peekr_server.security import PAGE_POLICY, key_of

#: The page is one file with its script and style in it; it asks nobody for anything.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MOST_BYTES = 4096
_ASK = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Peekr: key</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:18vh auto;padding:0 1rem}}
input,button{{font:inherit;padding:.4rem .6rem}}</style></head>
<body><h1>Report</h1><form method="post" action="{action}">
<p><label>{said}<br><input type="password" name="api_key" autocomplete="current-password" autofocus required></label>
<button>Show</button></p></form></body></html>
"""


def install(app: FastAPI, path: str) -> None:
    """Serve the page at ``{path}/dashboard``.

    A browser that follows a link sends no key: where one is required, it is asked for, and comes as a form.
    """
    address = path.rstrip("/") + "/dashboard"

    def report(here: Context) -> bytes:
        def make() -> bytes:
            with here.source.open() as store:
                return build(store).html

        return here.memory.get(address, make)

    async def page(request: Request) -> Response:
        here = context(request)
        if here.keys.required:
            given = await _key(request)
            if given is None:
                return _ask(address, "The key of this server:", 401)
            if not here.keys.fits(given):
                return _ask(address, "That was not the key of this server. Its key:", 403)
        html = await run_in_threadpool(report, here)
        return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY})

    app.add_api_route(address, page, methods=["GET", "POST"], include_in_schema=False)


async def _key(request: Request) -> Any:
    given = key_of(request.headers)
    if given is None and request.method == "POST":
        fields = parse_qs((await read_body(request, _MOST_BYTES)).decode("utf-8", "replace"))
        given = fields.get("api_key", [None])[0]
    return given


def _ask(address: str, said: str, status: int) -> Response:
    html = _ASK.format(action=escape(address, quote=True), said=escape(said))
    return HTMLResponse(html, status, {"Content-Security-Policy": PAGE_POLICY})
