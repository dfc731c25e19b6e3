"""What to try for one call (contract ACT-1 to ACT-8): the same form of rules, over aggregates of one call. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from peekr_dashboard.diagnostics.expressions import compare, every, some
from peekr_dashboard.diagnostics.rule import Rule
from peekr_dashboard.diagnostics.tallies import share

# In the page too: only what both languages' regular expressions understand alike.
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_WEEKDAY = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_NUMERIC = re.compile("[0-9]|(" + _MONTH + ")")
_DATES = re.compile("(" + _MONTH + "|" + _WEEKDAY + ")")
#: A capital letter inside a sentence.
_PROPER = re.compile("[^.!?:\\s]\\s+[\"'(]?[A-ZÀ-ÖØ-Þ][A-Za-zÀ-ÖØ-öø-ÿ]")
#: Citation kinds with an advice of their own.
_KINDS = ("url", "arxiv", "doi", "title")


def call_aggregates(record: Mapping[str, Any], detail: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the named aggregates of one call: ``context_chars``, ``answer_chars``, ``score``, ``failed``,
    ``claims.`` ``total`` ``contradicted`` ``unsupported`` and shares, ``contradicted_numbers``,
    ``contradicted_names``, ``invented.`` ``url`` ``arxiv`` ``doi`` ``title`` ``other`` ``total``.

    :param record: :func:`~peekr_dashboard.diagnostics.records.as_dict`.
    :param detail: :func:`~peekr_dashboard.diagnostics.records.detail_of`; ``context`` and ``answer`` None where they
        are not there in full.
    """
    claims: Dict[str, Any] = record.get("claims") or _counted(detail["claims"])
    contradicted = [each["text"] for each in detail["claims"] if each["verdict"] == "contradicted"]
    total = claims.get("total", 0)
    return {
        "context_chars": _characters(detail["context"]),
        "answer_chars": _characters(detail["answer"]),
        "score": (record.get("scores") or {}).get("Hallucination"),
        "failed": record.get("status") == "error",
        "claims": {
            **claims,
            "contradicted_share": share(claims.get("contradicted", 0), total),
            "unsupported_share": share(claims.get("unsupported", 0), total),
        },
        "contradicted_numbers": sum(1 for text in contradicted if _NUMERIC.search(text)),
        "contradicted_names": sum(1 for text in contradicted if _PROPER.search(_DATES.sub("x", text))),
        "invented": _invented(detail["citations"]),
    }


def _characters(text: Optional[str]) -> Optional[int]:
    return None if text is None else len(text.strip())


def _counted(claims: List[Mapping[str, Any]]) -> Dict[str, int]:
    verdicts = [each["verdict"] for each in claims]
    names = ("supported", "contradicted", "unsupported")
    return {"total": len(verdicts), **{name: verdicts.count(name) for name in names}}


def _invented(citations: List[Mapping[str, Any]]) -> Dict[str, int]:
    kinds = [each["kind"] for each in citations if not each["grounded"]]
    counts = {kind: kinds.count(kind) for kind in _KINDS}
    return {**counts, "other": len(kinds) - sum(counts.values()), "total": len(kinds)}


def _citation(kind: str, name: str, fix: str) -> Rule:
    return Rule(
        id=f"invented-{kind}",
        severity="high",
        when=compare(f"invented.{kind}", ">", 0),
        title=f"Invented {{invented.{kind}?{name}|{name}s}}",
        cause=f"The answer has {{invented.{kind}}} {{invented.{kind}?{name}|{name}s}} that the context does not have.",
        fixes=(fix, "Verify references after the answer, and remove what is not in the context."),
        numbers=(f"invented.{kind}",),
    )


_CITATIONS: Tuple[Rule, ...] = (
    _citation("url", "URL", 'Add to the prompt: "Never write a URL that is not in the context, word for word."'),
    _citation("arxiv", "arXiv id", 'Add to the prompt: "Give arXiv ids only as they stand in the context."'),
    _citation("doi", "DOI", 'Add to the prompt: "Give DOIs only as they stand in the context."'),
    _citation("title", "title", 'Add to the prompt: "Name only documents whose title is in the context."'),
    _citation("other", "reference", 'Add to the prompt: "Name only authors and sections that are in the context."'),
)

#: ACT-1 to ACT-8, in this order among equals.
ACTIONS: Tuple[Rule, ...] = (
    Rule(
        id="retrieval-miss",
        severity="high",
        thresholds={"context": 60, "answer": 100},
        when=every(compare("context_chars", "<", "$context"), compare("answer_chars", ">", "$answer")),
        title="Retrieval miss: long answer, hardly any context",
        cause="The context has {context_chars} {context_chars?character|characters}, the answer {answer_chars}: it is "
        "from the model's memory.",
        fixes=(
            "Check what the retriever returned for this question, and why it was empty or cut off.",
            "Do not ask the model when nothing was retrieved; say so instead.",
        ),
        numbers=("context_chars", "answer_chars"),
    ),
    *_CITATIONS,
    Rule(
        id="contradicted-numbers",
        severity="high",
        when=compare("contradicted_numbers", ">", 0),
        title="Numbers or dates contradict the context",
        cause="{contradicted_numbers} contradicted {contradicted_numbers?claim has|claims have} numbers or dates.",
        fixes=('Add to the prompt: "Copy numbers and dates verbatim from the context."', "Set temperature to 0."),
        numbers=("contradicted_numbers",),
    ),
    Rule(
        id="contradicted-names",
        severity="high",
        when=compare("contradicted_names", ">", 0),
        title="Names contradict the context",
        cause="{contradicted_names} contradicted {contradicted_names?claim has|claims have} names of people, places or "
        "products.",
        fixes=('Add to the prompt: "Don\'t substitute names: use exactly those of the context."',),
        numbers=("contradicted_names",),
    ),
    Rule(
        id="mostly-contradicted",
        severity="high",
        thresholds={"share": 0.5},
        when=compare("claims.contradicted_share", ">", "$share"),
        title="Most claims contradict the context",
        cause="{claims.contradicted} of {claims.total} {claims.total?claim|claims} "
        "{claims.contradicted?contradicts|contradict} the context: the model does not follow it.",
        fixes=(
            "Move the context closer to the question, to the end of the prompt.",
            'Add to the prompt: "Where you and the context differ, the context wins."',
        ),
        numbers=("claims.total", "claims.contradicted"),
    ),
    Rule(
        id="mostly-unsupported",
        severity="medium",
        thresholds={"share": 0.5},
        when=every(compare("claims.unsupported_share", ">", "$share"), compare("claims.contradicted", "==", 0)),
        title="Most claims are not in the context",
        cause="{claims.unsupported} of {claims.total} {claims.total?claim|claims} {claims.unsupported?is|are} not in "
        "the context, and none contradicts it.",
        fixes=('Add a refusal instruction: "If the context does not say, answer: I don\'t know."',),
        numbers=("claims.total", "claims.unsupported"),
    ),
    Rule(
        id="no-claims",
        severity="medium",
        thresholds={"score": 0.3},
        when=every(
            compare("score", "<", "$score"),
            some(compare("claims.total", "==", 0), compare("claims.total", "==", None)),
        ),
        title="A low score without reasons",
        cause="The score is {score:score}, and nothing says which claims are wrong.",
        fixes=("Enable claim verdicts: peekr.eval.Hallucination(detailed=True)",),
        numbers=("score",),
    ),
    Rule(
        id="longer-than-context",
        severity="low",
        thresholds={"times": 2},
        when=every(
            compare("context_chars", ">", 0),
            compare("answer_chars", ">", compare("$times", "*", "context_chars")),
        ),
        title="The answer is longer than the context allows",
        cause="The answer has {answer_chars} {answer_chars?character|characters}, the context {context_chars}.",
        fixes=("Reduce max_tokens, or ask for an answer of a few sentences.",),
        numbers=("context_chars", "answer_chars"),
    ),
)
