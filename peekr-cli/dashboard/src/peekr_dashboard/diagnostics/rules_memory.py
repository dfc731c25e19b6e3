"""Rules on recalled memories (contract DIAG-10)."""

from __future__ import annotations

from peekr_dashboard.diagnostics.expressions import compare, every
from peekr_dashboard.diagnostics.rule import Rule

RANK_DROP = Rule(
    id="memory-rank-drop",
    severity="medium",
    thresholds={"drop": -0.1, "high": -0.25, "scored": 6},
    when=every(
        compare("hallucination.scored", ">=", "$scored"),
        compare("hallucination.change", "<", "$drop"),
        compare("memory.dropped.count", ">", 0),
    ),
    escalate={"high": compare("hallucination.change", "<", "$high")},
    title="Answers got worse because retrieval rank dropped on memories {memory.dropped.names:list}",
    cause="The Hallucination score fell from {hallucination.baseline:score} to {hallucination.current:score}, likely "
    "because retrieval rank dropped on memories {memory.dropped.names:list}: {memory.dropped.changes:list}.",
    fixes=(
        "See what is recalled instead: peekr memory FILE",
        "Look at what was written to the memory, re-embedded or re-indexed since, and take back what pushed them down.",
        "Rerank by usefulness (hit rate), and not by similarity alone.",
        "Pin memories that answers rely on, so that they are always recalled.",
    ),
    numbers=("hallucination.baseline", "hallucination.current", "hallucination.change", "memory.dropped.items"),
    calls="lowest",
)

STALE = Rule(
    id="memory-rank-drop",
    severity="medium",
    thresholds={"age_s": 7 * 86_400, "recalls": 3, "hit_rate": 0.2},
    each="memory.at_top",
    when=every(
        compare("item.top", ">=", "$recalls"),
        compare("item.age_s", ">=", "$age_s"),
        compare("item.hit_rate", "<=", "$hit_rate"),
    ),
    title="Stale memory {item.id} ranks first, and is hardly used",
    cause="Memory {item.id} is {item.age_s:days} old and came first in {item.top} recalls; answers used it in "
    "{item.hit_rate:percent} of them. It takes the place of memories that would help.",
    fixes=(
        "Rewrite or delete it, if it is no longer true.",
        "Let age count in the ranking, so that old memories sink unless they are used.",
        "See the hit rate of each memory: peekr memory FILE",
    ),
    calls="recalls",
)

#: One problem of recall, in two forms.
MEMORY_RANK_DROP = (RANK_DROP, STALE)
