"""Token counts in peekr's terms from the usage objects of the API."""

from __future__ import annotations

from typing import Any, Dict, Optional

from peekr_gemini.data import get, objects

Tokens = Dict[str, int]


def token_attributes(usage: Any, *, complete: bool = True, empty: bool = False) -> Tokens:
    """Return ``tokens_*`` from the ``usageMetadata`` of a generated answer; absent is what it does not tell.

    The API counts thoughts and the results of its own tools apart: ``tokens_input`` is prompt plus tool results and
    includes what was cached, ``tokens_output`` is candidates plus thoughts, ``tokens_total`` stands as reported.
    https://ai.google.dev/api/generate-content#UsageMetadata

    :param complete: whether the answer came to its end. If not, a total that counts no output yet is left out.
    :param empty: whether the answer says nothing at all; the API leaves out zeros.
    """
    thoughts, total = _count(usage, "thoughtsTokenCount"), _count(usage, "totalTokenCount")
    spent = _plus(_count(usage, "promptTokenCount"), _count(usage, "toolUsePromptTokenCount"))
    made = _made(_count(usage, "candidatesTokenCount"), thoughts, spent, total, empty)
    out = _tokens(spent, made, total, thoughts, _count(usage, "cachedContentTokenCount"))
    if made is None and not complete:
        out.pop("tokens_total", None)
    return out


def embedding_tokens(response: Any) -> Tokens:
    """Return ``tokens_*`` of an embedding, which has no output; empty where the API does not count (Gemini's own)."""
    usage = get(response, "usageMetadata")
    spent = _count(usage, "promptTokenCount")
    if spent is None:
        spent = _count(usage, "totalTokenCount")
    if spent is None:
        counts = [_count(one, "tokenCount") for one in objects(get(response, "statistics"))]
        known = [count for count in counts if count is not None]
        spent = sum(known) if known and len(known) == len(counts) else None
    return {} if spent is None else {"tokens_input": spent, "tokens_output": 0, "tokens_total": spent}


def interaction_tokens(usage: Any, *, empty: bool = False) -> Tokens:
    """Return ``tokens_*`` from the ``usage`` of an interaction, which counts thoughts and tool results apart too.

    :param empty: whether nothing came of it.
    """
    thoughts, total = _count(usage, "totalThoughtTokens"), _count(usage, "totalTokens")
    spent = _plus(_count(usage, "totalInputTokens"), _count(usage, "totalToolUseTokens"))
    made = _made(_count(usage, "totalOutputTokens"), thoughts, spent, total, empty)
    return _tokens(spent, made, total, thoughts, _count(usage, "totalCachedTokens"))


def _tokens(
    spent: Optional[int], made: Optional[int], total: Optional[int], thoughts: Optional[int], cached: Optional[int]
) -> Tokens:
    if total is None and made is not None:
        total = _plus(spent, made)
    names = ("tokens_input", "tokens_output", "tokens_total", "tokens_reasoning", "tokens_cached")
    counts = (spent, made, total, thoughts, cached)
    return {name: count for name, count in zip(names, counts) if count is not None}


def _plus(whole: Optional[int], part: Optional[int]) -> Optional[int]:
    return None if whole is None else whole + (part or 0)


def _made(
    answer: Optional[int], thoughts: Optional[int], spent: Optional[int], total: Optional[int], empty: bool
) -> Optional[int]:
    """The output, which is answer and thoughts.

    Where the answer is not counted, it is known to count nothing if the total says so, or if there is none.
    """
    if answer is not None:
        return _plus(answer, thoughts)
    if thoughts is not None:
        return thoughts if empty or (total is not None and total == _plus(spent, thoughts)) else None
    return 0 if empty and total is not None and total == spent else None


def _count(usage: Any, name: str) -> Optional[int]:
    value = get(usage, name)
    whole = type(value) is int or (isinstance(value, float) and value.is_integer())
    return int(value) if whole and value >= 0 else None
