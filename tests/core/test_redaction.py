"""Default redaction: by key, by pattern, everywhere in a span, and never in what a span is (contract PIPE-2 to -5)."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Callable, Dict, Iterator, List

import pytest

import peekr
from peekr import wire
from peekr.capture import document, snapshot
from peekr.errors import ConfigurationError
from peekr.events import events_of
from peekr.redaction import DEFAULT_KEYS, Redactor
from peekr.scope import Scope
from peekr.spans import Span
from peekr.testing import record

Redact = Callable[..., Dict[str, Any]]


@pytest.fixture
def redact() -> Redact:
    """Redact a span with these attributes and payload; return its record."""

    def redact(attributes: Any = None, payload: Any = None, redactor: Any = None, **fields: Any) -> Dict[str, Any]:
        span = Span("work", kind="llm")
        if attributes:
            span.attributes = attributes
        span._payload = payload
        for name, value in fields.items():
            setattr(span, name, value)
        span._t1 = span._t0 + 5
        (redactor or Redactor(canary=False)).process(span)
        line: Dict[str, Any] = wire.decode(wire.encode(wire.record(span)))
        return line

    return redact


@pytest.fixture
def text() -> Callable[[str], str]:
    """Redact a text."""
    return Redactor(canary=False).text


# -- by key -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [*DEFAULT_KEYS, "PASSWORD", "Api-Key", "x-api-key", "clientSecret", "db_passwords"])
def test_values_under_secret_keys_are_redacted_at_any_depth(redact: Redact, key: str) -> None:
    """PIPE-2: in any case of letters, and in the compounds of the defaults."""
    payload = {"request": [{"deep": {key: "hunter2", "other": "stays"}}], key: {"a": ["hunter2"]}}
    assert redact(payload=payload)["payload"] == {
        "request": [{"deep": {key: "[REDACTED]", "other": "stays"}}],
        key: "[REDACTED]",
    }


def test_keys_of_the_user_stand_for_themselves_alone(redact: Redact) -> None:
    """PIPE-2: redact_keys replaces the defaults."""
    redactor = Redactor(keys=["ssn_last4", "Heslo"], canary=False)
    payload = {"SSN_Last4": 1234, "heslo": "tajné", "my_heslo": "stays", "password": "stays too"}
    assert redact(payload=payload, redactor=redactor)["payload"] == {
        "SSN_Last4": "[REDACTED]",
        "heslo": "[REDACTED]",
        "my_heslo": "stays",
        "password": "stays too",
    }


def test_keys_in_another_alphabet_are_found(redact: Redact) -> None:
    """PIPE-2: whatever the case of letters is there."""
    assert redact({"Пароль": "тайна"}, redactor=Redactor(keys=["пароль"]))["attributes"]["Пароль"] == "[REDACTED]"


def test_token_counts_and_pieces_of_answers_are_no_secrets(redact: Redact) -> None:
    """PIPE-4: tokens_input is not a token."""
    payload = {
        "usage": {"prompt_tokens": 5, "max_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 3}},
        "logprobs": [{"token": "Hello", "logprob": -0.1, "bytes": [72]}],
        "n_token": 4,
    }
    line = redact({"tokens_input": 5, "tokens_total": 7, "model": "gpt-4o"}, payload)
    assert line["payload"] == payload
    assert line["attributes"]["tokens_input"] == 5


def test_captured_arguments_are_redacted_by_key(redact: Redact) -> None:
    """PIPE-4: attributes.input is JSON text; the values inside it have keys too."""
    taken = snapshot({"args": [1.5], "kwargs": {"api_key": "sk-1", "language": "čeština"}})
    shown = redact(_input=taken)["attributes"]["input"]
    assert json.loads(shown) == {"args": [1.5], "kwargs": {"api_key": "[REDACTED]", "language": "čeština"}}


def test_json_inside_json_is_redacted_by_key(redact: Redact) -> None:
    """PIPE-4: a tool call's arguments are a JSON text in a JSON text."""
    calls = [{"name": "login", "arguments": json.dumps({"password": "hunter2", "user": "bob"})}]
    shown = redact({"output": json.dumps(calls)})["attributes"]["output"]
    assert json.loads(json.loads(shown)[0]["arguments"]) == {"password": "[REDACTED]", "user": "bob"}


@pytest.mark.parametrize(
    "cut_text",
    [
        '{"args": [], "kwargs": {"password": "hunter2 and mo…',
        '{"arguments": "{\\"password\\": \\"hunter2…',
        '{"password": {"old": "hunter2", "new": "hunt…',
        '{"password": ["hunter2", "hunt…',
        "[{'password': 'hunter2', 'x': …",
        '{"a": 1, "password": 12345, "hunter": …',
    ],
)
def test_cut_json_does_not_leak(text: Callable[[str], str], cut_text: str) -> None:
    """PIPE-4: what can be recognised in JSON that was cut is redacted."""
    shown = text(cut_text)
    assert "hunter2" not in shown
    assert "12345" not in shown
    assert "[REDACTED]" in shown


def test_memory_under_a_secret_key_is_redacted(redact: Redact) -> None:
    """PIPE-2: the key of a memory is a key."""
    line = redact({"kind": "memory_write", "memory_key": "api_key", "input": '"sk-123456"'})
    assert line["attributes"]["input"] == "[REDACTED]"


# -- by pattern -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("ssn 123-45-6789.", "ssn [REDACTED]."),
        ("4111 1111 1111 1111", "[REDACTED]"),
        ("4111-1111-1111-1111", "[REDACTED]"),
        ("pay 4111111111111111 now", "pay [REDACTED] now"),
        ("3782 822463 10005", "[REDACTED]"),
        ("7 5555555555554444 2024", "7 [REDACTED] 2024"),
        ("1234 5678 9012 3456", "[REDACTED]"),
        ("curl -H 'X: Bearer eyJhbGciOi.abc-1'", "curl -H 'X: [REDACTED]'"),
        ("Authorization: Basic dXNlcjpwYXNz\nnext", "Authorization: [REDACTED]\nnext"),
        ("password: hunter2", "password: [REDACTED]"),
        ("api_key=sk-1&page=2", "api_key=[REDACTED]&page=2"),
        ("Api Key = 'two words' ok", "Api Key = '[REDACTED]' ok"),
        ("AWS_SECRET_ACCESS_KEY=a/b+c", "AWS_SECRET_ACCESS_KEY=[REDACTED]"),
        ("card 4111 1111 1…", "card [REDACTED]…"),
    ],
)
def test_secrets_in_text_are_redacted(text: Callable[[str], str], given: str, expected: str) -> None:
    """PIPE-3: social security and card numbers, bearer tokens, ``key: value`` and ``key=value``."""
    assert text(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "max_tokens: 500, prompt_tokens=12, tokens: 3",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7",
        "550e8400-1234-5678-9012-446655440000",
        "sha 1234567890123456789012345678901234567890",
        "at 1700000000000 or 1723456789.123456789012",
        "2024-01-15 10:00:00",
        "the bearer of news, Bearer tokens, keyword: x, monkey=1",
        "pi 3.14159265358979323846, order 1234567890123456",
        "[EMAIL] [CREDIT_CARD] password: [REDACTED], token=[EMAIL]",
    ],
)
def test_ids_numbers_and_markers_are_left_alone(text: Callable[[str], str], given: str) -> None:
    """PIPE-4, D-5, IFACE-9: card numbers have an issuer and a check digit; what a guardrail named wins."""
    assert text(given) == given


def test_patterns_of_the_user_apply_to_every_text(redact: Redact) -> None:
    """PIPE-3: redact_patterns replaces the defaults; keys still count."""
    redactor = Redactor(patterns=[r"\bEMP-\d+\b"], canary=False)
    line = redact(
        {"input": '{"args": ["EMP-77"]}', "note": "EMP-1 123-45-6789"}, {"a": ["x EMP-2", {"token": "t"}]}, redactor
    )
    assert line["attributes"]["input"] == '{"args": ["[REDACTED]"]}'
    assert line["attributes"]["note"] == "[REDACTED] 123-45-6789"
    assert line["payload"] == {"a": ["x [REDACTED]", {"token": "[REDACTED]"}]}


def test_card_numbers_that_are_integers_are_redacted(redact: Redact) -> None:
    """PIPE-3: a card number in captured arguments may be an int; a time in milliseconds is one too."""
    payload = {"args": [4111111111111111, 1700000000000, 1234567890123456]}
    assert redact(payload=payload)["payload"]["args"] == ["[REDACTED]", 1700000000000, 1234567890123456]


# -- everywhere -------------------------------------------------------------------------------------------------------


def test_errors_stack_traces_and_notes_are_redacted(redact: Redact) -> None:
    """PIPE-5: every text that is not structure, whatever it is called."""
    texts = {name: f"{name} password=hunter2" for name in ("error", "stack_trace", "note", "system", "anything")}
    line = redact({**texts, "list": ["password=hunter2"], "nested": {"a": {"b": "password=hunter2"}}})
    assert "hunter2" not in json.dumps(line)


def test_structure_is_never_altered(redact: Redact) -> None:
    """PIPE-4: ids, kind, name, model, counts, scores, tenant, user and session stay, whatever they look like."""
    structure = {"model": "password=x", "event_name": "token: y", "eval_scores": {"secret": 0.5}, "cost_usd": 0.1}
    scope = Scope(tenant_id="123-45-6789", user_id="4111111111111111", session_id="token=1")
    line = redact({**structure, "input": "token=1"}, scope=scope, name="secret: name")
    assert {name: line["attributes"][name] for name in structure} == structure
    assert (line["name"], line["tenant_id"], line["user_id"], line["session_id"]) == (
        *("secret: name", "123-45-6789", "4111111111111111", "token=1"),
    )
    assert line["attributes"]["input"] == "token=[REDACTED]"


def test_tags_of_a_session_are_redacted(redact: Redact) -> None:
    """PIPE-5: tags become attributes of every span; the session's own mapping stays as it is."""
    tags = {"auth_token": "t-1", "plan": "gold"}
    line = redact(scope=Scope(tags=tags))
    assert (line["attributes"]["auth_token"], line["attributes"]["plan"]) == ("[REDACTED]", "gold")
    assert tags["auth_token"] == "t-1"


def test_events_hold_what_the_span_holds() -> None:
    """PIPE-5: event exporters are no way round."""
    span = Span("tool.login", kind="tool")
    span._payload, _ = document({"tool_name": "login", "tool_args": {"password": "hunter2"}})
    span._t1 = span._t0 + 1
    Redactor(canary=False).process(span)
    assert [event["tool_args"] for event in events_of(span)] == [{"password": "[REDACTED]"}]


def test_values_of_the_program_are_not_changed(redact: Redact) -> None:
    """A program may go on using what it put into a span."""
    mine: Dict[str, Any] = {"password": "hunter2", "list": [{"token": "t"}]}
    redact({"mine": mine}, {"request": mine})
    assert mine == {"password": "hunter2", "list": [{"token": "t"}]}


def test_objects_are_redacted_in_the_form_in_which_they_are_stored(redact: Redact) -> None:
    """PIPE-10: an object becomes its text later; that text is looked at now. Bytes are no hiding place."""

    class Login:
        def __str__(self) -> str:
            return "Login(password=hunter2)"

    line = redact({"login": Login(), "raw": b"password=hunter2", 5: {"password": "hunter2"}, "set": {"token=hunter2"}})
    assert "hunter2" not in json.dumps(line)


def test_escapes_of_other_encoders_are_no_hiding_place(redact: Redact) -> None:
    """A response body is taken over as the API wrote it."""
    line = redact(payload=rb'{"response": {"p\u0061ssword": "hunter2", "a": "\u0070assword=hunter2"}}')
    assert "hunter2" not in json.dumps(line)


def test_a_text_stays_within_its_limit(redact: Redact) -> None:
    """TRACE-4: a marker may be longer than what it replaces."""
    shown = redact({"input": "token=a " * 62})["attributes"]["input"]
    assert len(shown) == 500
    assert shown.endswith("…")


def test_an_open_run_is_redacted_like_any_other(redact: Redact) -> None:
    """MODEL-9: it is stored before it ends."""
    span = Span("run", kind="run")
    span._payload = b'{"metadata":{"api_key":"sk-1"}}'
    Redactor(canary=False).process(span)
    assert span.payload == {"metadata": {"api_key": "[REDACTED]"}}


# -- failing ----------------------------------------------------------------------------------------------------------


def test_content_that_cannot_be_redacted_is_withheld_and_counted(
    redact: Redact, warnings: Callable[[], List[str]]
) -> None:
    """PIPE-10: never stored raw; said once, without the content; the spans that follow are as usual."""
    redactor = Redactor(canary=False)
    broken = b'{"password": "hunter2", broken'
    for _ in range(3):
        line = redact({"model": "gpt-4o", "input": "password=hunter2", "tokens_total": 5}, broken, redactor)
        assert "hunter2" not in json.dumps(line)
        assert line["attributes"]["input"] == "[REDACTION FAILED]"
        assert (line["attributes"]["model"], line["attributes"]["tokens_total"]) == ("gpt-4o", 5)
        assert "payload" not in line
    assert redactor.stats()["failed"] == 3
    assert len(warnings()) == 1
    assert "hunter2" not in warnings()[0]
    assert redact({"input": "fine"}, redactor=redactor)["attributes"]["input"] == "fine"


def test_what_capture_put_off_and_failed_is_withheld(redact: Redact) -> None:
    """PIPE-10: a span whose attributes cannot be made."""

    def pending(span: Span) -> None:
        raise RuntimeError("password=hunter2")

    line = redact({"input": "x"}, _pending=pending)
    assert line["attributes"]["redaction_failed"] == "RuntimeError"


def test_deep_structures_are_cut_not_crashed_into(redact: Redact) -> None:
    """A payload of a thousand levels."""
    deep = b'{"a":' * 500 + b'{"password":"hunter2"}' + b"}" * 500
    line = redact(payload=deep)
    assert "hunter2" not in json.dumps(line)


@pytest.mark.parametrize(
    ("keys", "patterns", "named"),
    [
        ("password", None, "redact_keys"),
        ([""], None, "redact_keys"),
        ([5], None, "redact_keys"),
        (None, "x", "redact_patterns"),
        (None, ["("], "redact_patterns"),
        (None, [5], "redact_patterns"),
        (None, [b"x"], "redact_patterns"),
    ],
)
def test_wrong_settings_are_refused(keys: Any, patterns: Any, named: str) -> None:
    """CONF-5: a ValueError that names the setting."""
    with pytest.raises(ConfigurationError, match=named):
        Redactor(keys=keys, patterns=patterns)


class TestArgumentsByPosition:
    """PIPE-2: a parameter's name is the key of what is given to it, however it is given."""

    @staticmethod
    def inputs(**settings: Any) -> List[str]:
        class Client:
            @peekr.trace
            def login(self, user: str, password: str, max_tokens: int = 5, *rest: Any) -> None: ...

        @peekr.trace
        def connect(host: str, api_key: Any = None, *, token: str = "") -> None: ...

        @peekr.trace
        async def later(secret: str) -> None: ...

        @peekr.trace
        def steps(secret: str) -> Iterator[int]:
            yield 1

        with record(plugins=[], **settings) as recording:
            Client().login("jane", "hunter2", 7, "more")
            connect("db", "k-123", token="t-9")
            connect("db", None)
            asyncio.run(later("s-1"))
            list(steps("s-2"))
            peekr.trace(connect.__wrapped__.__get__("me"))("k-4")
            assert peekr.flush(10)
        return [span.attributes["input"] for span in recording.spans]

    def test_are_redacted_by_the_names_of_the_parameters(self) -> None:
        assert sorted(self.inputs()) == sorted([
            '{"args": ["jane", "[REDACTED]", 7, "more"], "kwargs": {}}',
            '{"args": ["db", "[REDACTED]"], "kwargs": {"token": "[REDACTED]"}}',
            '{"args": ["db", null], "kwargs": {}}',
            '{"args": ["[REDACTED]"], "kwargs": {}}',
            '{"args": ["[REDACTED]"], "kwargs": {}}',
            '{"args": ["[REDACTED]"], "kwargs": {}}',
        ])  # fmt: skip

    def test_stay_where_nothing_is_redacted(self) -> None:
        assert '{"args": ["jane", "hunter2", 7, "more"], "kwargs": {}}' in self.inputs(redact=False)

    def test_stay_where_the_keys_are_others(self) -> None:
        peekr.set_config(peekr.TraceConfig(redact_keys=["api_key"]))
        try:
            found = self.inputs()
        finally:
            peekr.set_config(None)
        assert '{"args": ["jane", "hunter2", 7, "more"], "kwargs": {}}' in found
        assert '{"args": ["db", "[REDACTED]"], "kwargs": {"token": "t-9"}}' in found


@pytest.mark.parametrize("short", ["X1", "X12", "X123", "X1234"])
def test_a_pattern_of_the_users_own_finds_short_texts_too(short: str) -> None:
    """PIPE-3: regex matches in any string; also as a key, and inside JSON."""
    redactor = Redactor(patterns=[r"X\d+"])
    value = {"a": short, "b": [short], short: "kept", "c": f'{{"d": "{short}"}}'}
    assert short not in json.dumps(redactor.value(value))
    span = Span("s")
    span.payload = value
    span.attributes["note"] = short
    redactor.process(span)
    assert short not in json.dumps(span.to_dict())


@pytest.mark.parametrize("name", ["n", "seed", "stream", "price", "success", "tokens_note", "cost_note"])
def test_a_text_under_the_name_of_a_measure_is_redacted(name: str) -> None:
    """PIPE-4: token counts and scores are never altered; a text is none, whatever it is called."""
    for text in ("password=hunter2", {"password": "hunter2"}, ["ssn 123-45-6789"]):
        span = Span("s")
        span.attributes[name] = text
        Redactor().process(span)
        assert "[REDACTED]" in json.dumps(span.attributes[name])
    counted = Span("s")
    counted.attributes.update({name: 4111111111111111, "note": "password=hunter2"})
    Redactor().process(counted)
    assert counted.attributes[name] == 4111111111111111 and counted.attributes["note"] == "password=[REDACTED]"
