"""Shared by the tests of the server's web page: real runs in a real store, a server that listens, and a browser."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, ContextManager, Iterator, List

import pytest

import peekr

HOSTILE = (
    "</script><script>window.ran=1</script><img src=x onerror='window.ran=2'>"
    "{{constructor.constructor('window.ran=3')()}}javascript:window.ran=4"
    "\x1b[31mred\x1b[0m\u202eevil\u2066 \" onmouseover='window.ran=5' x='"
)
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright; the test is skipped where one of them is missing.

    Not for the session: while it lives, an event loop is running in this thread, and asyncio.run() fails.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("PEEKR_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no browser is installed: apt-get install chromium, or name one in PEEKR_CHROMIUM")
    playwright.expect.set_options(timeout=20_000)  # a busy machine is no failure
    with playwright.sync_playwright() as play:
        started = play.chromium.launch(executable_path=path, args=_FLAGS)
        yield started
        started.close()


@pytest.fixture(autouse=True, scope="module")
def _plain_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("TRACE_") or name in ("PEEKR_TENANT_ID",)]:
            patch.delenv(name)
        patch.chdir(tmp_path_factory.mktemp("home"))
        patch.setattr("peekr.process.state.config", None)  # what earlier tests were instrumented with
        yield
    peekr.set_config(None)


@contextmanager
def tracing(path: Path) -> Iterator[peekr.Trace]:
    """A tracer that writes to a database; what was traced is there when the block ends."""
    tracer = peekr.Trace(config=peekr.TraceConfig(db_path=str(path)))
    try:
        yield tracer
    finally:
        tracer.shutdown()


@pytest.fixture
def traced() -> Callable[[Path], ContextManager[peekr.Trace]]:
    """See :func:`tracing`."""
    return tracing


@contextmanager
def serving(path: Path, port: int = 0, **settings: Any) -> Iterator[str]:
    """Serve a store on a port of this machine, a free one by default; gives the address."""
    for needed in ("fastapi", "fastapi_offline", "uvicorn"):
        pytest.importorskip(needed, reason=f"peekr-server needs {needed}")
    import uvicorn

    from peekr_server.app import create_app

    app = create_app(path, peekr.TraceConfig(**settings))
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    began = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            began.set()

    server = Server(uvicorn.Config(app, log_level="critical", lifespan="on", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    assert began.wait(20), "the server did not start"
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()


@pytest.fixture
def serve() -> Callable[..., ContextManager[str]]:
    """See :func:`serving`."""
    return serving


def agent_runs(tracer: peekr.Trace) -> None:
    """One run of each kind that the page tells apart; the flight search is the oldest."""
    talk = [{"role": "system", "content": "Answer briefly."}, {"role": "user", "content": "SFO to JFK?"}]
    with tracer.run("flight_search", user_id="user123", session_id="s-1", agent_type="planner", version="v7"):
        tracer.memory_read(memory_key="preferences", memory_value={"airline": "Delta"}, memory_type="key_value")
        tracer.llm(model="gpt-4o", prompt=talk, response="Use the tool.", prompt_tokens=1200, completion_tokens=34)
        tracer.tool(tool_name="search", tool_args={"query": "SFO JFK"}, tool_result={"flights": ["DL1", "UA2"]})
        tracer.memory_write(memory_key="last_search", memory_value="SFO JFK", overwrite=True)
        tracer.final(answer="I recommend DL1 for $350.")
    with tracer.run("error_demo"):
        tracer.tool(tool_name="broken", tool_args={"x": 1}, tool_result=None)
        tracer.error(error_type="ConnectionError", error_message="no route", stack_trace="Traceback:\n  line 7")
    with tracer.run("planning_agent"):
        tracer.agent_handoff(
            from_agent_id="a", from_agent_name="Planner", to_agent_id="b", to_agent_name="Booker", handoff_reason="book"
        )
        with tracer.run("booking_agent"):
            tracer.final(answer="Booked.")
        tracer.final(answer="CONF-1.")
    with tracer.run(HOSTILE, user_id=HOSTILE, agent_type=HOSTILE):
        tracer.llm(model=HOSTILE, prompt=[{"role": HOSTILE, "content": HOSTILE}], response="A" * 1_000_000)
        tracer.tool(tool_name=HOSTILE, tool_args={HOSTILE: HOSTILE}, tool_result=nested(200))
        tracer.memory_write(memory_key=HOSTILE, memory_value=HOSTILE)
        tracer.error(error_type=HOSTILE, error_message=HOSTILE, stack_trace=HOSTILE)


def nested(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"in": value}
    return value


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the runs of :func:`agent_runs`."""
    path = tmp_path_factory.mktemp("store") / "traces.db"
    with tracing(path) as tracer:
        agent_runs(tracer)
    return path


@pytest.fixture(scope="module")
def address(store: Path) -> Iterator[str]:
    """The page of that database."""
    with serving(store) as base:
        yield f"{base}/ui/"


class Visit:
    """A page, with what it asked for and what its console said since this visit began.

    :ivar asked: addresses of all requests.
    """

    def __init__(self, page: Any) -> None:
        self.page = page
        self.asked: List[str] = []
        self.said: List[str] = []
        self._heard = {
            "request": lambda request: self.asked.append(request.url),
            "console": lambda message: self.said.append(message.text),
            "pageerror": lambda error: self.said.append(str(error)),
        }
        for name, hear in self._heard.items():
            page.on(name, hear)

    def end(self) -> None:
        """Leave the page for the next visit."""
        for name, hear in self._heard.items():
            self.page.remove_listener(name, hear)
        self.page.unroute_all()
        self.page.goto("about:blank")

    def count(self, part: str) -> int:
        """Return how many requests had this in their address."""
        return sum(part in url for url in self.asked)

    def find(self, selector: str, **options: Any) -> Any:
        """Return the elements of a selector."""
        return self.page.locator(selector, **options)

    def open_run(self, name: str) -> None:
        """Click on a run of the list, and wait for its timeline."""
        from playwright.sync_api import expect

        self.find("a.run", has_text=name).first.click()
        expect(self.find("#timeline-title")).to_contain_text(name)
        expect(self.find("a.event").first).to_be_visible()


_WIDE = {"viewport": {"width": 1440, "height": 860}}


@pytest.fixture(scope="module")
def usual_page(browser: Any) -> Iterator[Any]:
    """A page that visits without special wishes share: starting one takes longer than most tests."""
    with browser.new_context(**_WIDE) as context:
        yield context.new_page()


@pytest.fixture
def visit(browser: Any, usual_page: Any) -> Iterator[Callable[..., Visit]]:
    """Opens an address and waits for the list of runs; with options of a context in one that knows nothing yet."""
    contexts: List[Any] = []
    visits: List[Visit] = []

    def open_page(url: str, wait: str = "#runs-list .rows, #runs-list .notice", **options: Any) -> Visit:
        page = usual_page
        if options:
            contexts.append(browser.new_context(**{**_WIDE, **options}))
            page = contexts[-1].new_page()
        elif visits:
            visits.pop().end()
        seen = Visit(page)
        if not options:
            visits.append(seen)
        page.set_default_timeout(20_000)
        page.goto(url)
        page.wait_for_selector(wait)
        return seen

    yield open_page
    for seen in visits:
        seen.end()
    for context in contexts:
        context.close()
