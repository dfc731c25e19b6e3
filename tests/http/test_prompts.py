"""Prompts kept on a server: ``peekr.prompts`` (PROMPT-1, PKG-11, C-35)."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List, Tuple
from urllib.parse import parse_qs, urlsplit

import pytest

import peekr
from peekr.errors import ConfigurationError, PeekrError, PromptError, UnknownPrompt
from peekr.prompts import Prompt

ANSWER = {
    "name": "rag answer/é",
    "version": 3,
    "content": "Answer in {{language}}, from {{ context }}. Keep {{this}} and {that}.",
    "variables": ["context", "language"],
    "model": "gpt-4o",
    "notes": None,
}


class Shelf:
    """A server of prompts; ``status`` and ``body`` are what it answers next."""

    def __init__(self) -> None:
        self.status, self.body = 200, json.dumps(ANSWER).encode()
        self.asked: List[Tuple[str, Dict[str, Any], Dict[str, str]]] = []
        shelf = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                shelf.asked.append((url.path, parse_qs(url.query), dict(self.headers)))
                self.send_response(shelf.status)
                self.send_header("content-length", str(len(shelf.body)))
                self.end_headers()
                self.wfile.write(shelf.body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    for name in ("PEEKR_API_KEY", "PEEKR_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    shelf = Shelf()
    yield shelf
    shelf.close()


class TestGet:
    def test_returns_the_active_version(self, shelf: Shelf) -> None:
        prompt = peekr.prompts.get("rag answer/é", api_key="pk_live_x", endpoint=shelf.url + "/")
        assert (prompt.name, prompt.version, prompt.model, prompt.notes) == (ANSWER["name"], 3, "gpt-4o", None)
        assert prompt.variables == ["context", "language"]
        ((path, query, headers),) = shelf.asked
        assert (path, query) == ("/api/v1/prompts", {"name": ["rag answer/é"]})
        assert headers["Authorization"] == "Bearer pk_live_x"

    def test_takes_key_and_endpoint_from_the_environment(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PEEKR_API_KEY", "pk_live_env")
        monkeypatch.setenv("PEEKR_ENDPOINT", shelf.url)
        peekr.prompts.get("a")
        peekr.prompts.get("a", api_key="pk_live_given")
        assert [headers["Authorization"] for _, _, headers in shelf.asked] == [
            "Bearer pk_live_env",
            "Bearer pk_live_given",
        ]

    def test_asks_no_server_that_was_not_named(self, shelf: Shelf) -> None:
        """C-35."""
        with pytest.raises(ConfigurationError, match="prompts need endpoint"):
            peekr.prompts.get("a", api_key="pk_live_x")
        with pytest.raises(ValueError, match="Give it, or set PEEKR_API_KEY"):
            peekr.prompts.get("a", endpoint=shelf.url)
        assert shelf.asked == []

    def test_one_that_does_not_exist(self, shelf: Shelf) -> None:
        shelf.status, shelf.body = 404, b'{"error": "prompt_not_found"}'
        with pytest.raises(UnknownPrompt, match="no prompt is called 'typo'"):
            peekr.prompts.get("typo", api_key="k", endpoint=shelf.url)
        assert issubclass(UnknownPrompt, ValueError) and issubclass(UnknownPrompt, PeekrError)

    @pytest.mark.parametrize(
        ("status", "body", "message"),
        [
            (401, b'{"error": "unauthorized"}', "answers 401"),
            (500, b"<html>oops</html>", "answers 500: '<html>oops"),
            (302, b"", "answers 302"),
            (200, b"", "answers no JSON object"),
            (200, b"[1]", "answers no JSON object"),
            (200, b"\xff\xfe", "answers no JSON object"),
            (200, b"{}", "has no content"),
            (200, b'{"content": 5}', "has no content"),
            (200, b'{"content": "x", "variables": 5}', "has no content"),
        ],
    )
    def test_a_server_that_answers_something_else(self, shelf: Shelf, status: int, body: bytes, message: str) -> None:
        shelf.status, shelf.body = status, body
        with pytest.raises(PromptError, match=message) as caught:
            peekr.prompts.get("a", api_key="pk_live_secret", endpoint=shelf.url)
        assert "pk_live_secret" not in str(caught.value) and isinstance(caught.value, RuntimeError)

    @pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "not a url", "http://[", "ftp://x"])
    def test_a_server_that_cannot_be_reached(self, endpoint: str) -> None:
        with pytest.raises(PromptError, match="prompts cannot be had from"):
            peekr.prompts.get("a", api_key="k", endpoint=endpoint, timeout=2)


class TestListAll:
    def test_returns_what_the_server_lists(self, shelf: Shelf) -> None:
        listed = [{"name": "a", "description": "d", "active_version": 2, "variables": [], "model": None}]
        shelf.body = json.dumps({"prompts": listed}).encode()
        assert peekr.prompts.list_all(api_key="k", endpoint=shelf.url) == listed
        assert shelf.asked[0][:2] == ("/api/v1/prompts", {})

    @pytest.mark.parametrize("body", [b'{"prompts": 5}', b'{"prompts": [5]}'])
    def test_something_else_is_an_error(self, shelf: Shelf, body: bytes) -> None:
        shelf.body = body
        with pytest.raises(PromptError, match="not a list of objects"):
            peekr.prompts.list_all(api_key="k", endpoint=shelf.url)


class TestAsync:
    """The same, for a program with an event loop."""

    @pytest.mark.asyncio
    async def test_returns_the_active_version(self, shelf: Shelf) -> None:
        found = await peekr.prompts.get_async("rag answer/é", api_key="pk_live_x", endpoint=shelf.url)
        assert found == peekr.prompts.get("rag answer/é", api_key="pk_live_x", endpoint=shelf.url)
        assert shelf.asked[0][:2] == shelf.asked[1][:2]
        assert shelf.asked[0][2]["Authorization"] == "Bearer pk_live_x"

    @pytest.mark.asyncio
    async def test_returns_what_the_server_lists(self, shelf: Shelf) -> None:
        shelf.body = b'{"prompts": [{"name": "a"}]}'
        assert await peekr.prompts.list_all_async(api_key="k", endpoint=shelf.url) == [{"name": "a"}]

    @pytest.mark.asyncio
    async def test_errors_are_the_same(self, shelf: Shelf) -> None:
        with pytest.raises(ConfigurationError, match="prompts need endpoint"):
            await peekr.prompts.get_async("a", api_key="k")
        with pytest.raises(PromptError, match="prompts cannot be had from"):
            await peekr.prompts.get_async("a", api_key="k", endpoint="http://127.0.0.1:9", timeout=2)
        shelf.status, shelf.body = 404, b'{"error": "prompt_not_found"}'
        with pytest.raises(UnknownPrompt, match="no prompt is called 'typo'"):
            await peekr.prompts.get_async("typo", api_key="k", endpoint=shelf.url)


class TestRender:
    PROMPT = Prompt(name="p", version=3, content=str(ANSWER["content"]), variables=["context", "language"])

    def test_puts_the_values_in(self) -> None:
        text = self.PROMPT.render(language="en", context=7, more="is ignored")
        assert text == "Answer in en, from 7. Keep {{this}} and {that}."

    def test_what_looks_like_a_variable_in_a_value_is_text(self) -> None:
        assert self.PROMPT.render(language="{{context}}", context=r"\1").startswith(r"Answer in {{context}}, from \1.")

    def test_a_variable_without_a_value_is_a_key_error(self) -> None:
        with pytest.raises(KeyError, match="prompt 'p', version 3, needs context, language"):
            self.PROMPT.render()


def test_the_names_of_the_module() -> None:
    assert dir(peekr.prompts) == ["Prompt", "get", "get_async", "list_all", "list_all_async"]
    with pytest.raises(AttributeError, match="has no attribute 'gte'"):
        peekr.prompts.gte  # type: ignore[attr-defined]
