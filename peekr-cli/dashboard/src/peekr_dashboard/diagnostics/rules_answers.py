"""Rules on what answers say: claims, citations, and how the Hallucination score moved (contract DIAG-1 to 3, 5, 7)."""

from __future__ import annotations

from peekr_dashboard.diagnostics.expressions import compare, every
from peekr_dashboard.diagnostics.rule import Rule

INVENTED_CITATIONS = Rule(
    id="invented-citations",
    severity="high",
    thresholds={"share": 0.3, "citations": 5},
    when=every(
        compare("citations.total", ">=", "$citations"),
        compare("citations.invented_share", ">", "$share"),
    ),
    title="{citations.invented_share:percent} of the citations are invented",
    cause="{citations.invented} of {citations.total} references in the answers (addresses, papers, titles, sections) "
    "are not in the context that the model was given. It fills in sources from memory, as models do when a prompt asks "
    "for sources and the context names none.",
    fixes=(
        'Say in the prompt: "Cite only sources that appear in the context, word for word. If there is none, write: '
        'no source."',
        "Number the retrieved chunks and let the model cite the numbers; put the addresses in yourself afterwards.",
        "Check every reference before you show the answer, and drop those that are not in the context: "
        "peekr.eval.CitationAccuracy finds them without a model.",
        "Look at the calls below: are the sources retrieved at all, or cut off before they reach the prompt?",
    ),
    numbers=("citations.total", "citations.invented", "citations.invented_share"),
    calls="invented",
)

HIGH_CONTRADICTION = Rule(
    id="high-contradiction",
    severity="medium",
    thresholds={"share": 0.2, "high": 0.4, "claims": 6},
    when=every(compare("claims.total", ">=", "$claims"), compare("claims.contradicted_share", ">", "$share")),
    escalate={"high": compare("claims.contradicted_share", ">", "$high")},
    title="{claims.contradicted_share:percent} of the claims contradict the context",
    cause="{claims.contradicted} of {claims.total} claims say the opposite of what the context says. The model has the "
    "facts and prefers what it learnt: the context stands far from the question, is drowned in other text, or the "
    "prompt never says which of the two counts.",
    fixes=(
        'Say in the system prompt: "Where the context and your own knowledge differ, the context wins."',
        "Move the context right before the question, and leave out the chunks that do not matter.",
        "Set temperature to 0, and ask for numbers, dates and names to be copied word for word.",
        "Replay the calls below with the changed prompt: peekr replay TRACE --system-file new-prompt.txt",
    ),
    numbers=("claims.total", "claims.contradicted", "claims.contradicted_share"),
    calls="contradicted",
)

OUT_OF_CONTEXT = Rule(
    id="out-of-context",
    severity="medium",
    thresholds={"unsupported": 0.25, "contradicted": 0.2, "claims": 6},
    when=every(
        compare("claims.total", ">=", "$claims"),
        compare("claims.unsupported_share", ">", "$unsupported"),
        compare("claims.contradicted_share", "<", "$contradicted"),
    ),
    title="{claims.unsupported_share:percent} of the claims are not in the context",
    cause="{claims.unsupported} of {claims.total} claims are neither supported nor contradicted: the model elaborates "
    "beyond what it was given. Either the retrieval misses what the question needs, or nothing tells the model to stop "
    "where the context stops.",
    fixes=(
        'Add a way out to the prompt: "If the context does not answer this, say that you do not know."',
        "Retrieve more for these questions: a larger k, smaller chunks, or a reranker.",
        "Ask for short answers, and lower max_tokens: what is not asked for is made up most easily.",
    ),
    numbers=("claims.total", "claims.unsupported", "claims.unsupported_share", "claims.contradicted_share"),
    calls="unsupported",
)

HALLUCINATION_DRIFT = Rule(
    id="hallucination-drift",
    severity="medium",
    thresholds={"drop": -0.1, "high": -0.25, "scored": 6},
    when=every(
        compare("hallucination.scored", ">=", "$scored"),
        compare("hallucination.change", "<", "$drop"),
    ),
    escalate={"high": compare("hallucination.change", "<", "$high")},
    title="The Hallucination score fell by {hallucination.change:drop}",
    cause="The newest third of the {hallucination.scored} scored calls averages {hallucination.current:score}, the "
    "oldest third {hallucination.baseline:score}. Something changed in between: a prompt, a model version, the "
    "documents, or what users ask.",
    fixes=(
        "Compare an answer of then with one of now: peekr diff OLD_TRACE NEW_TRACE",
        "Run an old question through today's prompt and model: peekr replay OLD_TRACE",
        "Look at what was deployed, re-indexed or re-prompted when the score began to fall (Quality, rolling mean).",
        "Pin the model to a dated version, so that it does not change under you.",
    ),
    numbers=(
        "hallucination.scored", "hallucination.baseline", "hallucination.current", "hallucination.change",
    ),
    calls="lowest",
)  # fmt: skip

CITATIONS_GROUNDED = Rule(
    id="citations-grounded",
    severity="good",
    thresholds={"citations": 5},
    when=every(compare("citations.total", ">=", "$citations"), compare("citations.invented", "==", 0)),
    title="All {citations.total} citations are in the context",
    cause="Every reference in the answers was found in what the model was given.",
    fixes=(
        "Keep it so with an alert on citation invention: "
        'instrument(alerts=[peekr.alert.ScoreFloor(0.95, evaluator="CitationAccuracy")])',
    ),
    numbers=("citations.total", "citations.invented"),
)
