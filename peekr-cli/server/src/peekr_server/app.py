"""The ASGI application."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Optional

from fastapi import FastAPI
from fastapi.responses import RedirectResponse, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

import peekr
from peekr.errors import ConfigurationError
from peekr.globalconfig import get_config
from peekr.traceconfig import TraceConfig
from peekr_cost.overrides import use_default_prices_file
from peekr_server import errors
from peekr_server.context import Context
from peekr_server.memory import Memory
from peekr_server.routes import (
    costs,
    diagnosis,
    docs,
    feedback,
    health,
    ingest,
    report,
    runs,
    scores,
    stats,
    traces,
    ui,
)
from peekr_server.security import Gate, Keys, allowed_hosts
from peekr_server.source import Source, Target

logger = logging.getLogger("peekr")

#: Of a request to write, after decompression: four times what HTTPExporter sends.
MAX_BODY_BYTES = 16 * 1024 * 1024
_ABOUT = "Runs, traces, costs and scores of a trace store. Times of runs and events are milliseconds since the epoch."


def create_app(
    target: Optional[Target] = None, config: Optional[TraceConfig] = None, *, max_body_bytes: int = MAX_BODY_BYTES
) -> FastAPI:
    """Make the application that serves one trace store.

    A configuration whose ``api_host`` is a loopback address, as by default, answers to the names of this machine only;
    a server that is reached under others is configured with the address that it is bound to.

    :param target: path of a database or file of lines, which need not exist yet. By default what this process is
        instrumented to write, else the configured database, else that of the working directory.
    :param config: the ``api_…`` and ``ui_…`` settings, and how content is sealed; :func:`peekr.get_config` by default.
    :param max_body_bytes: larger requests are refused with 413.
    :raises StoreError: if the target is no trace store.
    :raises ConfigurationError: if the configuration cannot work.
    """
    config = get_config() if config is None else config
    if not isinstance(config, TraceConfig):
        raise ConfigurationError(f"create_app() takes a TraceConfig, got {config!r}.\nUse TraceConfig.from_dict(...)")
    source = Source(target, config)
    _use_prices()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        source.close()

    app = FastAPI(
        title="Peekr",
        version=peekr.__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.peekr = Context(source, Memory(source), config, Keys(config), max_body_bytes)
    errors.install(app)
    _routes(app, config)
    _middleware(app, config)
    return app


def _use_prices() -> None:
    """A prices file that the environment names, and that is wrong, must not keep anybody from seeing runs."""
    try:
        use_default_prices_file()
    except ConfigurationError as error:
        logger.warning("%s", error)


def _routes(app: FastAPI, config: TraceConfig) -> None:
    home = config.ui_path.rstrip("/") + "/" if config.ui_enabled else "/docs"

    def to_page() -> Response:
        return RedirectResponse(home)

    if home != "/":
        app.add_api_route("/", to_page, methods=["GET", "HEAD"], include_in_schema=False)
    parts = (
        (health, runs, stats, traces, costs, diagnosis, scores, ingest, feedback) if config.api_enabled else (health,)
    )
    for part in parts:
        # not include_router(): it makes every route anew, with the first request, which then takes ten times as long
        app.router.routes.extend(part.router.routes)
    docs.install(app)
    if config.ui_enabled:
        report.install(app, config.ui_path)
        ui.install(app, config.ui_path)


def _middleware(app: FastAPI, config: TraceConfig) -> None:
    """What is added last is outermost."""
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    if config.api_cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=config.api_cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Content-Encoding", "X-API-Key"],
        )
    gate: Any = Gate
    app.add_middleware(gate, hosts=allowed_hosts(config.api_host), origins=config.api_cors_origins)
