"""A judge's list of claims, as the judge writes it: JSON, as a rule. Pure."""

from __future__ import annotations

import ast
import json
import re
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from peekr_eval.errors import JudgeAnswerCut, JudgeAnswerEmpty, JudgeAnswerInvalid, JudgeRefused, excerpt

SUPPORTED, CONTRADICTED, UNSUPPORTED = "supported", "contradicted", "unsupported"
VERDICTS = (SUPPORTED, CONTRADICTED, UNSUPPORTED)

Claim = Dict[str, Any]

_TEXT_KEYS = ("text", "claim", "statement", "sentence")
_VERDICT_KEYS = ("verdict", "label", "status")
#: Characters of an answer that are read, and brackets in it that are tried: 800 tokens need no more.
_LONGEST, _ATTEMPTS = 32_000, 30
_DECODER = json.JSONDecoder(strict=False)  # line breaks within a text are common, and harmless
_OPENING = re.compile(r"[{\[]")
#: The beginning of an answer proper: if this cannot be read, nothing inside of it is an answer either.
_ANSWER = re.compile(r"""\{\s*["'“]?claims\b|\[\s*\{""")
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_REFUSAL = re.compile(
    r"^\W*(?:i(?:'|’)?m sorry|i am sorry|sorry\b|i (?:can(?:no|')?t|can’t|won't|am unable|am not able)|as an ai\b)",
    re.IGNORECASE,
)


def claims_in(text: str, chunks: Sequence[Mapping[str, Any]] = (), cut: bool = False) -> List[Claim]:
    """Return the claims of an answer: ``{"text", "verdict"}``, with chunks also ``support``, ``contradict``, ``blame``.

    The JSON may stand in prose or in a fence, have trailing commas, or be written as Python. A verdict that is none
    of the three counts as unsupported (contract HALL-7).

    :param chunks: the evidence; what a claim names that is none of it is left out.
    :param cut: whether the answer ended at the limit on output tokens.
    :raises JudgeError: saying what is wrong with the answer.
    """
    if not text.strip():
        raise JudgeAnswerEmpty("the judge answered without a word")
    found = _claim_list(text[:_LONGEST])
    if found is None:
        raise _trouble(text, cut)
    return [_claim(item, chunks) for item in found]


def _trouble(text: str, cut: bool) -> Exception:
    if cut:
        return JudgeAnswerCut(f"the judge's answer was cut at its limit of output tokens: {excerpt(text[-100:])}")
    if _REFUSAL.match(text):
        return JudgeRefused(f"the judge declined: {excerpt(text)}")
    return JudgeAnswerInvalid(f"the judge answered {excerpt(text)}, which holds no readable JSON with a list of claims")


# -- JSON in prose ----------------------------------------------------------------------------------------------------


def _claim_list(text: str) -> Optional[List[Any]]:
    """Return the last list of claims in the text: what stands before an answer may be the form that was asked for."""
    answer: Optional[List[Any]] = None
    for value in _values(text):
        claims = _claims_of(value)
        if claims is not None:
            answer = claims
    return answer


def _values(text: str) -> Iterator[Any]:
    """Yield the JSON objects and lists in a text, those inside of others not by themselves."""
    at = 0
    for _ in range(_ATTEMPTS):
        opening = _OPENING.search(text, at)
        if opening is None:
            return
        value, end = _decoded(text, opening.start())
        if end:
            yield value
            at = end
        elif _ANSWER.match(text, opening.start()):
            return
        else:
            at = opening.end()


def _decoded(text: str, start: int) -> Tuple[Any, int]:
    """Return the value that begins here and its end; 0 if there is none."""
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    end = _closing(text, start)
    if not end:
        return None, 0
    piece = text[start:end]
    for read in (_without_trailing_commas, ast.literal_eval):
        try:
            return read(piece), end
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return None, 0


def _without_trailing_commas(piece: str) -> Any:
    return json.loads(_TRAILING_COMMA.sub(r"\1", piece), strict=False)


def _closing(text: str, start: int) -> int:
    """Return where the bracket at ``start`` is closed, quotes being respected; 0 if it is not."""
    depth, quote, at = 0, "", start
    while at < len(text):
        character = text[at]
        if quote:
            if character == "\\":
                at += 1
            elif character == quote:
                quote = ""
        elif character == '"' or (character == "'" and _opens(text, at)):
            quote = character
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return 0


def _opens(text: str, at: int) -> bool:
    """An apostrophe opens a text of Python only behind a bracket, a comma or a colon."""
    return text[max(at - 20, 0) : at].rstrip()[-1:] in ("{", "[", ",", ":")


def _claims_of(value: Any, depth: int = 0) -> Optional[List[Any]]:
    if isinstance(value, list):
        return value if value and all(_is_claim(item) for item in value) else None
    if not isinstance(value, dict):
        return None
    for key, inner in value.items():
        if str(key).strip().lower() == "claims":
            inner = [inner] if isinstance(inner, dict) else inner
            fits = isinstance(inner, list) and all(isinstance(item, str) or _is_claim(item) for item in inner)
            return inner if fits else None
    if depth < 2:
        for inner in value.values():
            claims = _claims_of(inner, depth + 1) if isinstance(inner, dict) else None
            if claims is not None:
                return claims
    return None


# -- one claim --------------------------------------------------------------------------------------------------------


def _is_claim(item: Any) -> bool:
    return isinstance(item, dict) and any(key in item for key in (*_TEXT_KEYS, *_VERDICT_KEYS))


def _claim(item: Any, chunks: Sequence[Mapping[str, Any]]) -> Claim:
    if isinstance(item, str):
        item = {"text": item}
    verdict = _verdict(_first(item, _VERDICT_KEYS))
    text = _first(item, _TEXT_KEYS)
    claim: Claim = {"text": text if isinstance(text, str) else "" if text is None else str(text), "verdict": verdict}
    if chunks:
        claim.update(_attribution(item, verdict, chunks))
    return claim


def _first(item: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)


def _verdict(value: Any) -> str:
    word = re.sub(r"[\W_]+", "", value).lower() if isinstance(value, str) else ""
    return word if word in VERDICTS else UNSUPPORTED


def _attribution(item: Mapping[str, Any], verdict: str, chunks: Sequence[Mapping[str, Any]]) -> Claim:
    """Return the chunks that a claim rests on, goes against, or was led astray by: their numbers, in order."""
    support = _numbers(_first(item, ("support", "supported_by", "supports", "evidence")), chunks)
    contradict = _numbers(_first(item, ("contradict", "contradicted_by", "contradicts")), chunks)
    blame = _numbers(_first(item, ("blame", "blamed", "misled_by")), chunks)
    return {"support": support, "contradict": contradict, "blame": [] if verdict == SUPPORTED else blame}


def _numbers(value: Any, chunks: Sequence[Mapping[str, Any]]) -> List[int]:
    """Return chunk numbers from numbers, texts like ``"[2]"`` or ``"chunk 2"``, or chunk ids."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    by_id = {str(chunk.get("id")): int(chunk["n"]) for chunk in chunks}
    known = {int(chunk["n"]) for chunk in chunks}  # the same text may have been retrieved twice
    found = set()
    for item in items:
        if isinstance(item, dict):
            item = item.get("n", item.get("id"))
        if isinstance(item, str):
            digits = re.fullmatch(r"\D*?(\d+)\D*", item.strip())
            item = by_id.get(item.strip(), int(digits[1]) if digits else None)
        if isinstance(item, (int, float)) and not isinstance(item, bool) and item in known:
            found.add(int(item))
    return sorted(found)


# -- the whole --------------------------------------------------------------------------------------------------------


def details_of(claims: Sequence[Claim], chunks: Sequence[Mapping[str, Any]] = ()) -> Dict[str, Any]:
    """Return ``hallucination_details``: counts, score (supported/total; 1.0 for none) and the claims (HALL-5, HALL-6).

    With evidence also ``chunks``: for each ``n``, ``id`` and how many claims it supports, contradicts, is blamed for.
    """
    counts = {verdict: sum(claim["verdict"] == verdict for claim in claims) for verdict in VERDICTS}
    total = len(claims)
    score = counts[SUPPORTED] / total if total else 1.0
    details: Dict[str, Any] = {"total": total, **counts, "score": round(score, 4), "claims": list(claims)}
    if chunks:
        details["chunks"] = [_tally(chunk, claims) for chunk in chunks]
    return details


def _tally(chunk: Mapping[str, Any], claims: Sequence[Claim]) -> Dict[str, Any]:
    n = chunk["n"]
    named = {role: sum(n in claim[role] for claim in claims) for role in ("support", "contradict", "blame")}
    return {"n": n, "id": chunk.get("id"), **named}
