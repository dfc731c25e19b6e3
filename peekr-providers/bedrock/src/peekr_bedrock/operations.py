"""Which operations of which services make a span, and how the span is called."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

import attrs


@attrs.frozen
class Operation:
    """One operation of a service.

    :ivar name: of the span.
    :ivar family: which extraction fits its request and response.
    :ivar kind: ``llm`` where a model generates; None, that is ``function``, where nothing is billed by tokens.
    :ivar stream: the key of the result whose value is an event stream.
    """

    name: str
    family: str
    kind: Optional[str] = "llm"
    stream: Optional[str] = None


INVOKE_MODEL = Operation("bedrock.invoke_model", "invoke")
_RUNTIME: Dict[str, Operation] = {
    "Converse": Operation("bedrock.converse", "converse"),
    "ConverseStream": Operation("bedrock.converse_stream", "converse", stream="stream"),
    "InvokeModel": INVOKE_MODEL,
    "InvokeModelWithResponseStream": Operation("bedrock.invoke_model_with_response_stream", "invoke", stream="body"),
    "StartAsyncInvoke": Operation("bedrock.start_async_invoke", "other"),
    "ApplyGuardrail": Operation("bedrock.apply_guardrail", "guardrail", None),
    "InvokeGuardrailChecks": Operation("bedrock.invoke_guardrail_checks", "other", None),
    "CountTokens": Operation("bedrock.count_tokens", "other", None),
}
_AGENTS: Dict[str, Operation] = {
    "InvokeAgent": Operation("bedrock.invoke_agent", "agent", "agent", stream="completion"),
    "InvokeInlineAgent": Operation("bedrock.invoke_inline_agent", "agent", "agent", stream="completion"),
    "InvokeFlow": Operation("bedrock.invoke_flow", "flow", "chain", stream="responseStream"),
    "Retrieve": Operation("bedrock.retrieve", "retrieve", "retrieval"),
    "Rerank": Operation("bedrock.rerank", "retrieve", "retrieval"),
    "RetrieveAndGenerate": Operation("bedrock.retrieve_and_generate", "rag"),
    "RetrieveAndGenerateStream": Operation("bedrock.retrieve_and_generate_stream", "rag", stream="stream"),
    "AgenticRetrieveStream": Operation("bedrock.agentic_retrieve_stream", "agentic", "retrieval", stream="stream"),
    "OptimizePrompt": Operation("bedrock.optimize_prompt", "optimize", stream="optimizedPrompt"),
    "StartFlowExecution": Operation("bedrock.start_flow_execution", "other", "chain"),
    "GenerateQuery": Operation("bedrock.generate_query", "other"),
}
#: By operation alone, so that a call of any other service costs one look-up.
OPERATIONS: Dict[str, Tuple[str, Operation]] = {
    **{name: ("bedrock-runtime", operation) for name, operation in _RUNTIME.items()},
    **{name: ("bedrock-agent-runtime", operation) for name, operation in _AGENTS.items()},
}
