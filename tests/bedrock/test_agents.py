"""Guardrails, agents, flows and knowledge bases, as far as they report."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import EventStreamError


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_apply_guardrail(api: Any, recording: Any) -> None:
    """LLM-9: an intervention is no failure of the call; policy units are no tokens."""
    api.answers = [
        {
            "action": "GUARDRAIL_INTERVENED",
            "outputs": [{"text": "Sorry."}],
            "assessments": [],
            "usage": {"topicPolicyUnits": 1},
        }
    ]
    api.client().apply_guardrail(
        guardrailIdentifier="g1", guardrailVersion="1", source="INPUT", content=[{"text": {"text": "How to cheat?"}}]
    )
    span = recording.only
    assert (span.name, span.kind, span.status) == ("bedrock.apply_guardrail", "function", "ok")
    assert (span.attributes["input"], span.attributes["output"]) == ("How to cheat?", "Sorry.")
    assert (span.attributes["error_reason"], span.attributes["guardrail_id"]) == ("guardrail", "g1")
    assert not any(name.startswith("tokens_") for name in span.attributes)


def test_a_guardrail_that_lets_pass(api: Any, recording: Any) -> None:
    """LLM-9."""
    api.answers = [{"action": "NONE", "outputs": [], "assessments": [], "usage": {}}]
    api.client().apply_guardrail(guardrailIdentifier="g1", guardrailVersion="1", source="INPUT", content=[])
    attributes = recording.only.attributes
    assert (attributes["finish_reason"], attributes.get("error_reason")) == ("NONE", None)


def _invoke_agent(api: Any, events: Any) -> Any:
    api.answers = [events]
    client = api.client("bedrock-agent-runtime")
    return client.invoke_agent(agentId="a1", agentAliasId="alias", sessionId="s1", inputText="Hello?", enableTrace=True)


def _trace(input_tokens: int, output_tokens: int) -> Any:
    usage = {"inputTokens": input_tokens, "outputTokens": output_tokens}
    return {"trace": {"orchestrationTrace": {"modelInvocationOutput": {"metadata": {"usage": usage}}}}}


def test_an_agents_turn(api: Any, recording: Any) -> None:
    """MODEL-3, STREAM-3: the tokens of all its model calls, which the trace tells; text cut within a character."""
    asked = {"trace": {"orchestrationTrace": {"modelInvocationInput": {"foundationModel": "claude"}}}}
    word = "žluť".encode()
    events = [
        api.event("trace", asked),
        api.event("trace", _trace(100, 10)),
        api.event("trace", _trace(200, 20)),
        api.event("chunk", {"bytes": base64.b64encode(word[:1]).decode()}),
        api.event("chunk", {"bytes": base64.b64encode(word[1:]).decode()}),
    ]
    assert len(list(_invoke_agent(api, events)["completion"])) == 5
    span = recording.only
    attributes = span.attributes
    assert (span.name, span.kind, span.status) == ("bedrock.invoke_agent", "agent", "ok")
    assert (attributes["input"], attributes["output"], attributes["agent_id"]) == ("Hello?", "žluť", "a1")
    assert (attributes["tokens_input"], attributes["tokens_output"], attributes["tokens_total"]) == (300, 30, 330)
    assert (attributes["model"], len(span.payload["response"]["traces"])) == ("claude", 3)
    assert "stream_incomplete" not in attributes


def test_an_agent_that_does_not_tell_its_tokens(api: Any, recording: Any) -> None:
    """LLM-6: absent."""
    list(_invoke_agent(api, [api.event("chunk", {"bytes": _b64("Hi")})])["completion"])
    attributes = recording.only.attributes
    assert attributes["output"] == "Hi"
    assert not any(name.startswith("tokens_") for name in attributes)


def test_an_agent_that_hands_control_back(api: Any, recording: Any) -> None:
    """LLM-7."""
    function = {"actionGroup": "g", "function": "weather", "parameters": [{"name": "city", "value": "Paris"}]}
    http = {"actionGroup": "g", "httpMethod": "GET", "apiPath": "/time", "parameters": []}
    inputs = [{"functionInvocationInput": function}, {"apiInvocationInput": http}]
    events = [api.event("returnControl", {"invocationId": "i", "invocationInputs": inputs})]
    list(_invoke_agent(api, events)["completion"])
    attributes = recording.only.attributes
    assert [call["name"] for call in json.loads(attributes["output"])] == ["weather", "GET /time"]
    assert attributes["tool_calls"] == 2


def test_an_agent_that_fails_in_mid_stream(api: Any, recording: Any) -> None:
    """IFACE-11, LLM-8."""
    events = [api.event("chunk", {"bytes": _b64("Hi")}), api.exception("dependencyFailedException", "Lambda failed")]
    stream = _invoke_agent(api, events)["completion"]
    with pytest.raises(EventStreamError):
        list(stream)
    span = recording.only
    assert (span.status, span.attributes["error_reason"], span.attributes["output"]) == ("error", "server_error", "Hi")


def test_retrieve(api: Any, recording: Any) -> None:
    """MODEL-3."""
    results = [{"content": {"text": "Paris is the capital.", "type": "TEXT"}, "score": 0.9}]
    api.answers = [{"retrievalResults": results}]
    client = api.client("bedrock-agent-runtime")
    result = client.retrieve(knowledgeBaseId="KB12345678", retrievalQuery={"text": "Capital?"})
    assert result["retrievalResults"][0]["score"] == 0.9
    span = recording.only
    assert (span.name, span.kind, span.attributes["results_count"]) == ("bedrock.retrieve", "retrieval", 1)
    assert (span.attributes["input"], span.attributes["knowledge_base_id"]) == ("Capital?", "KB12345678")
    assert "Paris is the capital." in span.attributes["output"]


def test_retrieve_and_generate(api: Any, recording: Any) -> None:
    """MODEL-3, LLM-6: it reports no tokens."""
    api.answers = [{"output": {"text": "Paris."}, "citations": [{}], "sessionId": "s", "guardrailAction": "INTERVENED"}]
    api.client("bedrock-agent-runtime").retrieve_and_generate(input={"text": "Capital?"})
    span = recording.only
    assert (span.name, span.kind) == ("bedrock.retrieve_and_generate", "llm")
    assert (span.attributes["input"], span.attributes["output"]) == ("Capital?", "Paris.")
    assert (span.attributes["citations_count"], span.attributes["error_reason"]) == (1, "guardrail")
    assert "tokens_total" not in span.attributes


def test_retrieve_and_generate_as_a_stream(api: Any, recording: Any) -> None:
    """STREAM-3."""
    client = api.client("bedrock-agent-runtime")
    if not hasattr(client, "retrieve_and_generate_stream"):
        pytest.skip("botocore before 1.36")
    api.answers = [
        [
            api.event("output", {"text": "Par"}),
            api.event("output", {"text": "is."}),
            api.event("citation", {"citation": {}}),
            api.event("guardrail", {"action": "NONE"}),
        ]
    ]
    list(client.retrieve_and_generate_stream(input={"text": "Capital?"})["stream"])
    attributes = recording.only.attributes
    assert (attributes["output"], attributes["citations_count"]) == ("Paris.", 1)


def test_a_flow(api: Any, recording: Any) -> None:
    """MODEL-3, STREAM-3."""
    client = api.client("bedrock-agent-runtime")
    api.answers = [
        [
            api.event("flowOutputEvent", {"nodeName": "out", "content": {"document": {"answer": "Paris"}}}),
            api.event("flowCompletionEvent", {"completionReason": "SUCCESS"}),
        ]
    ]
    inputs = [{"nodeName": "in", "nodeOutputName": "document", "content": {"document": "Capital?"}}]
    list(client.invoke_flow(flowIdentifier="f1", flowAliasIdentifier="x", inputs=inputs)["responseStream"])
    span = recording.only
    assert (span.name, span.kind, span.attributes["finish_reason"]) == ("bedrock.invoke_flow", "chain", "SUCCESS")
    assert "Paris" in span.attributes["output"] and "Capital?" in span.attributes["input"]


def test_rerank(api: Any, recording: Any) -> None:
    """MODEL-3."""
    client = api.client("bedrock-agent-runtime")
    if not hasattr(client, "rerank"):
        pytest.skip("botocore before 1.35.73")
    api.answers = [{"results": [{"index": 0, "relevanceScore": 0.5}]}]
    text = {"type": "TEXT", "textDocument": {"text": "Paris"}}
    client.rerank(
        queries=[{"type": "TEXT", "textQuery": {"text": "Capital?"}}],
        sources=[{"type": "INLINE", "inlineDocumentSource": text}],
        rerankingConfiguration={
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {"modelConfiguration": {"modelArn": "arn:aws:bedrock:us-east-1::m/x"}},
        },
    )
    span = recording.only
    assert (span.name, span.kind, span.attributes["input"]) == ("bedrock.rerank", "retrieval", "Capital?")


# -- agentic retrieval, optimised prompts ---------------------------------------------------------------------------


def _agentic(api: Any, events: Any) -> Any:
    client = api.client("bedrock-agent-runtime")
    if not hasattr(client, "agentic_retrieve_stream"):
        pytest.skip("botocore that does not know it")
    api.answers = [events]
    knowledge = {"configuration": {"knowledgeBase": {"knowledgeBaseId": "KB12345678"}}}
    messages = [{"role": "user", "content": {"text": "Capital of France?"}}]
    return client.agentic_retrieve_stream(
        messages=messages, retrievers=[knowledge], agenticRetrieveConfiguration={"foundationModelType": "MANAGED"}
    )


def test_agentic_retrieval(api: Any, recording: Any) -> None:
    """STREAM-3, STREAM-6, LLM-6: the answer, what was found and the steps; no tokens, as none are told."""
    found = {"content": {"text": "Paris is the capital.", "mimeType": "text/plain"}}
    made = {"answer": "Paris.", "citations": [{"startIndex": 0, "endIndex": 6, "references": [{"resultIndex": 0}]}]}
    events = [
        api.event("traceEvent", {"id": "t1", "attributes": {"step": "Planning", "status": "SUCCEEDED"}}),
        api.event("responseEvent", {"text": "Par"}),
        api.event("responseEvent", {"text": "is."}),
        api.event("result", {"results": [found], "generatedResponse": made}),
    ]
    assert len(list(_agentic(api, events)["stream"])) == 4
    span = recording.only
    attributes = span.attributes
    assert (span.name, span.kind, span.status) == ("bedrock.agentic_retrieve_stream", "retrieval", "ok")
    assert "Capital of France?" in attributes["input"]
    assert (attributes["output"], attributes["results_count"], attributes["citations_count"]) == ("Paris.", 1, 1)
    assert span.payload["response"]["steps"][0]["attributes"]["step"] == "Planning"
    assert attributes["streaming"] and not {name for name in attributes if name.startswith("tokens_")}
    assert "stream_incomplete" not in attributes


def test_agentic_retrieval_that_only_finds_and_is_warned_of(api: Any, recording: Any) -> None:
    """LLM-4, LLM-9."""
    warning = {"warnings": [{"guardrail": {"action": "INTERVENED", "id": "g1"}}]}
    found = {"content": {"text": "Paris is the capital."}}
    list(
        _agentic(api, [api.event("traceEvent", {"attributes": warning}), api.event("result", {"results": [found]})])[
            "stream"
        ]
    )
    attributes = recording.only.attributes
    assert "Paris is the capital." in attributes["output"]
    assert (attributes["results_count"], attributes["error_reason"]) == (1, "guardrail")


def test_agentic_retrieval_without_its_result_is_incomplete(api: Any, recording: Any) -> None:
    """STREAM-4: what was said is kept."""
    list(_agentic(api, [api.event("responseEvent", {"text": "Par"})])["stream"])
    attributes = recording.only.attributes
    assert (attributes["output"], attributes["stream_incomplete"]) == ("Par", True)


def test_an_optimised_prompt(api: Any, recording: Any) -> None:
    """STREAM-3, LLM-6: the model that the prompt is for has not been called."""
    client = api.client("bedrock-agent-runtime")
    if not hasattr(client, "optimize_prompt"):
        pytest.skip("botocore that does not know it")
    made = {"optimizedPrompt": {"textPrompt": {"text": "Name the capital of France."}}}
    api.answers = [[api.event("analyzePromptEvent", {"message": "Vague."}), api.event("optimizedPromptEvent", made)]]
    asked = {"textPrompt": {"text": "capital?"}}
    list(client.optimize_prompt(input=asked, targetModelId="anthropic.claude-v2")["optimizedPrompt"])
    span = recording.only
    attributes = span.attributes
    assert (span.name, span.kind, attributes.get("model")) == ("bedrock.optimize_prompt", "llm", None)
    assert (attributes["input"], attributes["output"]) == ("capital?", "Name the capital of France.")
    assert span.payload["response"]["analysis"] == "Vague."
    assert "tokens_total" not in attributes


def test_a_flow_that_is_started(api: Any, recording: Any) -> None:
    """MODEL-3: it runs on its own; the span is of its start."""
    client = api.client("bedrock-agent-runtime")
    if not hasattr(client, "start_flow_execution"):
        pytest.skip("botocore that does not know it")
    api.answers = [{"executionArn": "arn:aws:bedrock:us-east-1:1:execution/e"}]
    node = {"nodeName": "in", "nodeOutputName": "document", "content": {"document": "hello"}}
    client.start_flow_execution(flowIdentifier="F1", flowAliasIdentifier="A1", inputs=[node])
    span = recording.only
    assert (span.name, span.kind, span.attributes["flow_id"]) == ("bedrock.start_flow_execution", "chain", "F1")
    assert "execution/e" in span.attributes["output"]
