"""The payload of an LLM span: request and response whole, within 256 KiB."""

from __future__ import annotations

import base64
import json

from peekr.payload import exchange, request_document


def test_a_payload_holds_both_sides() -> None:
    """LLM-11."""
    request, cut = request_document({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
    found = json.loads(exchange(request, {"text": "Hello"}, cut=cut))
    assert found == {
        "request": {"model": "m", "messages": [{"role": "user", "content": "Hi"}]},
        "response": {"text": "Hello"},
    }


def test_a_payload_without_a_response() -> None:
    assert json.loads(exchange(b"{}")) == {"request": {}}
    assert json.loads(exchange(None, {})) == {"request": None, "response": {}}


def test_a_large_answer_is_cut_and_said_to_be() -> None:
    """LLM-11: over the limit, ``truncated`` is true and the JSON still valid."""
    payload = exchange(b"{}", {"text": "x" * 10**6})
    assert len(payload) < 257 * 1024
    assert json.loads(payload)["truncated"] is True


def test_a_large_picture_gives_way_to_the_words_behind_it() -> None:
    """LLM-11: a cut in order would keep the picture and lose the question."""
    picture = base64.b64encode(bytes(10**6)).decode()
    document, cut = request_document({"parts": [{"data": picture}, {"text": "What is this?"}]})
    assert not cut
    assert json.loads(document)["parts"][1] == {"text": "What is this?"}


def test_large_words_are_cut() -> None:
    document, cut = request_document({"text": "many words " * 10**5})
    assert cut and len(document) <= 256 * 1024 and json.loads(document)
