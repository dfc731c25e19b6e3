"""The bodies of InvokeModel, one reader for each model family.

A family is known by the shape of its response, not by the model's id: profiles, provisioned throughput and imported
models have ids that say nothing. A body of no known shape is shown as it is, and its tokens are those of the headers.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Tuple

from peekr.capture import LLM_LIMIT, text
from peekr.messages import lighten
from peekr.usage import count
from peekr_bedrock.answer import Answer, Json, joined, objects, part
from peekr_bedrock.claude import read_message
from peekr_bedrock.converse import read_converse

#: What Bedrock itself adds to the bodies of models.
METRICS, _GUARDRAIL = "amazon-bedrock-invocationMetrics", "amazon-bedrock-guardrailAction"


def read_body(response: Json) -> Answer:
    """Read the body of an InvokeModel response, or the one that a stream's chunks were folded into."""
    read = next((read for key, read in _SHAPES if key in response), _read_unknown)
    answer = read(response)
    if response.get(_GUARDRAIL) == "INTERVENED":
        answer.reason = "guardrail"
    return answer


def _text(response: Json, key: str) -> str:
    value = response.get(key)
    return value if isinstance(value, str) else ""


def _plain(key: str, finish: str) -> Callable[[Json], Answer]:
    """A reader of bodies that have the text, why it ended, and the usage, side by side."""
    return lambda response: Answer(_text(response, key), finishes=[response.get(finish)], usage=response)


def _read_results(response: Json) -> Answer:
    """Titan; and rerank models, which also answer with results."""
    results = list(objects(response.get("results")))
    if not any("outputText" in result for result in results):
        return _read_unknown(response)
    spent = [spent for spent in (count(result, "tokenCount") for result in results) if spent is not None]
    usage = {**response, **({"outputTokens": sum(spent)} if spent else {})}
    return Answer(joined(results, "outputText"), finishes=[one.get("completionReason") for one in results], usage=usage)


def _read_outputs(response: Json) -> Answer:
    """Mistral's completions."""
    outputs = list(objects(response.get("outputs")))
    return Answer(joined(outputs, "text"), finishes=[one.get("stop_reason") for one in outputs], usage=response)


def _read_generations(response: Json) -> Answer:
    """Cohere Command."""
    made = list(objects(response.get("generations")))
    return Answer(
        "\n\n".join(_text(one, "text") for one in made), finishes=[one.get("finish_reason") for one in made], usage={}
    )


def _read_command_r(response: Json) -> Answer:
    answer = Answer(_text(response, "text"), finishes=[response.get("finish_reason")], usage=response.get("usage"))
    for call in objects(response.get("tool_calls")):
        answer.call(call.get("name"), call.get("parameters"))
    return answer


def _read_jurassic(response: Json) -> Answer:
    made = list(objects(response.get("completions")))
    return Answer(
        "\n\n".join(_text(part(one, "data"), "text") for one in made),
        finishes=[part(one, "finishReason").get("reason") for one in made],
    )


def _read_choices(response: Json) -> Answer:
    """OpenAI's format: Jamba, Mistral Large, DeepSeek, Qwen, gpt-oss, imported and marketplace models."""
    answer = Answer(usage=response.get("usage"))
    words = []
    for choice in objects(response.get("choices")):
        message = part(choice, "message")
        content = message.get("content")
        if isinstance(content, list):
            content = joined(content, "text")
        refusal = message.get("refusal")
        words.append(str(content or refusal or choice.get("text") or ""))
        answer.reason = "refusal" if refusal else answer.reason
        answer.finishes.append(choice.get("finish_reason") or choice.get("stop_reason"))
        for call in objects(message.get("tool_calls")):
            function = part(call, "function")
            answer.call(function.get("name"), function.get("arguments"))
    answer.words = "\n\n".join(part for part in words if part)
    return answer


def _read_embeddings(response: Json) -> Answer:
    """Titan: one vector, or one by type; Cohere: a list, or lists by type; Nova, Marengo, OpenAI's format: objects."""
    found = vectors(response)
    if not found and "data" in response:
        return _read_unknown(response)
    return Answer(
        usage=response.get("usage") or response,
        more={
            "kind": "embedding",
            "output": None,
            "embeddings_count": len(found) or None,
            "embeddings_dimensions": len(found[0]) if found else None,
        },
    )


def vectors(response: Json) -> List[List[Any]]:
    """Return the vectors in the body of an embedding, of the first type where there are several."""
    given = next((response[key] for key in _VECTORS if key in response), None)
    while isinstance(given, dict):
        given = next(iter(given.values()), None)
    if not isinstance(given, list) or not given:
        return []
    if isinstance(given[0], dict):
        given = [one.get("embedding") for one in objects(given)]
    if isinstance(given[0], list):
        return [one for one in given if isinstance(one, list)]
    return [given] if isinstance(given[0], (int, float)) else []


def without_vectors(response: Dict[str, Any]) -> Dict[str, Any]:
    """Return the body without vectors, which no trace should carry."""
    return {key: value for key, value in response.items() if key not in _VECTORS or not vectors({key: value})}


def _read_images(response: Json) -> Answer:
    """Titan, Nova and Stability; what they would not make is null, with a reason apart."""
    made = response.get("images") or response.get("artifacts") or []
    made = [image for image in made if image is not None] if isinstance(made, list) else []
    told = response.get("finish_reasons")
    reasons = [one for one in told if isinstance(one, str)] if isinstance(told, list) else []
    failed = response.get("error") or (None if made else ", ".join(reasons))
    return Answer(
        str(failed) if failed else text(lighten(made, "bytes"), LLM_LIMIT),
        finishes=[*reasons, *(one.get("finishReason") for one in objects(made))],
        reason="content_filter" if _FILTERED.search(f"{failed} {reasons}") else None,
        more={"images_count": len(made)},
    )


def _read_unknown(response: Json) -> Answer:
    shown = {key: value for key, value in response.items() if key != METRICS}
    return Answer(text(lighten(shown), LLM_LIMIT), usage=response.get("usage") or response)


#: Why an image was not made, or not shown.
_FILTERED = re.compile(r"filter|content policy|responsible ai|guardrail|moderat", re.IGNORECASE)
_VECTORS = ("embeddings", "embedding", "embeddingsByType", "data")
#: The key that gives a shape away, and its reader; the first that fits.
_SHAPES: Tuple[Tuple[str, Callable[[Json], Answer]], ...] = (
    ("output", read_converse),
    ("content", read_message),
    ("results", _read_results),
    ("outputs", _read_outputs),
    ("choices", _read_choices),
    ("generations", _read_generations),
    ("completions", _read_jurassic),
    *((key, _read_embeddings) for key in _VECTORS),
    ("images", _read_images),
    ("artifacts", _read_images),
    ("generation", _plain("generation", "stop_reason")),
    ("outputText", _plain("outputText", "completionReason")),
    ("completion", _plain("completion", "stop_reason")),
    ("text", _read_command_r),
    ("message", _plain("message", "finishReason")),
    ("generated_text", _plain("generated_text", "finish_reason")),
)
