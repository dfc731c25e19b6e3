"""What is read out of CrewAI's objects, by shape: nothing here needs CrewAI."""

from __future__ import annotations

import json
from types import SimpleNamespace as Thing
from typing import Any

import pytest

from peekr_crewai.answers import (
    answer_message,
    messages_of,
    output_attributes,
    parameters_of,
    tool_calls_of,
    usage_attributes,
)
from peekr_crewai.outline import found_texts, model_of, name_of, names_of, plain_of, role_of, roles_of, said, usage_of

CALL = {"name": "look_up", "arguments": {"word": "Paris"}}


class Model:
    """What pydantic's models look like from outside."""

    model_fields: Any = ()

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


@pytest.mark.parametrize(
    "call",
    [
        {"id": "1", "type": "function", "function": {"name": "look_up", "arguments": {"word": "Paris"}}},
        Thing(id="1", type="function", function=Thing(name="look_up", arguments={"word": "Paris"})),
        {"type": "tool_use", "name": "look_up", "input": {"word": "Paris"}},
        Thing(type="tool_use", name="look_up", input={"word": "Paris"}),
        {"toolUseId": "1", "name": "look_up", "input": {"word": "Paris"}},
        Thing(function_call=Thing(name="look_up", args={"word": "Paris"})),
    ],
    ids=["openai dict", "openai", "anthropic dict", "anthropic", "bedrock", "gemini"],
)
def test_tool_calls_of_every_provider(call: Any) -> None:
    """LLM-7."""
    assert tool_calls_of([call, call]) == [CALL, CALL]
    found = output_attributes(answer_message([call]))
    assert json.loads(found["output"]) == [CALL] and found["tool_calls"] == 1


@pytest.mark.parametrize("answer", ["text", [], ["a", "b"], [{"name": 3}], [{"name": "Ann"}], {"name": "x"}, None, 5])
def test_what_is_no_tool_call(answer: Any) -> None:
    """LLM-7: an answer may be any list."""
    assert tool_calls_of(answer) is None


def test_answers() -> None:
    """LLM-4: text as it is, objects as JSON, nothing for nothing."""
    assert output_attributes(answer_message("Paris.")) == {"output": "Paris."}
    assert output_attributes(answer_message(Model(city="Paris"))) == {"output": '{"city": "Paris"}'}
    assert output_attributes(answer_message(None)) == {}


def test_messages() -> None:
    """LLM-4: a text is what the user says; files are named, not read."""
    assert messages_of("hi") == [{"role": "user", "content": "hi"}]
    assert messages_of(None) == []
    asked = [{"role": "system", "content": "x"}, {"role": "user", "content": "y", "files": {"a.png": b"\x00" * 9}}]
    assert messages_of(asked) == [asked[0], {"role": "user", "content": "y", "files": ["a.png"]}]
    assert messages_of(asked)[0] is not asked[0]


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 6}, (3, 2, 6)),
        ({"input_tokens": 3, "output_tokens": 2}, (3, 2, 5)),
        ({"prompt_token_count": 3, "candidates_token_count": 2, "total_token_count": 9}, (3, 2, 9)),
        ({"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}, (3, 2, 5)),
        ({"prompt_tokens": "3"}, (None, None, None)),
        ({}, (None, None, None)),
    ],
)
def test_tokens_in_every_providers_words(usage: Any, counts: Any) -> None:
    """LLM-6."""
    found = usage_attributes([usage])
    assert tuple(found.get(f"tokens_{name}") for name in ("input", "output", "total")) == counts


def test_tokens_of_several_requests_and_parts() -> None:
    """LLM-6, LLM-10."""
    one = {"prompt_tokens": 10, "completion_tokens": 5, "cached_prompt_tokens": 4, "reasoning_tokens": 2}
    two = {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": Thing(cached_tokens=1)}
    found = usage_attributes([one, two])
    assert found == {
        "tokens_input": 11,
        "tokens_output": 6,
        "tokens_total": 17,
        "tokens_cached": 5,
        "tokens_reasoning": 2,
    }


def test_parameters_that_are_set() -> None:
    """LLM-11."""
    assert parameters_of(Thing(temperature=0, top_p=None, stop=[], seed=7, api_key="k")) == {
        "temperature": 0,
        "seed": 7,
    }


def test_who_is_who() -> None:
    """LLM-12: without content a role is shown as it was written down."""
    agent = Thing(role=" France expert\n", _original_role="{topic} expert", name="x")
    assert (role_of(agent), role_of(agent, content=False)) == ("France expert", "{topic} expert")
    assert roles_of([agent, None, Thing(role=None)]) == ["France expert"]
    assert names_of((agent, Thing(name=None), Thing())) == ["x"]
    assert (name_of(""), name_of(3), len(name_of("x" * 999) or "")) == (None, None, 200)
    assert model_of("gpt-4o") == model_of(Thing(model="gpt-4o")) == model_of(Thing(model_name="gpt-4o")) == "gpt-4o"
    assert model_of(None) is None


def test_outputs() -> None:
    """LLM-15: the raw text of what a crew or task puts out."""
    assert said(Thing(raw="Paris")) == "Paris"
    assert said({"a": 1}) == '{"a": 1}'
    assert len(said("x" * 5000)) == 1000


def test_usage_of_a_crew_has_names_that_nobody_adds_up() -> None:
    """LLM-3."""
    usage = Thing(total_tokens=5, prompt_tokens=3, completion_tokens=2, other=Thing())
    found = usage_of(Thing(token_usage=usage))
    assert found == {"total_tokens": 5, "prompt_tokens": 3, "completion_tokens": 2}
    assert usage_of(Thing(token_usage=None, usage_metrics={"total_tokens": 1})) == {"total_tokens": 1}
    assert usage_of(Thing(token_usage={"total_tokens": 0})) is None
    assert usage_of(None) is None


def test_objects_as_plain_data_are_bounded() -> None:
    """INST-13: a cycle ends, a large value costs no more than a small one."""
    loop: Any = Model(word="x")
    loop.again = loop
    assert json.dumps(plain_of(loop)).count("again") < 20
    assert len(plain_of(list(range(10**6)))) <= 5_001
    assert len(json.dumps(plain_of([list(range(1_000))] * 1_000))) < 100_000
    assert len(plain_of({str(at): at for at in range(10_000)})) <= 5_001
    assert plain_of(Model) is Model


def test_what_a_search_found() -> None:
    """LLM-15: dicts of knowledge, objects of memory, and whatever else."""
    found = [{"content": "a"}, {"context": "b"}, Thing(record=Thing(content="c")), "d", {"x": 1}]
    assert found_texts(found) == ["a", "b", "c", "d", '{"x": 1}']
    assert len(found_texts(["x" * 999] * 99)) == 20 and len(found_texts(["x" * 999])[0]) == 200
