"""The web page at ``ui_path``, its files, and the report at ``ui_path/dashboard`` (contract UI-1, UI-7, DASH-20)."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from peekr_server.security import PAGE_POLICY

FOLDER = Path(__file__).parent.parent / "ui"


def install(app: FastAPI, path: str) -> None:
    """Serve the page under a path, which begins with ``/``."""
    base = path.rstrip("/")

    def page() -> Response:
        index = FOLDER / "index.html"
        if not index.is_file():
            raise HTTPException(404, "This installation has no web page; the API is described at /docs")
        return FileResponse(index, media_type="text/html", headers={"Content-Security-Policy": PAGE_POLICY})

    app.add_api_route(f"{base}/", page, methods=["GET", "HEAD"], include_in_schema=False)
    if base:

        def to_page() -> Response:
            return RedirectResponse(f"{base}/")

        app.add_api_route(base, to_page, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount(f"{base}/static", _Files(directory=FOLDER / "static", check_dir=False), name="static")


class _Files(StaticFiles):
    """Files that may be kept, if they are asked after each time: an upgrade shows at once."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        return response
