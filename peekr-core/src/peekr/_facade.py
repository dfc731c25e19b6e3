"""Names of plugins seen as names of core: ``peekr.exporters.SQLiteExporter`` comes from peekr-sqlite."""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, List, Tuple

from peekr.errors import PluginNotInstalled

#: First-party classes by the group they are registered in: name → distribution.
FIRST_PARTY: Dict[str, Dict[str, str]] = {
    "peekr.exporters": {
        "JSONLExporter": "peekr-jsonl",
        "SQLiteExporter": "peekr-sqlite",
        "HTTPExporter": "peekr-http",
        "OTLPExporter": "peekr-otlp",
        "OTelExporter": "peekr-otlp",
    },
    "peekr.evaluators": {
        "Rubric": "peekr-eval",
        "Hallucination": "peekr-eval",
        "NotEmpty": "peekr-eval",
        "NoError": "peekr-eval",
        "CitationAccuracy": "peekr-eval",
    },
    "peekr.guardrails": {
        "PIIRedact": "peekr-guard",
        "Blocklist": "peekr-guard",
        "HallucinationBlock": "peekr-guard",
        "CompliancePacks": "peekr-guard",
        "PresidioRedact": "peekr-guard",
    },
    "peekr.alerts": {
        "ErrorRate": "peekr-alert",
        "CostSpike": "peekr-alert",
        "LatencyP95": "peekr-alert",
        "TokenGrowth": "peekr-alert",
        "ScoreFloor": "peekr-alert",
        "BudgetAlert": "peekr-alert",
    },
    "peekr.sinks": {
        "StderrSink": "peekr-alert",
        "SlackSink": "peekr-alert",
        "WebhookSink": "peekr-alert",
        "PagerDutySink": "peekr-alert",
    },
}


def resolve(name: str, group: str, shown_as: str) -> Any:
    """Load the class called ``name`` that some installed entry of ``group`` names.

    :raises PluginNotInstalled: if a distribution of ours would have it.
    :raises AttributeError: if nobody knows the name.
    """
    for entry in _entries(group):
        if entry.value.partition(":")[2] == name:
            return entry.load()
    distribution = FIRST_PARTY.get(group, {}).get(name)
    if distribution:
        raise PluginNotInstalled(shown_as, distribution)
    raise AttributeError(f"module {shown_as.rpartition('.')[0]!r} has no attribute {name!r}")


def resolver(module: str, group: str) -> Tuple[Callable[[str], Any], Callable[[], List[str]]]:
    """Return ``__getattr__`` and ``__dir__`` (PEP 562) for a module whose names come from a group."""

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name.startswith("__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = resolve(name, group, f"{module}.{name}")
        setattr(sys.modules[module], name, value)
        return value

    def __dir__() -> List[str]:  # noqa: N807
        found = {entry.value.partition(":")[2] for entry in _entries(group)}
        return sorted(found.union(vars(sys.modules[module])))

    return __getattr__, __dir__


def _entries(group: str) -> Any:
    """Entry points of a group, by the interface that 3.9 and 3.12 have in common."""
    from importlib.metadata import entry_points

    found: Any = entry_points()
    return found.select(group=group) if hasattr(found, "select") else found.get(group, ())
