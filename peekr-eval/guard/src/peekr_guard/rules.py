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

    Takes ``{"packs": [{"name": "HIPAA", "rules": [{"type": "prohibited_output", "pattern": "…"}]}]}``, the same with
    packs by name, and rules in a list of their own, beside the packs or without them, that name their pack.
    """
    packs: Dict[str, List[Rule]] = {}
    troubles: List[str] = []
    for pack, action, given in _entries(answer):
        packs.setdefault(pack, [])
        rule, trouble = (None, None) if given is None else _rule(pack, action, given)
        if rule is not None:
            packs[pack].append(rule)
        if trouble:
            troubles.append(trouble)
    return packs, troubles


def _entries(answer: Any) -> Iterator[Tuple[str, Any, Optional[Mapping[str, Any]]]]:
    """Yield each pack, what it does about violations where a rule does not say, and a rule of it or None."""
    packs, rules = answer, None
    if isinstance(answer, Mapping):
        rules = answer.get("rules")
        packs = answer.get("packs", answer.get("compliance", answer if rules is None else None))
    if isinstance(packs, Mapping):
        packs = [
            {"name": name, **(pack if isinstance(pack, Mapping) else {"rules": pack})} for name, pack in packs.items()
        ]
    actions: Dict[str, Any] = {}
    for pack in packs if isinstance(packs, list) else ():
        if isinstance(pack, str):
            pack = {"name": pack}
        if not isinstance(pack, Mapping):
            continue
        if _kind(pack):
            yield str(pack.get("pack") or ""), None, pack
            continue
        name = str(pack.get("name") or pack.get("id") or pack.get("pack") or "")
        actions[name] = pack.get("action")
        yield name, actions[name], None
        own = pack.get("rules")
        yield from ((name, actions[name], rule) for rule in _mappings(own))
    for rule in _mappings(rules):
        name = str(rule.get("pack") or "")
        yield name, actions.get(name), rule


def _mappings(value: Any) -> List[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _kind(rule: Mapping[str, Any]) -> Optional[str]:
    kind = rule.get("type", rule.get("rule_type"))
    return None if kind is None else str(kind)


def _rule(pack: str, action: Any, given: Mapping[str, Any]) -> Tuple[Optional[Rule], Optional[str]]:
    kind = str(_kind(given))
    name = str(given.get("id") or given.get("name") or kind)
    if kind not in TYPES:
        return None, f"rule {name!r} of {pack} has the unknown type {kind!r}"
    terms = [text for key in _TERMS for text in _texts(given.get(key))]
    patterns = [text for key in _PATTERNS for text in _texts(given.get(key))]
    if kind == "required_disclosure":  # servers give its words as a pattern too
        terms, patterns = terms + patterns, [pattern for pattern in patterns if _compiles(pattern)]
    try:
        matcher = Matcher(terms, patterns, bool(given.get("case_sensitive")))
    except (ValueError, re.error) as error:
        return None, f"rule {name!r} of {pack} cannot be used: {str(error).splitlines()[0]}"
    message = str(given.get("message") or given.get("description") or f"{pack}: {kind.replace('_', ' ')} ({name})")
    action = str(given.get("action") or given.get("on_violation") or action or "block").lower()
    return Rule(pack, name, kind, message, matcher, action not in _NOTING), None


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _texts(value: Any) -> List[str]:
    if isinstance(value, str):
        return [value] if value.strip() else []
    return [item for item in value if isinstance(item, str) and item.strip()] if isinstance(value, list) else []
