"""Shared by the tests of peekr-dashboard: span records, stores, the page made of them, and a browser."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

START = 1_780_000_000.0
_FIELDS = ("tenant_id", "user_id", "session_id", "status", "payload", "duration_ms", "end_time")


def make_record(number: int, parent: Optional[int] = None, trace: int = 0, **given: Any) -> Dict[str, Any]:
    """A span record; what is no field of one becomes an attribute. ``at``: seconds after START, by default number."""
    start = START + given.pop("at", number)
    record = {
        "trace_id": f"{trace or number:032x}",
        "span_id": f"{number:016x}",
        "parent_id": None if parent is None else f"{parent:016x}",
        "name": given.pop("name", "openai.chat.completions"),
        "start_time": start,
        "end_time": start + 0.5,
        "duration_ms": 500.0,
        "status": "ok",
        "tenant_id": None,
        "user_id": None,
        "session_id": None,
    }
    record.update({field: given.pop(field) for field in _FIELDS if field in given})
    attributes = {
        "kind": "llm",
        "model": "gpt-4o",
        "input": f"question {number}",
        "output": f"answer {number}",
        **given,
    }
    return {**record, "attributes": {name: value for name, value in attributes.items() if value is not None}}


def scored(number: int, value: float, **given: Any) -> Dict[str, Any]:
    """A call with a Hallucination score."""
    return make_record(number, eval_scores={"Hallucination": value}, **given)


@pytest.fixture
def record() -> Callable[..., Dict[str, Any]]:
    """Makes the record of an LLM call: see :func:`make_record`."""
    return make_record


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes records (or ready lines) to a .jsonl file of the test."""

    def write_file(records: List[Any], name: str = "traces.jsonl") -> Path:
        path = tmp_path / name
        lines = (each if isinstance(each, str) else json.dumps(each) for each in records)
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def make(write: Callable[..., Path]) -> Callable[[List[Any]], Any]:
    """Makes the :class:`peekr_dashboard.page.Page` of records."""
    from peekr import open_store
    from peekr_dashboard.page import build

    def make_page(records: List[Any]) -> Any:
        with open_store(write(records)) as store:
            return build(store)

    return make_page


class Elements(HTMLParser):
    """The start tags of a page with their attributes, and the texts of its scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: List[Any] = []
        self.texts: Dict[str, List[str]] = {"script": [], "style": []}
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        if tag in self.texts:
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in self.texts:
            self.texts[self._open][-1] += data


@pytest.fixture
def elements() -> Callable[[bytes], Elements]:
    """Parses a page."""
    return lambda html: Elements(html.decode())


@pytest.fixture
def data_of() -> Callable[[bytes], Dict[str, Any]]:
    """Returns the data in a page, as its script reads it."""

    def read(html: bytes) -> Dict[str, Any]:
        found = re.search(rb'id="peekr-data" data-encoding="(\w+)">(.*?)</script>', html, re.S)
        assert found is not None
        content = found[2] if found[1] == b"json" else gzip.decompress(base64.b64decode(found[2]))
        return json.loads(content)

    return read


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
    with playwright.sync_playwright() as play:
        started = play.chromium.launch(executable_path=path, args=_FLAGS)
        yield started
        started.close()
