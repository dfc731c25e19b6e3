"""CrewAI's objects in plain words: what they are, what was asked, what came out. By shape, bounded, never a cycle."""

from __future__ import annotations

from itertools import islice
from typing import Any, Dict, List, Optional

from peekr.capture import LLM_LIMIT, cut, text
from peekr.plain import text_of

Attributes = Dict[str, Any]

#: Names of agents, tasks and tools in one list; characters of each.
_MANY, _NAME = 50, 200
_DEPTH = 12
#: What CrewAI counts of the tokens of a crew or agent; not under the names that readers add up.
_USAGE = (
    "total_tokens",
    "prompt_tokens",
    "cached_prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cache_creation_tokens",
    "successful_requests",
)


def name_of(value: Any, limit: int = _NAME) -> Optional[str]:
    """Return a text that names something, cut; None if it is no text or empty."""
    return cut(value, limit) if isinstance(value, str) and value else None


def id_of(value: Any) -> Optional[str]:
    """Return an id as text."""
    return None if value is None else text_of(value)


def known(**values: Any) -> Attributes:
    """Return the values that are there."""
    return {name: value for name, value in values.items() if value is not None and value != []}


def said(value: Any, limit: int = LLM_LIMIT) -> str:
    """Return text as it is, the raw text of an output of CrewAI, anything else as JSON; cut."""
    raw = getattr(value, "raw", None)
    found = raw if isinstance(raw, str) else value
    if isinstance(found, str):
        return cut(found, limit)
    return text(plain_of(found), limit)


def plain_of(value: Any, limit: int = 5_000) -> Any:
    """Return ``value`` with pydantic objects as their fields; what else is no plain data stays as it is.

    :param limit: values to look at; what follows them becomes ``"…"``.
    """
    return _plain(value, [limit], 0)


def _plain(value: Any, left: List[int], depth: int) -> Any:
    if value is None or isinstance(value, (str, int, float)):
        return value
    left[0] -= 1
    if left[0] < 0 or depth > _DEPTH:
        return "…"
    if isinstance(value, dict):
        pairs = list(islice(list(value.items()), left[0] + 1))
        left[0] -= len(pairs)
        return {str(key): _plain(item, left, depth + 1) for key, item in pairs}
    if isinstance(value, (list, tuple)):
        items = list(islice(value, left[0] + 1))
        left[0] -= len(items)
        return [_plain(item, left, depth + 1) for item in items]
    fields = getattr(value, "__dict__", None)
    if hasattr(type(value), "model_fields") and isinstance(fields, dict):
        return _plain(dict(fields), left, depth + 1)
    return value


def role_of(agent: Any, content: bool = True) -> Optional[str]:
    """Return an agent's role.

    :param content: whether what the inputs put into it may be shown; else as it was written down.
    """
    written = None if content else name_of(getattr(agent, "_original_role", None))
    role = written or name_of(getattr(agent, "role", None))
    return role.strip() if role else None


def roles_of(agents: Any, content: bool = True) -> List[str]:
    """Return the roles of some agents."""
    found = [role_of(agent, content) for agent in _first(agents)]
    return [role for role in found if role]


def names_of(values: Any) -> List[str]:
    """Return the names of those tasks or tools that have one."""
    found = [name_of(getattr(value, "name", None)) for value in _first(values)]
    return [name for name in found if name]


def _first(values: Any) -> List[Any]:
    return list(values[:_MANY]) if isinstance(values, (list, tuple)) else []


def usage_of(output: Any) -> Optional[Attributes]:
    """Return the tokens that an output says were used in all."""
    usage = getattr(output, "token_usage", None)
    if usage is None:
        usage = getattr(output, "usage_metrics", None)
    fields = usage if isinstance(usage, dict) else getattr(usage, "__dict__", None)
    if not isinstance(fields, dict):
        return None
    counts = {name: fields[name] for name in _USAGE if type(fields.get(name)) is int}
    return counts if any(counts.values()) else None


def found_texts(result: Any, limit: int = LLM_LIMIT // 5) -> List[str]:
    """Return the texts of the first things that a search found: in dicts, or in objects, also of one inside."""
    return [cut(_found_text(one), limit) for one in _first(result)[:20]]


def _found_text(value: Any) -> str:
    fields = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    for name in ("content", "context", "text"):
        if isinstance(fields.get(name), str):
            return str(fields[name])
    return _found_text(fields["record"]) if fields.get("record") is not None else said(value)


def model_of(llm: Any) -> Optional[str]:
    """Return the name of a model that is configured by its name or as an object."""
    return name_of(llm) or name_of(getattr(llm, "model", None)) or name_of(getattr(llm, "model_name", None))
