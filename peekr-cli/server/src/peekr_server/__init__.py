"""A trace store over HTTP: REST API, web page and ingest.

::

    peekr server --db traces.db

or, in a program, ``peekr.run_server(port=8000)``; :func:`create_app` gives the ASGI application for a server of one's
own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peekr_server.app import create_app as create_app
    from peekr_server.running import run_server as run_server

__all__ = ["create_app", "run_server"]


def __getattr__(name: str) -> Any:
    """Load on first use: FastAPI takes a while to import."""
    if name == "create_app":
        from peekr_server.app import create_app

        return create_app
    if name == "run_server":
        from peekr_server.running import run_server

        return run_server
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
