"""LiteLLM against an API on this machine."""

from __future__ import annotations

import asyncio
import gc
import os
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

import peekr
from peekr import patching, runs
from peekr.probes import Reply, Request
from peekr.probes.server import serving
from peekr.spans import Span
from peekr.testing import Recording, record
from peekr_litellm.doctor.api import answer

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it fetches its price list from the network otherwise
os.environ["HF_HUB_OFFLINE"] = "1"  # and older versions a tokenizer
try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm
except ImportError:
    litellm = None


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """LiteLLM warns of its own types, and of clients that it leaves open, with and without tracing."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


class Api:
    """The API, what it was asked, and what it is to answer first."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: List[Request] = []
        self.replies: List[Any] = []

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        reply = self.replies.pop(0) if self.replies else None
        return answer(request) if reply is None else reply

    @property
    def bodies(self) -> List[Any]:
        return [request.json() for request in self.requests]

    def fails(self, status: int, message: str = "no", code: Optional[str] = None, times: int = 1) -> None:
        """Answer the next requests with an error."""
        error = {"message": message, "type": "error", "code": code}
        self.replies += [Reply.json({"error": error}, status)] * times

    def openai(self, **more: Any) -> Dict[str, Any]:
        """Arguments for a call of OpenAI's API."""
        return {"api_base": f"{self.url}/v1", "api_key": "sk-secret-1", **more}

    def chat(self, text: str = "What is the capital of France?", **more: Any) -> Dict[str, Any]:
        """Arguments for a chat with OpenAI."""
        return self.openai(**{"model": "openai/gpt-4o", "messages": [{"role": "user", "content": text}], **more})

    def claude(self, text: str = "What is the capital of France?", **more: Any) -> Dict[str, Any]:
        """Arguments for a chat with Anthropic."""
        messages = [{"role": "user", "content": text}]
        given = {"model": "anthropic/claude-sonnet-4-5", "messages": messages, "api_base": self.url}
        return {**given, "api_key": "sk-secret-2", **more}


@pytest.fixture(scope="session")
def _served() -> Iterator[Api]:
    api = Api()
    with serving(api.answer) as url:
        api.url = url
        yield api


@pytest.fixture
def api(_served: Api) -> Iterator[Api]:
    """The API, without a past."""
    _served.requests.clear()
    _served.replies.clear()
    yield _served
    assert not _served.replies, "not everything was asked for"


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One event loop: LiteLLM keeps connections and a worker from call to call."""
    loop = asyncio.new_event_loop()
    yield loop
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        close = getattr(litellm, "close_litellm_async_clients", None)
        if close is not None:
            loop.run_until_complete(close())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        gc.collect()


@pytest.fixture
def run(loop: asyncio.AbstractEventLoop) -> Callable[[Any], Any]:
    """Run a coroutine."""
    return loop.run_until_complete


@pytest.fixture
def recording(loop: Any) -> Iterator[Recording]:
    """Tracing with only LiteLLM's plugin. Nothing stays current."""
    patching.failures.clear()
    with record(plugins=["litellm"]) as recording:
        yield recording
        assert peekr.get_current_span() is None
        assert not patching.failures, patching.failures


@pytest.fixture(autouse=True)
def _plain_litellm() -> Iterator[None]:
    """LiteLLM with its settings as they are at first."""
    if litellm is None:
        yield
        return
    litellm.suppress_debug_info = True
    litellm.disable_aiohttp_transport = True
    before = {name: getattr(litellm, name, None) for name in ("cache", "num_retries", "callbacks", "drop_params")}
    yield
    for name, value in before.items():
        setattr(litellm, name, value)


@pytest.fixture
def kit() -> Any:
    """What several modules need, as fixtures are the only way to share it."""

    class Kit:
        @staticmethod
        def billed(spans: List[Span]) -> int:
            """What readers count."""
            return sum(runs.tokens_of(span) for span in spans)

        @staticmethod
        def plain(value: Any) -> Any:
            """A result as comparable data, without what LiteLLM makes up for each call."""
            data = value.model_dump()
            for name in ("id", "created", "created_at"):
                data.pop(name, None)
            return data

    return Kit
