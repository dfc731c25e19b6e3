"""From LangChain's objects to attributes: pure functions, by shape."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peekr_langchain.answers import answer_facts, answer_messages, token_attributes
from peekr_langchain.outline import message_dict, outline, words_of


def result(**changes: Any) -> Any:
    """An LLMResult with one answer."""
    message = SimpleNamespace(type="ai", content="hi", additional_kwargs={}, response_metadata={}, usage_metadata=None)
    for name in [name for name in changes if hasattr(message, name)]:
        setattr(message, name, changes.pop(name))
    generation = SimpleNamespace(message=message, text="hi", generation_info=changes.pop("generation_info", None))
    return SimpleNamespace(generations=[[generation]], llm_output=changes.pop("llm_output", None))


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}, (3, 2, 5)),
        ({"prompt_tokens": 3, "completion_tokens": 2}, (3, 2, 5)),
        ({"input_tokens": 3, "output_tokens": 0, "total_tokens": 3}, (3, 0, 3)),
    ],
)
def test_tokens_of_the_shapes_there_are(usage: Any, expected: Any) -> None:
    """LLM-6."""
    found = token_attributes(usage)
    assert (found["tokens_input"], found["tokens_output"], found["tokens_total"]) == expected


@pytest.mark.parametrize("usage", [{}, {"input_tokens": None}, {"input_tokens": "many"}, {"input_tokens": -1}])
def test_usage_without_counts_gives_none(usage: Any) -> None:
    """LLM-6: nothing is made up."""
    assert token_attributes(usage) == {}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (result(response_metadata={"model_name": "m", "finish_reason": "stop"}), ("m", "stop")),
        (result(response_metadata={"model": "claude", "stop_reason": "end_turn"}), ("claude", "end_turn")),
        (result(generation_info={"finish_reason": "length"}, llm_output={"model_name": "old"}), ("old", "length")),
        (result(response_metadata={"model": "gpt", "status": "incomplete"}), ("gpt", "incomplete")),  # Responses API
        (result(response_metadata={"model_id": "amazon.nova", "stopReason": "tool_use"}), ("amazon.nova", "tool_use")),
    ],
)
def test_model_and_finish_reason_of_each_integration(answer: Any, expected: Any) -> None:
    """LLM-3, LLM-9."""
    facts = answer_facts(answer)
    assert (facts["model"], facts["finish_reason"]) == expected


def test_usage_of_old_integrations_is_in_the_result(kit: Any) -> None:
    """LLM-6."""
    usage = {"token_usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}
    assert answer_facts(result(llm_output=usage))["tokens_total"] == 5


def test_an_answer_without_generations_says_nothing() -> None:
    """INST-13."""
    for empty in (SimpleNamespace(generations=[], llm_output=None), SimpleNamespace(generations=[[]])):
        assert (answer_facts(empty), answer_messages(empty)) == ({}, [])


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        ("human", "user"),
        ("ai", "assistant"),
        ("AIMessageChunk", "assistant"),
        ("system", "system"),
        ("tool", "tool"),
        ("SystemMessageChunk", "system"),
    ],
)
def test_roles_are_those_of_the_apis(kind: str, role: str) -> None:
    """LLM-4."""
    assert message_dict(SimpleNamespace(type=kind, content="x"))["role"] == role


def test_the_words_of_an_answer_in_blocks() -> None:
    """LLM-4: text only, not the model's thinking."""
    blocks = ["a", {"type": "text", "text": "b"}, {"type": "thinking", "thinking": "c"}, {"type": "tool_use"}, 1]
    assert (words_of(blocks), words_of(None)) == ("ab", "")


def test_an_outline_looks_at_a_bounded_number_of_values() -> None:
    """B 22."""

    class Endless(list):  # type: ignore[type-arg]
        seen = 0

        def __iter__(self) -> Any:
            while True:
                Endless.seen += 1
                yield {"x": 1}

    outline(Endless([1]), 100)
    assert Endless.seen <= 101


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(PLAIN)
def test_an_outline_of_plain_data_is_that_data(value: Any) -> None:
    """SPAN-8."""
    assert outline(value, 1000) == value


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ({"finish_reason": "SAFETY"}, "content_filter"),
        ({"finish_reason": "MALFORMED_FUNCTION_CALL"}, "json_parse"),
        ({"stopReason": "guardrail_intervened"}, "guardrail"),
        ({"stopReason": "content_filtered"}, "content_filter"),
        ({"stop_reason": "refusal"}, "refusal"),
        ({"stop_reason": "model_context_window_exceeded"}, "context_length"),
        ({"prompt_feedback": {"block_reason": "PROHIBITED_CONTENT"}}, "content_filter"),
        ({"finish_reason": "STOP", "prompt_feedback": {"block_reason": 0, "safety_ratings": []}}, None),
    ],
)
def test_an_answer_that_is_none_in_the_words_of_each_provider(finish: Any, reason: Any) -> None:
    """LLM-9: where no plugin of the provider saw the call."""
    assert answer_facts(result(response_metadata=finish)).get("error_reason") == reason
