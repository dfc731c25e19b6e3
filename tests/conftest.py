"""For all tests."""

from __future__ import annotations

import gc
import signal
from typing import Iterator

import pytest
from hypothesis import settings

settings.register_profile("unhurried", deadline=None)  # how long an example takes, the machine decides
settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Let Ctrl-C work in the programs that tests start.

    A shell that runs something in the background has it ignore SIGINT, and every program below inherits that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Leave what was imported and collected to itself: each of the tests' collections would look through all of it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def no_stream_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect the streams that tests left half-read, before another test meets their end.

    openai looks at httpx then, and fails if that is just being imported.
    """
    yield
    if request.path.parent.name in ("openai", "langchain", "litellm", "llamaindex", "guard", "replay"):
        gc.collect()
