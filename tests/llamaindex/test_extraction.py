"""What is read out of LlamaIndex' objects, by shape: pure functions, nothing of LlamaIndex is needed."""

from __future__ import annotations

import asyncio
from enum import Enum
from types import SimpleNamespace
from typing import Any, Dict

import pytest

from peekr.spans import Span
from peekr_llamaindex.answers import answer_facts, answer_message, token_attributes
from peekr_llamaindex.errors import describe_error
from peekr_llamaindex.groups import group_of, groups_of
from peekr_llamaindex.llm import model_of, provider_of
from peekr_llamaindex.outline import message_dict, node_dict, node_text, outline, scores_of, words_of


def made(**fields: Any) -> Any:
    return SimpleNamespace(**fields)


# -- token counts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "prompt_tokens_details": None},
            {"tokens_input": 11, "tokens_output": 7, "tokens_total": 18},
        ),
        (
            {
                "prompt_tokens": 11,
                "completion_tokens": 7,
                "total_tokens": 18,
                "prompt_tokens_details": made(cached_tokens=4),
                "completion_tokens_details": made(reasoning_tokens=3),
            },
            {
                "tokens_input": 11,
                "tokens_output": 7,
                "tokens_total": 18,
                "tokens_cached": 4,
                "tokens_reasoning": 3,
            },
        ),
        (
            {"input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 2},
            {"tokens_input": 11, "tokens_output": 7, "tokens_total": 18, "tokens_cached": 4, "tokens_cache_write": 2},
        ),
        (
            {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18},
            {"tokens_input": 11, "tokens_output": 7, "tokens_total": 18},
        ),
        (
            {
                "prompt_token_count": 11,
                "candidates_token_count": 4,
                "thoughts_token_count": 3,
                "total_token_count": 18,
                "cached_content_token_count": 2,
            },
            {
                "tokens_input": 11,
                "tokens_output": 7,
                "tokens_total": 18,
                "tokens_cached": 2,
                "tokens_reasoning": 3,
            },
        ),
        ({"prompt_eval_count": 11, "eval_count": 7}, {"tokens_input": 11, "tokens_output": 7, "tokens_total": 18}),
        ({"prompt_tokens": None, "completion_tokens": "many"}, {}),
        ({}, {}),
    ],
    ids=["openai", "openai details", "anthropic", "bedrock", "gemini", "ollama", "nonsense", "nothing"],
)
def test_each_providers_counts_become_peekrs(usage: Dict[str, Any], expected: Dict[str, int]) -> None:
    """LLM-6: by whichever names the provider behind LlamaIndex counts."""
    assert token_attributes(usage) == expected


@pytest.mark.parametrize(
    "response",
    [
        made(raw=made(usage=made(prompt_tokens=11, completion_tokens=7, total_tokens=18)), additional_kwargs={}),
        made(raw={"usage": {"prompt_tokens": 11, "completion_tokens": 7}}, additional_kwargs={}),
        made(raw={"prompt_eval_count": 11, "eval_count": 7}, additional_kwargs={}),
        made(raw=None, additional_kwargs={"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}),
        made(raw={"usage": None}, additional_kwargs={"prompt_tokens": 11, "completion_tokens": 7}),
    ],
    ids=["object", "dict", "the answer itself", "only LlamaIndex", "usage missing"],
)
def test_counts_are_found_wherever_they_are(response: Any) -> None:
    """LLM-3: the provider's object, its dict, or what LlamaIndex adds."""
    facts = answer_facts(response)
    assert {name: facts[name] for name in facts if name.startswith("tokens")} == {
        "tokens_input": 11,
        "tokens_output": 7,
        "tokens_total": 18,
    }


# -- answers ------------------------------------------------------------------------------------------------------


class _Finish(Enum):
    SAFETY = 3


@pytest.mark.parametrize(
    ("raw", "finish", "reason"),
    [
        ({"choices": [{"finish_reason": "stop"}]}, "stop", None),
        (made(choices=[made(finish_reason="content_filter")]), "content_filter", "content_filter"),
        ({"stop_reason": "refusal"}, "refusal", "refusal"),
        ({"stopReason": "guardrail_intervened"}, "guardrail_intervened", "guardrail"),
        ({"candidates": [{"finish_reason": _Finish.SAFETY}]}, "SAFETY", "content_filter"),
        ({"done_reason": "stop"}, "stop", None),
        ({"choices": []}, None, None),
        ("no object", None, None),
        (None, None, None),
    ],
)
def test_finish_reasons_and_what_they_mean(raw: Any, finish: Any, reason: Any) -> None:
    """LLM-8, LLM-9."""
    facts = answer_facts(made(raw=raw))
    assert (facts.get("finish_reason"), facts.get("error_reason")) == (finish, reason)


def test_a_refusal_of_its_own_field_is_a_refusal() -> None:
    """LLM-9."""
    message = made(role="assistant", content=None, additional_kwargs={"refusal": "No."})
    assert answer_facts(made(message=message))["error_reason"] == "refusal"
    answer = answer_message(made(message=message))
    assert answer is not None and answer["refusal"] == "No."


def test_a_completion_is_a_message_too() -> None:
    """LLM-4."""
    assert answer_message(made(text="Paris.")) == {"role": "assistant", "content": "Paris."}
    assert answer_message(made(nothing=1)) is None


# -- messages -----------------------------------------------------------------------------------------------------


class _Role(Enum):
    USER = "user"


def test_a_message_of_text_blocks_is_a_text() -> None:
    """LLM-4."""
    blocks = [made(block_type="text", text="one"), made(block_type="text", text="two")]
    message = message_dict(made(role=_Role.USER, blocks=blocks, additional_kwargs={}))
    assert message == {"role": "user", "content": "one\ntwo"}


def test_images_are_named_by_their_size_and_thoughts_are_kept() -> None:
    """LLM-11: no bytes of the user are in a trace."""
    blocks = [
        made(block_type="thinking", content="hm"),
        made(block_type="text", text="look"),
        made(block_type="image", image=b"\x89PNG" * 100, url=None, detail="low"),
    ]
    content = message_dict(made(role="user", blocks=blocks))["content"]
    assert content[0] == {"type": "thinking", "thinking": "hm"}
    assert content[2] == {"type": "image", "image": "<400 bytes>", "detail": "low"}
    assert words_of(content) == "look"


@pytest.mark.parametrize(
    "message",
    [
        made(
            role="assistant",
            blocks=[made(block_type="tool_call", tool_name="add", tool_kwargs={"a": 1}, tool_call_id="c1")],
        ),
        made(
            role="assistant",
            content=None,
            additional_kwargs={"tool_calls": [{"id": "c1", "function": {"name": "add", "arguments": {"a": 1}}}]},
        ),
        made(
            role="assistant",
            content=None,
            additional_kwargs={"tool_calls": [made(id="c1", function=made(name="add", arguments={"a": 1}))]},
        ),
    ],
    ids=["block", "dict", "object"],
)
def test_tool_calls_of_every_version_look_alike(message: Any) -> None:
    """LLM-7."""
    assert message_dict(message)["tool_calls"] == [{"name": "add", "arguments": {"a": 1}, "id": "c1"}]


# -- nodes --------------------------------------------------------------------------------------------------------


def test_nodes_of_every_version_look_alike() -> None:
    """LLM-15: text, score and metadata of what was retrieved."""
    old = made(node=made(id_="1", text="a", metadata={"k": 1}), score=0.5)
    new = made(node=made(id_="1", text_resource=made(text="a"), metadata={"k": 1}), score=0.5)
    assert node_dict(old) == node_dict(new) == {"id": "1", "text": "a", "metadata": {"k": 1}, "score": 0.5}
    assert node_text(made(node=made(image="x"))) == ""
    assert scores_of([old, made(score=None), made(score="high")]) == [0.5, None, None]


def test_an_outline_is_bounded_and_ends_where_values_contain_themselves() -> None:
    """TRACE-4: whatever a workflow's event holds."""
    loop: Dict[str, Any] = {}
    loop["self"] = loop
    text = str(outline({"loop": loop, "many": list(range(10_000)), "bytes": b"12"}))
    assert "…" in text and len(text) < 2000


# -- which methods, which errors ----------------------------------------------------------------------------------


def _class(name: str, *bases: type, module: str = "llama_index.core.anything", **methods: Any) -> type:
    return type(name, bases or (object,), {"__module__": module, **methods})


def test_methods_are_known_by_the_base_class_of_llamaindex() -> None:
    """LLM-15: and classes of the user's that are only called alike are none of them."""
    own = _class("Mine", _class("BaseRetriever"), module="mine")
    assert groups_of(own) == {"retrieve": "retrieve", "aretrieve": "retrieve"}
    assert group_of(own(), "_retrieve", None) is None
    assert groups_of(_class("BaseRetriever", module="mine")) == {}


def test_an_agent_of_the_older_kind_is_an_agent_and_no_chat_engine() -> None:
    """LLM-15."""
    engine = _class("BaseChatEngine")
    runner = _class("Runner", _class("BaseAgent", engine, _class("BaseQueryEngine")), module="mine")
    assert group_of(runner(), "chat", None) == "agent"
    assert group_of(_class("Other", engine)(), "chat", None) == "chat"


def test_the_steps_of_a_workflow_are_spans_and_those_of_an_agent_are_not() -> None:
    """LLM-15: an agent's own steps would say nothing but how LlamaIndex works."""
    marked = made(_step_config=1)
    workflow = _class("Workflow", first=marked, _done=marked, helper=len, _step_functions={"free": len})
    flow, agent = workflow(), _class("BaseWorkflowAgent", workflow)()
    assert group_of(None, "first", flow) == group_of(flow, "first", None) == "step"
    assert group_of(None, "free", flow) == "step"
    assert group_of(None, "helper", flow) is None and group_of(flow, "_done", None) is None
    assert group_of(None, "first", agent) is None and group_of(agent, "run", None) == "agent_run"


def _named(name: str) -> Any:
    return type(name, (Exception,), {})("text")


@pytest.mark.parametrize(
    ("error", "tool", "reason"),
    [
        (_named("WorkflowTimeoutError"), False, "timeout"),
        (_named("WorkflowCancelledByUser"), False, "cancelled"),
        (asyncio.CancelledError(), False, "cancelled"),
        (asyncio.CancelledError(), True, "cancelled"),
        (ValueError("no"), True, "tool_error"),
        (ValueError("no"), False, "other"),
    ],
)
def test_errors_have_a_reason(error: BaseException, tool: bool, reason: str) -> None:
    """LLM-8."""
    span = Span("x")
    describe_error(span, error, tool=tool)
    assert (span.status, span.attributes["error_reason"]) == ("error", reason)


def test_a_step_that_waits_for_an_event_has_not_failed() -> None:
    """LLM-8: LlamaIndex leaves a step by an exception when it waits for a human."""
    span = Span("x")
    describe_error(span, _named("WaitingForEvent"))
    assert span.status == "ok" and span.attributes == {"interrupted": True}


# -- models -------------------------------------------------------------------------------------------------------


class _Refusing:
    @property
    def metadata(self) -> Any:
        raise ValueError("unknown model")


def test_a_model_is_named_even_where_its_metadata_refuses() -> None:
    """LLM-3: OpenAI's computes the size of the context, and knows not all models."""
    assert model_of(made(model="gpt-9", metadata=None)) == "gpt-9"
    assert model_of(made(metadata=made(model_name="m"))) == "m"
    assert model_of(made(metadata=made(model_name="unknown"))) == "SimpleNamespace"
    assert model_of(_Refusing()) == "_Refusing"


def test_the_provider_is_told_by_the_package() -> None:
    """LLM-2."""
    assert provider_of(_class("OpenAI", module="llama_index.llms.openai.base")()) == "openai"
    assert provider_of(_class("Mine", module="mine")()) is None
