"""A trace arrives at real receivers, and their own API shows model, tokens, messages and nesting (issue 4, item 2).

What they answered is printed: ``pytest tests/interop -s``.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Dict, List, Tuple

import pytest
from tests.interop.conftest import ask, until

import peekr

pytestmark = pytest.mark.timeout(400)

QUESTION, ANSWER = "What is the capital of France?", "Paris."
REQUEST = {
    "model": "gpt-4o",
    "temperature": 0.5,
    "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": QUESTION}],
}
RESPONSE = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
}


def send(storage: str = "otlp", **options: Any) -> Tuple[str, Dict[str, str]]:
    """Trace an agent's run, as a provider would record it; return trace id and span ids by name."""
    peekr.instrument(console=False, storage=storage, plugins=[], storage_options={storage: options})
    ids: Dict[str, str] = {}
    with peekr.session(session_id="s-1", user_id="alice"), peekr.trace.run("trip-planner"):
        with peekr.span("openai.chat.completions", kind="llm") as llm:
            llm.attributes.update(
                provider="openai",
                model=RESPONSE["model"],
                response_id=RESPONSE["id"],
                input=json.dumps(REQUEST["messages"]),
                output=ANSWER,
                tokens_input=21,
                tokens_output=7,
                tokens_total=28,
                finish_reason="stop",
                eval_scores={"NotEmpty": 1.0},
            )
            llm.payload = {"request": REQUEST, "response": RESPONSE}
        with peekr.span("tool.lookup") as tool:
            tool.attributes.update(input='{"city": "Paris"}', output='{"country": "FR"}')
            with peekr.span("cache") as cache:
                cache.record_error(KeyError("Paris"))
        ids.update({span.name: span.span_id for span in (llm, tool, cache)})
        run = peekr.get_current_span()
        assert run is not None
        ids["trip-planner"], trace_id = run.span_id, run.trace_id
    assert peekr.flush(30)
    counts = peekr.stats()["exporters"][storage]
    peekr.shutdown()
    assert (counts["exported"], counts["failed"]) == (4, 0), counts
    return trace_id, ids


# -- Phoenix --------------------------------------------------------------------------------------------------------


def phoenix_spans(url: str, trace_id: str) -> Dict[str, Any]:
    def look() -> Any:
        found = ask(f"{url}/v1/projects/default/spans?trace_id={trace_id}&limit=100")["data"]
        return found if len(found) == 4 else None

    spans: List[Any] = until(look, 60)
    for span in spans:
        print(json.dumps(span))
    return {span["name"]: span for span in spans}


@pytest.mark.parametrize("conventions", ["openinference", "genai", "otel exporter", "grpc"])
def test_phoenix_shows_the_trace(phoenix: Any, conventions: str) -> None:
    """OTLP-2, OTLP-3: read back through Phoenix's REST API."""
    if conventions == "grpc":
        pytest.importorskip("grpc", reason="grpcio is not installed")
        trace_id, ids = send(endpoint=phoenix.grpc, protocol="grpc")
    elif conventions == "otel exporter":
        trace_id, ids = send("otel", endpoint=phoenix.url)
    else:
        trace_id, ids = send(endpoint=phoenix.url, conventions=conventions)
    found = phoenix_spans(phoenix.url, trace_id)
    parents = {name: span["parent_id"] for name, span in found.items()}
    assert {name: span["context"]["span_id"] for name, span in found.items()} == ids
    root = ids["trip-planner"]
    assert parents == {
        "trip-planner": None,
        "openai.chat.completions": root,
        "tool.lookup": root,
        "cache": ids["tool.lookup"],
    }
    kinds = [found[name]["span_kind"] for name in ("trip-planner", "openai.chat.completions", "tool.lookup")]
    assert kinds == ["AGENT", "LLM", "TOOL"]
    llm = found["openai.chat.completions"]["attributes"]
    assert llm["llm.model_name"].startswith("gpt-4o")
    assert (llm["llm.token_count.prompt"], llm["llm.token_count.completion"]) == (21, 7)
    assert llm["llm.input_messages.1.message.content"] == QUESTION
    assert llm["llm.output_messages.0.message.content"] == ANSWER
    assert llm["session.id"] == "s-1" and llm["user.id"] == "alice"
    assert found["cache"]["status_code"] == "ERROR" and found["cache"]["events"][0]["name"] == "exception"
    assert found["openai.chat.completions"]["events"][0]["attributes"]["gen_ai.evaluation.name"] == "NotEmpty"


# -- MLflow ---------------------------------------------------------------------------------------------------------


def value_of(value: Any) -> Any:
    """OTLP's JSON as plain data."""
    ((kind, inner),) = value.items()
    if kind == "array_value":
        return [value_of(item) for item in inner.get("values", ())]
    if kind == "kvlist_value":
        return {pair["key"]: value_of(pair["value"]) for pair in inner.get("values", ())}
    return inner


def mlflow_trace(url: str, trace_id: str) -> Tuple[Any, Dict[str, Any]]:
    trace = until(lambda: ask(f"{url}/api/3.0/mlflow/traces/get?trace_id=tr-{trace_id}").get("trace"), 60)
    spans = {}
    for span in trace["spans"]:
        parent = span.get("parent_span_id")
        spans[span["name"]] = {
            "span_id": base64.b64decode(span["span_id"]).hex(),
            "parent_id": base64.b64decode(parent).hex() if parent else None,
            "status": span["status"]["code"],
            **{pair["key"]: value_of(pair["value"]) for pair in span["attributes"]},
        }
        print(json.dumps({span["name"]: spans[span["name"]]}))
    print(json.dumps(trace["trace_info"]))
    return trace["trace_info"], spans


@pytest.mark.parametrize("conventions", ["genai", "openinference"])
def test_mlflow_shows_the_trace(mlflow: Any, conventions: str) -> None:
    """OTLP-2: read back through MLflow's REST API."""
    experiment = ask(f"{mlflow.url}/api/2.0/mlflow/experiments/create", {"name": f"peekr {conventions}"})
    headers = {"x-mlflow-experiment-id": experiment["experiment_id"]}
    trace_id, ids = send(endpoint=mlflow.url, conventions=conventions, headers=headers)
    about, found = mlflow_trace(mlflow.url, trace_id)
    assert {name: span["span_id"] for name, span in found.items()} == ids
    assert found["trip-planner"]["parent_id"] is None
    assert found["openai.chat.completions"]["parent_id"] == found["tool.lookup"]["parent_id"] == ids["trip-planner"]
    assert found["cache"]["parent_id"] == ids["tool.lookup"] and found["cache"]["status"] == "STATUS_CODE_ERROR"
    llm = found["openai.chat.completions"]
    assert llm["mlflow.spanType"] in ("LLM", "CHAT_MODEL") and found["tool.lookup"]["mlflow.spanType"] == "TOOL"
    assert str(llm["mlflow.llm.model"]).startswith("gpt-4o")
    usage = llm["mlflow.chat.tokenUsage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (21, 7, 28)
    assert QUESTION in json.dumps(llm["mlflow.spanInputs"]) and ANSWER in json.dumps(llm["mlflow.spanOutputs"])
    whole = json.loads(about["trace_metadata"]["mlflow.trace.tokenUsage"])
    assert whole["total_tokens"] == 28 and about["trace_metadata"]["mlflow.trace.session"] == "s-1"
