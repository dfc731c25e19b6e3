"""A call of an embedding model: what it was asked, and how many vectors of which length came back."""

from __future__ import annotations

from typing import Any, List, Mapping

import attrs

from peekr.capture import LLM_LIMIT, cut, text
from peekr.frameworks import FrameworkCall
from peekr.settings import settings
from peekr.spans import Span
from peekr_llamaindex.llm import model_of, provider_of
from peekr_llamaindex.operations import ModelPlace, Operation

#: Texts of a batch that are shown.
_SHOWN = 20


@attrs.define(eq=False)
class EmbeddingNotes:
    """Knows whether a provider recorded the same call; its span then counts."""

    call: FrameworkCall

    def resolve(self, span: Span) -> None:
        """Say so. In the worker."""
        if self.call.recorded:
            span.attributes["billed"] = False


def take_texts(operation: Operation, arguments: Mapping[str, Any]) -> None:
    """Note the texts and the model."""
    place, attributes = operation.place, operation.span.attributes
    if isinstance(place, ModelPlace):
        operation.notes = EmbeddingNotes(place)
        attributes["model"] = model_of(place.instance)
        if provider_of(place.instance):
            attributes["provider"] = provider_of(place.instance)
    given = next((arguments[name] for name in ("query", "text", "texts") if name in arguments), None)
    texts: List[Any] = given if isinstance(given, list) else [given]
    attributes["input_count"] = len(texts)
    if settings.capture_io and given is not None:
        shown = texts[:_SHOWN]
        attributes["input"] = cut(given, LLM_LIMIT) if isinstance(given, str) else text(shown, LLM_LIMIT)


def take_embeddings(operation: Operation, result: Any) -> None:
    """Note the number and the length of the vectors."""
    vectors = result if isinstance(result, list) and result and isinstance(result[0], (list, tuple)) else [result]
    operation.span.attributes["embeddings_count"] = len(vectors)
    if hasattr(vectors[0], "__len__"):
        operation.span.attributes["embeddings_dimensions"] = len(vectors[0])
