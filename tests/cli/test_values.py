"""How inputs, outputs, errors and scores are written (contract CLI-VIEW-3, CLI-VIEW-4, CLI-VIEW-5)."""

from __future__ import annotations

import json

import pytest

from peekr_cli.values import error_text, milliseconds, scores_text, shown


@pytest.mark.parametrize(
    ("captured", "expected"),
    [
        ('{"args": [42], "kwargs": {}}', '{"args": [42], "kwargs": {}}'),
        ('{"args": [], "kwargs": {"sku": "ABC-123"}}', '{"sku": "ABC-123"}'),
        ('{"args":[],"kwargs":{"sku":"ABC-123"}}', '{"sku": "ABC-123"}'),
        ('{"args": [], "kwargs": {}}', '{"args": [], "kwargs": {}}'),
        ('{"args": [1], "kwargs": {"a": 2}}', '{"args": [1], "kwargs": {"a": 2}}'),
        ("null", "null"),
        ('[{"id": 1, "qty": 42}]', '[{"id": 1, "qty": 42}]'),
        ('"quoted already"', '"quoted already"'),
        ("plain text", '"plain text"'),
        ('says "hi"\nand more', r'"says \"hi\"\nand more"'),
        ('{\n  "pretty": true\n}', '{"pretty": true}'),
        ("", '""'),
        ({"a": [1, None]}, '{"a": [1, null]}'),
        ({"args": [], "kwargs": {"sku": 1}}, '{"sku": 1}'),
        (None, "null"),
        ("日本語", '"日本語"'),
    ],
)
def test_json_prints_as_it_is_and_text_is_quoted(captured, expected):
    """CLI-VIEW-4, C-9."""
    assert shown(captured) == expected


def test_keywords_of_arguments_that_capture_cut_print_without_their_wrapping():
    """CLI-VIEW-4 with TRACE-4: the captured text is no whole JSON any more."""
    captured = '{"args": [], "kwargs": {"text": "' + "x" * 480
    assert shown(captured[:499] + "…").startswith('{"text": "xxx')


@pytest.mark.parametrize(
    "value", ["y" * 1000, json.dumps({"k": "v" * 1000}), json.dumps(list(range(999))), ["z" * 999]]
)
def test_at_most_120_characters_are_shown(value):
    """CLI-VIEW-3, E0-18."""
    assert len(shown(value)) == 120
    assert shown(value).endswith("…")


def test_escapes_do_not_make_a_line_longer():
    """CLI-VIEW-10 and CLI-VIEW-3 together."""
    assert len(shown(json.dumps("\x9b" * 400, ensure_ascii=False))) == 120


def test_a_value_nested_too_deep_for_python_is_shown_all_the_same():
    deep = "[" * 200_000
    assert shown(deep).startswith("[[[[")


def test_an_error_says_its_classified_reason():
    """CLI-VIEW-3, LLM-8."""
    assert error_text({"error": "slow down", "error_reason": "rate_limit"}) == "slow down  (rate_limit)"
    assert error_text({"error": "boom", "error_reason": "other"}) == "boom"
    assert error_text({"error_type": "ValueError"}) == "ValueError"


def test_scores_show_two_decimals():
    """CLI-VIEW-5, C-40."""
    assert scores_text({"eval_scores": {"Rubric": 0.9234, "NotEmpty": 1.0}}) == "{Rubric: 0.92, NotEmpty: 1.0}"
    assert scores_text({"eval_scores": {}}) is None
    assert scores_text({"eval_scores": "none"}) is None


@pytest.mark.parametrize(
    ("ms", "text"), [(1234.5, "1,234ms"), (56.4, "56ms"), (7.84, "7.8ms"), (0.094, "0.09ms"), (0, "0.00ms")]
)
def test_durations_show_as_many_digits_as_matter(ms, text):
    assert milliseconds(ms) == text
