"""The service's answers, small and always the same: each call of a model spends 11 tokens of input and 7 of output."""

from __future__ import annotations

import base64
from typing import Any, Callable, Dict, List

from peekr.probes import Reply, Request
from peekr.probes.eventstream import chunk, event, reply

TOKENS = 18
EMBEDDING_TOKENS = 11
_USAGE = {"inputTokens": 11, "outputTokens": 7, "totalTokens": TOKENS}
_COUNTS = {"inputTokenCount": 11, "outputTokenCount": 7, "invocationLatency": 9, "firstByteLatency": 9}
_HEADERS = {"x-amzn-bedrock-input-token-count": "11", "x-amzn-bedrock-output-token-count": "7"}
_REPLY = {"message": {"role": "assistant", "content": [{"text": "Paris."}]}}
_CLAUDE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-3-haiku-20240307"}
_CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}

#: By a part of the model's id: the body of InvokeModel.
BODIES: Dict[str, Dict[str, Any]] = {
    "anthropic": {
        **_CLAUDE,
        "content": [{"type": "text", "text": "Paris."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 11, "output_tokens": 7},
    },
    "nova": {"output": _REPLY, "stopReason": "end_turn", "usage": _USAGE},
    "titan-embed": {"embedding": [0.5, 0.25], "inputTextTokenCount": 11},
    "titan": {
        "inputTextTokenCount": 11,
        "results": [{"tokenCount": 7, "outputText": "Paris.", "completionReason": "FINISH"}],
    },
    "llama": {"generation": "Paris.", "prompt_token_count": 11, "generation_token_count": 7, "stop_reason": "stop"},
    "mistral": {"outputs": [{"text": "Paris.", "stop_reason": "stop"}]},
    "cohere": {"text": "Paris.", "generation_id": "g1", "finish_reason": "COMPLETE", "response_id": "r1"},
    "jamba": {
        "id": "c1",
        "choices": [_CHOICE],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": TOKENS},
    },
}
#: The same for InvokeModelWithResponseStream; the last chunk gets the counts of the service itself.
_CHUNKS: Dict[str, List[Dict[str, Any]]] = {
    "anthropic": [
        {"type": "message_start", "message": {**_CLAUDE, "content": [], "usage": {"input_tokens": 11}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Paris."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ],
    "nova": [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "Paris."}, "contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": _USAGE}},
    ],
    "titan": [{"outputText": "Paris.", "index": 0, "completionReason": "FINISH", "inputTextTokenCount": 11}],
    "llama": [
        {"generation": "Paris", "prompt_token_count": 11, "generation_token_count": 1, "stop_reason": None},
        {"generation": ".", "prompt_token_count": None, "generation_token_count": 7, "stop_reason": "stop"},
    ],
    "mistral": [
        {"outputs": [{"text": "Paris", "stop_reason": None}]},
        {"outputs": [{"text": ".", "stop_reason": "stop"}]},
    ],
    "cohere": [
        {"event_type": "text-generation", "text": "Paris.", "is_finished": False},
        {"event_type": "stream-end", "finish_reason": "COMPLETE", "is_finished": True},
    ],
    "jamba": [
        {"id": "c1", "choices": [{"index": 0, "delta": {"content": "Paris."}, "finish_reason": None}]},
        {"id": "c1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ],
}


def answer(request: Request) -> Reply:
    """Answer one request by its path, as the runtime of the models or of the agents does."""
    path = request.path.partition("?")[0]
    if path.endswith("/converse"):
        return Reply.json({"output": _REPLY, "stopReason": "end_turn", "usage": _USAGE, "metrics": {"latencyMs": 1}})
    if path.endswith("/converse-stream"):
        return _converse_stream()
    if path.endswith("/invoke"):
        return Reply.json(_of_model(BODIES, path), 200, **_HEADERS)
    if path.endswith("/invoke-with-response-stream"):
        chunks = [dict(one) for one in _of_model(_CHUNKS, path)]
        chunks[-1]["amazon-bedrock-invocationMetrics"] = _COUNTS
        return reply([chunk(one) for one in chunks])
    return _others(path)


def _of_model(table: Dict[str, Any], path: str) -> Any:
    found = next((value for name, value in table.items() if name in path), None)
    if found is None:
        raise LookupError(f"no such model: {path}")
    return found


def _converse_stream() -> Reply:
    events = [event("messageStart", {"role": "assistant"})]
    events += [event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}}) for word in ("Par", "is.")]
    events += [event("contentBlockStop", {"contentBlockIndex": 0}), event("messageStop", {"stopReason": "end_turn"})]
    return reply([*events, event("metadata", {"usage": _USAGE, "metrics": {"latencyMs": 1}})])


def _others(path: str) -> Reply:
    word = {"bytes": base64.b64encode(b"Paris.").decode()}
    found = {"content": {"text": "Paris is the capital."}, "score": 0.9}
    said = {"text": "Paris."}
    answers: Dict[str, Callable[[], Reply]] = {
        "/guardrail/": lambda: Reply.json({"action": "NONE", "outputs": [], "assessments": [], "usage": {}}),
        "/guardrail-checks": lambda: Reply.json({}),
        "/count-tokens": lambda: Reply.json({"inputTokens": 11}),
        "/async-invoke": lambda: Reply.json({"invocationArn": "arn:aws:bedrock:us-east-1:1:async-invoke/a"}),
        "/retrieveAndGenerateStream": lambda: reply([event("output", said)]),
        "/retrieveAndGenerate": lambda: Reply.json({"output": said, "sessionId": "s1"}),
        "/retrieve": lambda: Reply.json({"retrievalResults": [found]}),
        "/rerank": lambda: Reply.json({"results": [{"index": 0, "relevanceScore": 0.9}]}),
        "/generateQuery": lambda: Reply.json({"queries": [{"type": "REDSHIFT_SQL", "sql": "SELECT 1"}]}),
        "/agenticRetrieveStream": lambda: reply([event("responseEvent", said), event("result", {"results": [found]})]),
        "/optimize-prompt": lambda: reply([event("optimizedPromptEvent", {"optimizedPrompt": {"textPrompt": said}})]),
        "/executions": lambda: Reply.json({"executionArn": "arn:aws:bedrock:us-east-1:1:flow/F1/executions/1"}),
        "/flows/": lambda: reply([_flow_output(), event("flowCompletionEvent", {"completionReason": "SUCCESS"})]),
        "/text": lambda: reply([event("chunk", word)]),
        "/agents/": lambda: reply([event("chunk", word)]),
    }
    for part, build in answers.items():
        if part in path:
            return build()
    raise LookupError(f"no answer for {path}")


def _flow_output() -> bytes:
    node = {"nodeName": "out", "nodeType": "FlowOutputNode", "content": {"document": "Paris."}}
    return event("flowOutputEvent", node)
