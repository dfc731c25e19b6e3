"""Whether the sources that an answer names are among those it was given. No judge."""

from __future__ import annotations

from typing import Any, Callable, Optional

from peekr.errors import ConfigurationError
from peekr.eval import BaseEvaluator
from peekr.spans import Span
from peekr_eval.citations import grounding, references
from peekr_eval.texts import as_text, context_of, evidence_of, output_of


class CitationAccuracy(BaseEvaluator):
    """Share of the references in an answer that are in its context; 1.0 if it has none (contract CITE-1).

    Found are addresses, arXiv ids, DOIs, "Author et al. 2020", sections, and quoted titles behind a citing word. They
    are stored in ``attributes.citation_details``: ``{"total", "grounded", "invented", "items": [{"kind", "text",
    "grounded"}]}``. Case and spacing make no difference.

    :param context_extractor: ``f(span)`` that returns the context instead of the conversation and the evidence.
    :raises ConfigurationError: (a ValueError) if it cannot be called.
    """

    def __init__(
        self, context_extractor: Optional[Callable[[Span], Any]] = None, *, name: Optional[str] = None
    ) -> None:
        if context_extractor is not None and not callable(context_extractor):
            raise ConfigurationError(f"context_extractor must be a function of a span, got {context_extractor!r}.")
        self.context_extractor = context_extractor
        if name:
            self.name = name

    def evaluate(self, span: Span) -> float:
        """Compare; sets ``attributes.citation_details``."""
        found = references(output_of(span))
        is_grounded = grounding(self._context(span)) if found else bool
        items = [{"kind": each.kind, "text": each.text, "grounded": is_grounded(each)} for each in found]
        grounded = sum(bool(item["grounded"]) for item in items)
        span.attributes["citation_details"] = {
            "total": len(items),
            "grounded": grounded,
            "invented": len(items) - grounded,
            "items": items,
        }
        return grounded / len(items) if items else 1.0

    def _context(self, span: Span) -> str:
        if self.context_extractor is not None:
            return as_text(self.context_extractor(span))
        sources = [
            " ".join(as_text(chunk.get(name)) for name in ("title", "source_url", "text"))
            for chunk in evidence_of(span)
        ]
        return "\n".join([context_of(span), *sources])
