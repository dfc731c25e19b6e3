"""What peekr.HTTPExporter refuses at construction, and that the key is shown nowhere."""

from __future__ import annotations

import logging
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import peekr
from peekr.errors import ConfigurationError
from peekr_http.options import checked_endpoint, is_unprotected

from .conftest import RESET, Reply, Server

KEY = "pk_live_secret"
URL = "https://traces.example.com"


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"endpoint": URL},
        {"api_key": KEY},
        {"endpoint": "", "api_key": KEY},
        {"endpoint": URL, "api_key": ""},
        {"endpoint": URL, "api_key": "  "},
        {"endpoint": None, "api_key": KEY},
        {"endpoint": URL, "api_key": KEY + "\r\nX-Evil: 1"},
        {"endpoint": URL, "api_key": "schlüssel"},
        {"endpoint": "traces.example.com", "api_key": KEY},
        {"endpoint": "ftp://traces.example.com", "api_key": KEY},
        {"endpoint": "https://", "api_key": KEY},
        {"endpoint": "https://a:b:c", "api_key": KEY},
        {"endpoint": "https://traces.example.com/a b", "api_key": KEY},
        {"endpoint": f"https://me:{KEY}@traces.example.com", "api_key": "k"},
        {"endpoint": f"https://traces.example.com/?key={KEY}", "api_key": "k"},
        {"endpoint": f"ftp://me:{KEY}@traces.example.com/?key={KEY}", "api_key": "k"},
    ],
    ids=str,
)
def test_a_missing_or_wrong_endpoint_or_key_is_a_value_error(arguments: Any) -> None:
    """HTTPX-1"""
    with pytest.raises(ValueError, match=r"(endpoint|api_key)") as caught:
        peekr.HTTPExporter(**arguments)
    assert isinstance(caught.value, ConfigurationError)
    assert KEY not in str(caught.value)
    assert "\n" in str(caught.value)


@pytest.mark.parametrize(
    "option",
    [
        {"batch_size": 0},
        {"batch_size": 1.5},
        {"batch_size": True},
        {"flush_interval_seconds": -1},
        {"timeout_seconds": 0},
        {"timeout_seconds": float("nan")},
        {"max_retries": -1},
        {"gzip": "zstd"},
        {"max_buffer_spans": 0},
    ],
    ids=str,
)
def test_a_wrong_option_is_named_with_its_value(option: Any) -> None:
    ((name, value),) = option.items()
    with pytest.raises(ConfigurationError, match=name) as caught:
        peekr.HTTPExporter(URL, KEY, **option)
    assert repr(value) in str(caught.value)


def test_an_unknown_storage_option_is_refused_without_showing_the_key() -> None:
    options = {"http": {"endpoint": URL, "api_key": KEY, "speed": 3}}
    with pytest.raises(ConfigurationError, match="speed") as caught:
        peekr.instrument(console=False, storage="http", storage_options=options)
    assert KEY not in str(caught.value)
    with pytest.raises(ConfigurationError, match="endpoint"):
        peekr.instrument(console=False, storage="http")


def test_a_spool_that_cannot_be_made_is_refused(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="spool"):
        peekr.HTTPExporter(URL, KEY, spool=tmp_path / "file")


@given(st.text())
def test_any_text_is_an_address_or_a_configuration_error(text: str) -> None:
    """HTTPX-1"""
    try:
        address = checked_endpoint(text)
    except ConfigurationError:
        return
    assert address.startswith(("http://", "https://")) or address.lower().startswith("http")
    assert address.endswith("/v1/spans")


def test_the_address_is_the_endpoint_and_the_path() -> None:
    """HTTPX-2"""
    assert {checked_endpoint(URL + tail) for tail in ("", "/", "//", "/v1/spans", "/v1/spans/")} == {URL + "/v1/spans"}


@pytest.mark.parametrize(
    ("address", "unprotected"),
    [
        ("https://traces.example.com", False),
        ("http://traces.example.com", True),
        ("http://10.0.0.7:8000", True),
        ("http://localhost:8000", False),
        ("http://127.1.2.3:8000", False),
        ("http://[::1]:8000", False),
        ("http://app.localhost", False),
        ("http://localhost.example.com", True),
    ],
)
def test_a_key_in_the_clear_is_told_from_one_that_stays_here(address: str, unprotected: bool) -> None:
    assert is_unprotected(address) is unprotected


def test_a_key_that_would_cross_a_network_in_the_clear_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        peekr.HTTPExporter("http://traces.example.com", KEY)
    assert caplog.text.count("is not encrypted") == 1
    assert KEY not in caplog.text


def test_the_key_is_in_no_log_repr_stats_or_error(
    server: Server, make: Callable[..., Any], spans: Any, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A server may even answer with it."""
    caplog.set_level(logging.DEBUG)
    server.script = [RESET, Reply(503, {}, KEY.encode()), Reply(400, {}, KEY.encode()), Reply(401, {}, KEY.encode())]
    exporter = make(api_key=KEY, spool=tmp_path / "spool")
    peekr.instrument(console=False, exporter=exporter)
    for _ in range(2):
        peekr.trace(lambda: None)()
        peekr.flush()
    shown = [repr(exporter), str(vars(exporter)), str(vars(exporter._sender._outbox)), str(peekr.stats()), caplog.text]
    shown += [repr(vars(exporter._sender._transport)), str(exporter.stats())]
    assert not [text for text in shown if KEY in text]
    assert "HTTP 400" in caplog.text
    assert [path for path in (tmp_path / "spool").iterdir() if KEY.encode() in path.read_bytes()] == []
