"""``peekr demo``: an install shows a trace in a second, without an account or a network."""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.error
import urllib.request

import pytest

from peekr_cli.demo.endpoint import serving


@pytest.fixture
def demo(peekr):
    """Runs the demo and returns its output."""
    for name in ("openai", "peekr_openai", "peekr_jsonl", "peekr_sqlite"):
        pytest.importorskip(name, reason=f"{name} is not installed")
    return lambda *arguments, **environment: peekr("demo", *arguments, **environment)


def test_the_tree_shows_the_bug(demo):
    """A tool that found nothing, the None in the prompt, and the wrong answer."""
    out = demo()
    tree = out[out.index("Trace ") : out.index("The bug")]
    # the API answers with the model's dated name
    assert re.findall(r"^ *(?:└─ )?([\w.]+(?: \[[a-z\d-]+?)?)(?:-20[\d-]+)?\]?  [\d.,]+ms", tree, re.M) == [
        "shop.assistant",
        "tool.search_policies",
        "openai.embeddings [text-embedding-3-small",
        "openai.chat.completions [gpt-4o",
        "tool.stock_level",
        "openai.chat.completions [gpt-4o",
        "openai.chat.completions [gpt-4o-mini",
    ]
    assert 'in:  {"sku": "KTL-BLUE"}\n     out: null' in tree
    assert "Stock of KTL-BLUE: None" in tree
    assert 'out: "Good news, Dana' in tree
    assert "(rate_limit)" in tree


def test_both_stores_have_the_trace(demo, tmp_path):
    """SQLITE-5; and the streamed call has its tokens (STREAM-1)."""
    demo()
    spans = [json.loads(line) for line in (tmp_path / "traces.jsonl").read_text().splitlines()]
    connection = sqlite3.connect(tmp_path / "traces.db")
    rows = connection.execute("SELECT span_id FROM spans").fetchall()
    connection.close()
    assert {span["span_id"] for span in spans} == {span_id for (span_id,) in rows}
    assert len({span["trace_id"] for span in spans}) == 1
    (streamed,) = (span for span in spans if span["attributes"].get("streaming"))
    assert streamed["attributes"]["tokens_total"] > 50
    assert 0 < streamed["attributes"]["ttft_ms"] < streamed["duration_ms"]


def test_a_second_run_is_added_and_only_it_is_shown(demo, tmp_path):
    demo("--dir", "some where")
    out = demo("--dir", "some where")
    assert out.count("Trace ") == 1
    assert len((tmp_path / "some where" / "traces.jsonl").read_text().splitlines()) == 14


def test_the_next_commands_work_as_printed(demo, peekr, tmp_path):
    """What is offered can be pasted into a shell, also with blanks in the path."""
    import shlex

    commands = re.findall(r"^  peekr (.+)$", demo("--dir", "some where"), re.M)
    assert len(commands) == 3
    for command in commands:
        assert "openai.chat.completions" in peekr(*shlex.split(command))


def test_nothing_of_the_environments_account_or_proxy_is_used(demo):
    """Neither an endpoint, a key, a model platform nor a proxy that happens to be set leads away from this machine."""
    nowhere = "http://127.0.0.1:9"
    out = demo(
        OPENAI_API_KEY="sk-real",
        OPENAI_BASE_URL=nowhere,
        OPENAI_ORG_ID="org-real",
        HTTP_PROXY=nowhere,
        http_proxy=nowhere,
        ALL_PROXY=nowhere,
        HTTPS_PROXY=nowhere,
    )
    assert "Good news" in out


def test_without_openai_it_says_what_to_install(peekr, tmp_path):
    """PKG-6."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'openai' else find(name, *rest)\n"
    )
    said = peekr.fails("demo", PYTHONPATH=str(tmp_path))
    assert "pip install" in said
    assert "openai" in said
    assert len(said.splitlines()) == 1


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def test_the_endpoint_streams_server_sent_events():
    """The wire format of the API: a chunk a line, the usage only when asked for, [DONE] at the end."""
    with serving() as url:
        request = {"model": "gpt-4o-mini", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        status, headers, plain = post(f"{url}/chat/completions", request)
        _, _, counted = post(f"{url}/chat/completions", {**request, "stream_options": {"include_usage": True}})
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert plain.endswith("data: [DONE]\n\n")
    assert "usage" not in plain
    last = json.loads(counted.strip().split("\n\n")[-2][len("data: ") :])
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > last["usage"]["prompt_tokens"] > 0


def test_the_endpoint_fails_as_the_api_does():
    """A rate limit and an unknown address have OpenAI's bodies."""
    with serving() as url:
        status, headers, body = post(f"{url}/chat/completions", {"model": "gpt-4o", "messages": []})
        assert (status, json.loads(body)["error"]["code"], headers["retry-after"]) == (429, "rate_limit_exceeded", "1")
        status, _, body = post(f"{url}/nothing", {})
        assert (status, json.loads(body)["error"]["type"]) == (404, "invalid_request_error")
