"""Operations of the service, called through a client of boto3 and through one of aiobotocore."""

from __future__ import annotations

import functools
import json
from typing import Any, Callable, Dict, List, Optional, Tuple

import attrs

from peekr.probes import Probe, reach
from peekr_bedrock.doctor.answers import EMBEDDING_TOKENS, TOKENS

_CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
_ASKED = [{"role": "user", "content": [{"text": "What is the capital of France?"}]}]
_CONVERSE = {"modelId": _CLAUDE, "messages": _ASKED}
#: Family → model and request of InvokeModel.
_MODELS: Dict[str, Tuple[str, Dict[str, Any]]] = {
    "Anthropic": (_CLAUDE, {"max_tokens": 5, "messages": [{"role": "user", "content": "Capital of France?"}]}),
    "Nova": ("amazon.nova-lite-v1:0", {"messages": _ASKED}),
    "Titan": ("amazon.titan-text-express-v1", {"inputText": "Capital of France?"}),
    "Llama": ("meta.llama3-8b-instruct-v1:0", {"prompt": "Capital of France?"}),
    "Mistral": ("mistral.mistral-7b-instruct-v0:2", {"prompt": "Capital of France?"}),
    "Cohere": ("cohere.command-r-v1:0", {"message": "Capital of France?"}),
    "AI21": ("ai21.jamba-1-5-mini-v1:0", {"messages": [{"role": "user", "content": "Capital of France?"}]}),
}
_EMBEDDING = ("amazon.titan-embed-text-v2:0", {"inputText": "hello"})
_TEXT = {"text": "Capital of France?"}
_BASE = {
    "type": "KNOWLEDGE_BASE",
    "knowledgeBaseConfiguration": {
        "knowledgeBaseId": "KB12345678",
        "modelArn": "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2",
    },
}
_RERANKER = {
    "type": "BEDROCK_RERANKING_MODEL",
    "bedrockRerankingConfiguration": {
        "modelConfiguration": {"modelArn": "arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0"}
    },
}
_SOURCE = {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": "Paris."}}}
_INPUT = {"nodeName": "in", "nodeOutputName": "document", "content": {"document": "hello"}}
_AGENTIC: Dict[str, Any] = {
    "agenticRetrieveConfiguration": {"foundationModelType": "MANAGED"},
    "retrievers": [{"configuration": {"knowledgeBase": {"knowledgeBaseId": "KB12345678"}}}],
}
_SQL = {
    "type": "KNOWLEDGE_BASE",
    "knowledgeBaseConfiguration": {"knowledgeBaseArn": "arn:aws:bedrock:us-east-1:123456789012:knowledge-base/KB1"},
}


@attrs.frozen
class _Case:
    """One operation, and what it is called with.

    :ivar read: the key of the result whose stream or body is to be read.
    """

    method: str
    arguments: Dict[str, Any]
    way: str = "plain"
    read: Optional[str] = None
    tokens: Optional[int] = None
    service: str = "bedrock-runtime"


def _invoke(family: str, model: str, body: Any, tokens: int = TOKENS) -> _Case:
    return _Case("invoke_model", {"modelId": model, "body": json.dumps(body)}, family, "body", tokens)


def _invoke_stream(family: str, model: str, body: Any) -> _Case:
    arguments = {"modelId": model, "body": json.dumps(body)}
    return _Case("invoke_model_with_response_stream", arguments, family, "body", TOKENS)


def _agent(method: str, read: Optional[str] = None, **arguments: Any) -> _Case:
    way = "plain" if read is None else "streamed"
    return _Case(method, arguments, way, read, service="bedrock-agent-runtime")


def _cases() -> List[_Case]:
    counted = {"modelId": _CLAUDE, "input": {"converse": {"messages": _ASKED}}}
    guard = {"guardrailIdentifier": "g1", "guardrailVersion": "1", "source": "INPUT", "content": [{"text": _TEXT}]}
    output = {"s3OutputDataConfig": {"s3Uri": "s3://bucket/key"}}
    later = {"modelId": "amazon.nova-reel-v1:0", "modelInput": {"taskType": "TEXT_VIDEO"}, "outputDataConfig": output}
    return [
        _Case("converse", _CONVERSE, tokens=TOKENS),
        _Case("converse_stream", _CONVERSE, "streamed", "stream", TOKENS),
        *(_invoke(family, model, body) for family, (model, body) in _MODELS.items()),
        _invoke("embedding", *_EMBEDDING, tokens=EMBEDDING_TOKENS),
        *(_invoke_stream(family, model, body) for family, (model, body) in _MODELS.items()),
        _Case("apply_guardrail", guard),
        _Case("count_tokens", counted),
        _Case("start_async_invoke", later),
        *_agent_cases(),
    ]


def _agent_cases() -> List[_Case]:
    asked: Dict[str, Any] = {"sessionId": "s1", "inputText": "Capital of France?"}
    inline = {**asked, "foundationModel": _CLAUDE, "instruction": "Answer every question in one single short sentence."}
    query = {"type": "TEXT", "text": "How many?"}
    transformation = {"mode": "TEXT_TO_SQL", "textToSqlConfiguration": _SQL}
    queries = [{"type": "TEXT", "textQuery": _TEXT}]
    rag: Dict[str, Any] = {"input": _TEXT, "retrieveAndGenerateConfiguration": _BASE}
    return [
        _agent("invoke_agent", "completion", agentId="A1", agentAliasId="ALIAS", **asked),
        _agent("invoke_inline_agent", "completion", **inline),
        _agent("invoke_flow", "responseStream", flowIdentifier="F1", flowAliasIdentifier="A1", inputs=[_INPUT]),
        _agent("retrieve", knowledgeBaseId="KB12345678", retrievalQuery=_TEXT),
        _agent("rerank", queries=queries, sources=[_SOURCE], rerankingConfiguration=_RERANKER),
        _agent("retrieve_and_generate", **rag),
        _agent("retrieve_and_generate_stream", "stream", **rag),
        _agent("agentic_retrieve_stream", "stream", messages=[{"role": "user", "content": _TEXT}], **_AGENTIC),
        _agent("optimize_prompt", "optimizedPrompt", input={"textPrompt": _TEXT}, targetModelId=_CLAUDE),
        _agent("start_flow_execution", flowIdentifier="F1", flowAliasIdentifier="A1", inputs=[_INPUT]),
        _agent("generate_query", queryGenerationInput=query, transformationConfiguration=transformation),
    ]


def _settings(url: str) -> Dict[str, Any]:
    from botocore.config import Config

    return {
        "endpoint_url": url,
        "region_name": "us-east-1",
        "aws_access_key_id": "none",
        "aws_secret_access_key": "none",
        "config": Config(retries={"total_max_attempts": 1}),
    }


@functools.lru_cache(maxsize=1)
def _session() -> Any:
    """Reads the descriptions of the services once."""
    import boto3.session

    return boto3.session.Session()


@functools.lru_cache(maxsize=1)
def _async_session() -> Any:
    from aiobotocore.session import get_session

    return get_session()


def _run(case: _Case) -> Callable[[str], None]:
    def run(url: str) -> None:
        client = _session().client(case.service, **_settings(url))
        try:
            result = reach(client, case.method)(**case.arguments)
            if case.method == "invoke_model":
                result["body"].read()
            elif case.read is not None:
                list(result[case.read])
        finally:
            getattr(client, "close", lambda: None)()

    return run


def _run_async(case: _Case) -> Callable[[str], Any]:
    async def run(url: str) -> None:
        async with _async_session().create_client(case.service, **_settings(url)) as client:
            result = await reach(client, case.method)(**case.arguments)
            if case.method == "invoke_model":
                async with result["body"] as body:
                    await body.read()
            elif case.read is not None:
                async for _ in result[case.read]:
                    pass

    return run


def probes() -> List[Probe]:
    """Return those of boto3."""
    return [_probe(case, _run(case), False) for case in _cases()]


def async_probes() -> List[Probe]:
    """Return those of aiobotocore, which aioboto3 is made of."""
    return [_probe(case, _run_async(case), True) for case in _cases()]


def _probe(case: _Case, run: Callable[[str], Any], asynchronous: bool) -> Probe:
    short = {"bedrock-runtime": "", "bedrock-agent-runtime": "agent-runtime: "}[case.service]
    return Probe(f"{short}{case.method}", run, case.way, asynchronous, case.tokens)
