"""What each kind of LangChain run is as a span."""

from __future__ import annotations

import json
import uuid
from types import SimpleNamespace
from typing import Any, List

import pytest
from langchain_core.callbacks import CallbackManager, dispatch_custom_event
from langchain_core.documents import Document
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import ToolException, tool

import peekr
from peekr.testing import record


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def broken(x: str) -> str:
    """Never work."""
    raise KeyError(x)


class Library(BaseRetriever):
    """Finds the same two documents always."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any = None) -> List[Document]:
        with peekr.span("index"):
            return [Document(page_content="Paris is a city.", metadata={"id": 1}), Document(page_content="So is Rome.")]


def chain(model: Any) -> Any:
    """A prompt, a model, a parser."""
    return ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", "{q}")]) | model | StrOutputParser()


def test_a_chain_is_a_tree_of_its_steps(kit: Any, recording: Any) -> None:
    """LC-6: parents by LangChain's run ids."""
    assert chain(kit.model()).invoke({"q": "Capital of France?"}) == "Paris."
    assert kit.outline(recording.spans) == [
        "langchain.chain.RunnableSequence",
        "  langchain.chain.ChatPromptTemplate",
        "  langchain.chat.ScriptedModel",
        "  langchain.chain.StrOutputParser",
    ]
    whole = recording.named("langchain.chain.RunnableSequence")[0]
    assert (whole.kind, whole.attributes["input"], whole.attributes["output"]) == (
        "chain",
        '{"q": "Capital of France?"}',
        '"Paris."',
    )


def test_a_chat_model_has_model_messages_answer_and_tokens(kit: Any, recording: Any) -> None:
    """LC-4, LLM-3, LLM-4, LLM-9, MODEL-11."""
    kit.model().invoke([SystemMessage("Be brief."), HumanMessage("Capital of France?")])
    span = recording.only
    attributes = span.attributes
    assert (span.name, span.kind) == ("langchain.chat.ScriptedModel", "llm")
    assert (attributes["model"], attributes["model_requested"]) == ("model-1-2024", "model-1")
    assert (attributes["tokens_input"], attributes["tokens_output"], attributes["tokens_total"]) == (11, 7, 18)
    assert (attributes["output"], attributes["finish_reason"]) == ("Paris.", "stop")
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Capital of France?"},
    ]
    assert json.loads(attributes["input"]) == span.payload["request"]["messages"] == messages
    assert span.payload["request"]["temperature"] == 0.5
    assert span.payload["response"]["messages"][0]["content"] == "Paris."
    assert "billed" not in attributes


def test_tool_calls_of_the_model_are_its_output(kit: Any, recording: Any) -> None:
    """LLM-7."""
    kit.model(answers=[kit.ask_for("add", a=1, b=2)]).invoke("1 + 2?")
    attributes = recording.only.attributes
    assert json.loads(attributes["output"]) == [{"name": "add", "arguments": {"a": 1, "b": 2}}]
    assert attributes["tool_calls"] == 1


def test_a_conversation_with_tools_is_written_as_the_apis_write_it(kit: Any, recording: Any) -> None:
    """LLM-4: each message with its role, its calls, and what it answers."""
    asked = kit.ask_for("add", a=1, b=2)
    kit.model().invoke([HumanMessage("1 + 2?"), asked, ToolMessage("3", tool_call_id="call-1", name="add")])
    assert recording.only.payload["request"]["messages"] == [
        {"role": "user", "content": "1 + 2?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"name": "add", "arguments": {"a": 1, "b": 2}, "id": "call-1"}],
        },
        {"role": "tool", "content": "3", "name": "add", "tool_call_id": "call-1"},
    ]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (AIMessage("", additional_kwargs={"refusal": "I will not."}), "refusal"),
        (AIMessage("", response_metadata={"stop_reason": "refusal"}), "refusal"),
        (AIMessage("", response_metadata={"finish_reason": "content_filter"}), "content_filter"),
        (AIMessage("", invalid_tool_calls=[{"name": "add", "args": "{", "id": "1", "error": "cut"}]), "json_parse"),
    ],
)
def test_a_semantic_failure_has_a_reason_and_status_ok(kit: Any, recording: Any, message: Any, reason: str) -> None:
    """LLM-8, LLM-9."""
    kit.model(answers=[message]).invoke("x")
    assert (recording.only.status, recording.only.attributes["error_reason"]) == ("ok", reason)


def test_a_completion_model_has_its_prompt_and_text(recording: Any) -> None:
    """LC-6."""
    FakeListLLM(responses=["Paris."]).invoke("Capital of France?")
    span = recording.only
    assert (span.name, span.kind) == ("langchain.llm.FakeListLLM", "llm")
    assert (span.attributes["input"], span.attributes["output"]) == ("Capital of France?", "Paris.")


def test_a_tool_has_its_name_arguments_and_result(kit: Any, recording: Any) -> None:
    """LC-4, MODEL-2."""
    assert add.invoke({"a": 1, "b": 2}) == 3
    span = recording.only
    assert (span.name, span.kind, span.attributes["tool_name"]) == ("langchain.tool.add", "tool", "add")
    assert (span.attributes["input"], span.attributes["output"]) == ('{"a": 1, "b": 2}', "3")
    assert span.payload == {"tool_name": "add", "tool_args": {"a": 1, "b": 2}, "tool_result": 3}


def test_a_tool_called_by_a_model_is_shown_with_its_plain_result(recording: Any) -> None:
    """LC-4: the message around the result is LangChain's."""
    add.invoke({"name": "add", "args": {"a": 1, "b": 2}, "id": "call-1", "type": "tool_call"})
    assert (recording.only.attributes["output"], recording.only.attributes["tool_call_id"]) == ('"3"', "call-1")


def test_a_tool_that_raises_has_failed(recording: Any) -> None:
    """LLM-8."""
    with pytest.raises(KeyError):
        broken.invoke({"x": "k"})
    span = recording.only
    assert (span.status, span.attributes["error_type"]) == ("error", "KeyError")
    assert (span.attributes["error_reason"], span.attributes["input"]) == ("tool_error", '{"x": "k"}')


def test_a_tool_that_answers_with_its_error_has_failed_quietly(recording: Any) -> None:
    """LLM-9, for tools."""

    @tool
    def careful(x: str) -> str:
        """Fail politely."""
        raise ToolException("no such thing")

    careful.handle_tool_error = True
    careful.invoke({"name": "careful", "args": {"x": "y"}, "id": "call-1", "type": "tool_call"})
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("ok", "tool_error")
    assert span.attributes["output"] == '"no such thing"'


def test_a_retriever_has_its_query_and_documents(kit: Any, recording: Any) -> None:
    """LC-6, SPAN-7."""
    Library().invoke("cities")
    assert kit.outline(recording.spans) == ["langchain.retriever.Library", "  index"]
    span = recording.named("langchain.retriever.Library")[0]
    attributes = span.attributes
    assert (span.kind, attributes["document_count"], attributes["rag.docs_count"]) == ("retrieval", 2, 2)
    assert attributes["input"] == attributes["rag.query"] == "cities"
    assert attributes["rag.retrieved_docs"] == ["Paris is a city.", "So is Rome."]
    assert json.loads(attributes["output"])[0] == {"page_content": "Paris is a city.", "metadata": {"id": 1}}


def test_an_error_is_on_every_span_it_passes(kit: Any, recording: Any) -> None:
    """LLM-8, TRACE-6: the exception is the program's own."""
    with pytest.raises(TimeoutError):
        chain(kit.model(error=TimeoutError("too late"))).invoke({"q": "x"})
    failed = [span for span in recording.spans if span.status == "error"]
    assert [span.name for span in failed] == ["langchain.chat.ScriptedModel", "langchain.chain.RunnableSequence"]
    assert {span.attributes["error_reason"] for span in failed} == {"timeout"}
    assert {span.attributes["error"] for span in failed} == {"too late"}


def test_retries_are_counted(recording: Any) -> None:
    """LLM-10: an integration that retries tells so."""
    manager = CallbackManager.configure().on_llm_start({"name": "Old"}, ["x"])[0]
    for attempt in (1, 2):
        manager.on_retry(SimpleNamespace(attempt_number=attempt, outcome=None))
    manager.on_llm_error(TimeoutError("x"))
    assert recording.only.attributes["retry_count"] == 2


def test_a_retried_runnable_shows_each_attempt(kit: Any, recording: Any) -> None:
    """LLM-10: an attempt is a call of its own and linked to the one before."""
    attempts = iter([TimeoutError("1"), None])
    model = kit.model(before=lambda: None)

    def fail_first() -> None:
        error = next(attempts)
        if error is not None:
            raise error

    model.before = fail_first
    assert model.with_retry(wait_exponential_jitter=False).invoke("x").content == "Paris."
    first, second = recording.named("langchain.chat.ScriptedModel")
    assert (first.status, second.status) == ("error", "ok")
    assert (second.attributes["retry_of"], second.attributes["attempt"]) == (first.span_id, 2)


def test_a_fallback_stands_beside_what_failed(kit: Any, recording: Any) -> None:
    """LC-4."""
    model = kit.model(error=TimeoutError("x")).with_fallbacks([kit.model()])
    assert model.invoke("x").content == "Paris."
    assert kit.outline(recording.spans) == [
        "langchain.chain.RunnableWithFallbacks",
        "  langchain.chat.ScriptedModel",
        "  langchain.chat.ScriptedModel",
    ]
    assert [span.status for span in recording.spans] == ["error", "ok", "ok"]


def test_a_classic_agent_has_its_actions_and_its_last_word(kit: Any, recording: Any) -> None:
    """LC-1, LC-4, LC-5: the callback API of the agents of old, which any library may still call."""
    run = CallbackManager.configure().on_chain_start({"name": "AgentExecutor"}, {"input": "1 + 2?"})
    run.on_agent_action(SimpleNamespace(tool="add", tool_input={"a": 1, "b": 2}, log="I must add."))
    run.get_child().on_tool_start({"name": "add"}, "{'a': 1, 'b': 2}").on_tool_end("3")
    run.on_agent_finish(SimpleNamespace(return_values={"output": "It is 3."}, log="done"))
    run.on_chain_end({"output": "It is 3."})
    assert kit.outline(recording.spans) == [
        "langchain.chain.AgentExecutor",
        "  langchain.agent.add",
        "  langchain.tool.add",
        "  final.answer",
    ]
    action = recording.named("langchain.agent.add")[0]
    assert (action.kind, action.attributes["input"]) == ("agent", '{"a": 1, "b": 2}')
    final = recording.named("final.answer")[0]
    assert (final.kind, final.attributes["output"]) == ("final", "It is 3.")
    assert recording.named("langchain.chain.AgentExecutor")[0].kind == "agent"


def test_an_event_of_the_program_is_a_step(kit: Any, recording: Any) -> None:
    """MODEL-2."""

    def work(x: str) -> str:
        dispatch_custom_event("halfway", {"done": 0.5})
        return x

    RunnableLambda(work).invoke("x")
    assert kit.outline(recording.spans) == ["langchain.chain.work", "  halfway"]
    event = recording.named("halfway")[0]
    assert (event.kind, event.attributes["input"]) == ("custom", '{"done": 0.5}')


def test_names_tags_and_the_place_in_a_graph_are_kept(recording: Any) -> None:
    """LC-6: the user's own names win over those of classes; LangChain's own tags are left out."""
    config = {"run_name": "greet", "tags": ["blue", "seq:step:1"], "metadata": {"langgraph_node": "n", "other": "o"}}
    RunnableLambda(lambda x: x).invoke("x", config=config)
    attributes = recording.only.attributes
    assert (recording.only.name, attributes["tags"], attributes["langgraph_node"]) == (
        "langchain.chain.greet",
        ["blue"],
        "n",
    )
    assert "other" not in attributes


def test_inner_workings_of_the_framework_are_left_out(kit: Any, recording: Any) -> None:
    """LC-6: their children stand under the next one up."""
    run = CallbackManager.configure().on_chain_start({"name": "graph"}, {})
    hidden = run.get_child()
    hidden.add_tags(["langsmith:hidden"])
    inner = hidden.on_chain_start({"name": "write"}, {})
    inner.get_child().on_tool_start({"name": "add"}, "").on_tool_end("3")
    inner.on_chain_end({})
    run.on_chain_end({})
    assert kit.outline(recording.spans) == ["langchain.chain.graph", "  langchain.tool.add"]


def test_session_and_tenant_are_those_of_the_block(kit: Any) -> None:
    """SESS-5."""
    with record(plugins=["langchain"], tenant_id="acme", retention_class="short") as recording:
        with peekr.session(user_id="alice", session_id="s1"):
            chain(kit.model()).invoke({"q": "x"})
        assert len(recording.spans) == 4
        for span in recording.spans:
            assert (span.tenant_id, span.retention_class) == ("acme", "short")
            assert (span.user_id, span.session_id) == ("alice", "s1")


def test_a_session_inside_a_tool_holds_for_what_runs_in_it(kit: Any, recording: Any) -> None:
    """SESS-3, SESS-5."""

    @tool
    def serve(name: str) -> str:
        """Serve somebody."""
        with peekr.session(user_id=name):
            return str(kit.model().invoke("x").content)

    serve.invoke({"name": "bob"})
    model, outer = recording.spans
    assert (model.user_id, model.parent_id, outer.user_id) == ("bob", outer.span_id, None)


def test_without_capture_nothing_that_was_said_is_kept(kit: Any) -> None:
    """LLM-12."""
    with record(plugins=["langchain"], capture_io=False) as recording:
        chain(kit.model()).invoke({"q": "secret"})
        add.invoke({"a": 1, "b": 2})
        Library().invoke("secret")
        assert len(recording.spans) == 7
        for span in recording.spans:
            assert not {"input", "output", "rag.query", "rag.retrieved_docs"} & set(span.attributes)
            assert span.payload is None
        assert recording.named("langchain.chat.ScriptedModel")[0].attributes["tokens_total"] == 18


def test_an_unknown_run_is_ignored(recording: Any) -> None:
    """INST-13: ends without a beginning, as after a change of settings in mid-run."""
    from langchain_core.tracers import context

    handler = context._configure_hooks[-1][0].get()
    handler.on_llm_end(None, run_id=uuid.uuid4())
    handler.on_chain_error(ValueError(), run_id=uuid.uuid4())
    handler.on_retry(None, run_id=uuid.uuid4())
    assert recording.spans == []


@pytest.mark.parametrize(
    ("said", "text"), [("Capital?", "Capital?"), ([{"type": "text", "text": "Capital?"}], "Capital?")]
)
def test_a_program_may_change_its_messages_afterwards(kit: Any, recording: Any, said: Any, text: str) -> None:
    """LLM-4: recorded is what was asked and answered, before the worker has looked at it and after."""
    question = HumanMessage(said)
    answer = kit.model().invoke([question])
    if isinstance(said, list):
        said[0]["text"] = "changed"
    question.content = answer.content = "changed"
    answer.usage_metadata["input_tokens"] = 1000
    answer.response_metadata["finish_reason"] = "changed"
    answer.tool_calls.append({"name": "changed", "args": {}, "id": "1"})
    span = recording.only
    assert text in span.attributes["input"]
    assert (span.attributes["output"], span.attributes["finish_reason"]) == ("Paris.", "stop")
    assert (span.attributes["tokens_input"], span.attributes.get("tool_calls")) == (11, None)
    assert "changed" not in str(span.payload)
