"""Compliance rules as a server describes them, read leniently: pure functions of its JSON."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

import attrs

from peekr_guard.matcher import Matcher

TYPES = ("prohibited_input", "prohibited_output", "required_disclosure")
#: Where a rule keeps what it looks for.
_TERMS = ("terms", "term", "keywords", "phrases", "phrase", "text", "disclosure", "disclosures", "value", "values")
_PATTERNS = ("patterns", "pattern", "regex")
_NOTING = ("warn", "warning", "log", "flag", "note", "monitor")


@attrs.frozen
class Rule:
    """One rule of a pack.

    :ivar kind: one of :data:`TYPES`.
    :ivar blocks: whether it stops a call, or only notes the violation.
    """

    pack: str
    name: str
    kind: str
    message: str
    matcher: Matcher
    blocks: bool

    def violated(self, text: str) -> bool:
        """Whether a text of the rule's side violates it; an empty answer needs no disclosure."""
        found = self.matcher.first(text) is not None
        return bool(text.strip()) and not found if self.kind == "required_disclosure" else found

    def record(self) -> Dict[str, str]:
        """The violation as it stands in ``attributes.compliance_violations``."""
        return {"pack": self.pack, "rule": self.name, "type": self.kind, "message": self.message}


def read_packs(answer: Any) -> Tuple[Dict[str, List[Rule]], List[str]]:
    """Return the rules by the pack's name, and what could not be understood.

    Takes ``{"packs": [{"name": "HIPAA", "rules": [{"type": "prohibited_output", "pattern": "…"}]}]}``, and the same
    with packs by name, or with a list of rules that name their pack.
    """
    packs: Dict[str, List[Rule]] = {}
    troubles: List[str] = []
    for pack, given in _rules(answer):
        packs.setdefault(pack, [])
        rule, trouble = _rule(pack, given)
        if rule is not None:
            packs[pack].append(rule)
        if trouble:
            troubles.append(trouble)
    return packs, troubles


def _rules(answer: Any) -> Iterator[Tuple[str, Mapping[str, Any]]]:
    if isinstance(answer, Mapping):
        packs = answer.get("packs", answer.get("compliance"))
        if packs is None and isinstance(answer.get("rules"), list):
            packs = answer["rules"]
        answer = answer if packs is None else packs
    if isinstance(answer, Mapping):
        answer = [
            {"name": name, "rules": pack.get("rules", []) if isinstance(pack, Mapping) else pack}
            for name, pack in answer.items()
        ]
    for pack in answer if isinstance(answer, list) else ():
        if not isinstance(pack, Mapping):
            continue
        if isinstance(pack.get("rules"), list):
            name = str(pack.get("name") or pack.get("id") or pack.get("pack") or "")
            yield from ((name, rule) for rule in pack["rules"] if isinstance(rule, Mapping))
        elif "type" in pack:
            yield str(pack.get("pack") or ""), pack


def _rule(pack: str, given: Mapping[str, Any]) -> Tuple[Optional[Rule], Optional[str]]:
    kind = str(given.get("type"))
    name = str(given.get("id") or given.get("name") or kind)
    if kind not in TYPES:
        return None, f"rule {name!r} of {pack} has the unknown type {kind!r}"
    terms = [text for key in _TERMS for text in _texts(given.get(key))]
    patterns = [text for key in _PATTERNS for text in _texts(given.get(key))]
    try:
        matcher = Matcher(terms, patterns, bool(given.get("case_sensitive")))
    except (ValueError, re.error) as error:
        return None, f"rule {name!r} of {pack} cannot be used: {str(error).splitlines()[0]}"
    message = str(given.get("message") or given.get("description") or f"{pack}: {kind.replace('_', ' ')} ({name})")
    action = str(given.get("action") or given.get("on_violation") or "block").lower()
    return Rule(pack, name, kind, message, matcher, action not in _NOTING), None


def _texts(value: Any) -> List[str]:
    if isinstance(value, str):
        return [value] if value.strip() else []
    return [item for item in value if isinstance(item, str) and item.strip()] if isinstance(value, list) else []
