"""``/docs`` and ``/redoc``: Swagger UI and ReDoc, with their files from this machine (contract API-11).

The files are those that the distribution fastapi-offline carries.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

_FILES = Path(fastapi_offline.__file__).parent / "static"
_AT = "/docs/files"
_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
#: ReDoc searches in a worker that it makes of its own text.
_POLICY = (
    "default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)


def install(app: FastAPI) -> None:
    """Serve both pages."""
    openapi = app.openapi_url or "/openapi.json"

    def swagger() -> Response:
        return _with_policy(
            get_swagger_ui_html(
                openapi_url=openapi,
                title=f"{app.title} API",
                swagger_js_url=f"{_AT}/swagger-ui-bundle.js",
                swagger_css_url=f"{_AT}/swagger-ui.css",
                swagger_favicon_url="data:,",
                swagger_ui_parameters={"validatorUrl": None},
            )
        )

    def redoc() -> Response:
        return _with_policy(
            get_redoc_html(
                openapi_url=openapi,
                title=f"{app.title} API",
                redoc_js_url=f"{_AT}/redoc.standalone.js",
                redoc_favicon_url="data:,",
                with_google_fonts=False,
            )
        )

    app.mount(_AT, StaticFiles(directory=_FILES), name="docs-files")
    app.add_api_route("/docs", swagger, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/redoc", redoc, methods=["GET", "HEAD"], include_in_schema=False)


def _with_policy(page: HTMLResponse) -> Response:
    """Allow the page its own inline script, by its hash, and no other."""
    body = bytes(page.body)
    hashes = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _SCRIPT.findall(body))
    page.headers["Content-Security-Policy"] = _POLICY.format(hashes=" ".join(f"'sha256-{each}'" for each in hashes))
    return page
