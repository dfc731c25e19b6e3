"""Rules on the state of the whole: healthy, without scores, without a judge, not fitting together (DIAG-8, 9)."""

from __future__ import annotations

from peekr_dashboard.diagnostics.expressions import compare, every
from peekr_dashboard.diagnostics.rule import Fix, Rule

_SETUP = (
    "Add evaluators where tracing starts: peekr.instrument(evaluators=[peekr.eval.Hallucination(detailed=True), "
    "peekr.eval.CitationAccuracy()])",
    "Give the judge a key: OPENAI_API_KEY or ANTHROPIC_API_KEY. NotEmpty, NoError and CitationAccuracy need none.",
    "Score what is recorded already: peekr eval FILE --evaluator Hallucination",
)

#: Nothing to diagnose, in four forms of which one holds at a time.
NO_SCORES = (
    Rule(
        id="no-scores",
        severity="info",
        when=compare("calls", "==", 0),
        title="No model calls recorded",
        cause="There is no model call among {spans} {spans?span|spans}, so there is nothing to judge yet.",
        fixes=(
            "Start tracing before the first call: import peekr; peekr.instrument()",
            "If filters are set, take one away.",
            *_SETUP[:2],
        ),
        numbers=("spans", "calls"),
    ),
    Rule(
        id="no-scores",
        severity="info",
        when=every(compare("calls", ">", 0), compare("scored", "==", 0), compare("errors", "==", {"agg": "calls"})),
        title="Every call failed, so there is no answer to score",
        cause="{errors} of {calls} model {calls?call|calls} ended in an error; the most frequent reason is "
        "{main_reason}.",
        fixes=(
            "Read the messages: peekr view --status error --io",
            "Check key, model name and network first.",
            *_SETUP,
        ),
        numbers=("calls", "errors", "reasons"),
        calls="errors",
    ),
    Rule(
        id="no-scores",
        severity="info",
        when=every(
            compare("scored", "==", 0), compare("errors", "<", {"agg": "calls"}), compare("judge.failed", "==", 0)
        ),
        title="No scores",
        cause="{calls} model {calls?call|calls}, and no evaluator looked at {calls?it|them}: nothing can be said of "
        "the answers. Errors, tools and tokens are looked at all the same.",
        fixes=_SETUP,
        numbers=("calls", "scored"),
    ),
    Rule(
        id="no-scores",
        severity="info",
        when=every(
            compare("scored", "==", 0), compare("errors", "<", {"agg": "calls"}), compare("judge.failed", ">", 0)
        ),
        title="No scores: no judge answered",
        cause="Evaluators are set up, but gave no score to {calls} model {calls?call|calls}. The reason most often "
        "recorded: {judge.reason}",
        fixes=_SETUP[1:],
        numbers=("calls", "scored", "judge.failed"),
        calls="judge",
    ),
)

JUDGE_UNAVAILABLE = Rule(
    id="judge-unavailable",
    severity="high",
    thresholds={"spans": 3, "share": 0.1},
    when=every(
        compare("judge.failed", ">=", "$spans"),
        compare("judge.failed_share", ">=", "$share"),
    ),
    title="The judge failed on {judge.failed} calls",
    cause="On {judge.failed} of {calls} model calls ({judge.failed_share:percent}) an evaluator gave no score. The "
    "reason most often recorded: {judge.reason}",
    fixes=(
        "Give the judge a key: OPENAI_API_KEY or ANTHROPIC_API_KEY, and install its SDK: pip install openai",
        "Against rate limits and time-outs, judge fewer calls: instrument(evaluate_filter=…), or another judge model.",
        "Score the calls afterwards: peekr eval FILE --evaluator Hallucination",
    ),
    numbers=("calls", "judge.failed", "judge.failed_share", "judge.reason"),
    calls="judge",
)

HEALTHY = Rule(
    id="healthy",
    severity="good",
    last=True,
    thresholds={"many": 20},
    when=every(compare("cards.problems", "==", 0), compare("scored", ">", 0)),
    title="No problem found",
    cause="None of the patterns that are looked for shows in {calls} model {calls?call|calls}, {scored} of which "
    "{scored?is|are} scored by "
    "{evaluator_names:list}.",
    fixes=(
        Fix("These are few calls: look again when there are {rule.many} or more.", compare("scored", "<", "$many")),
        Fix(
            "Add peekr.eval.Hallucination(detailed=True): without it nothing is said of claims, and of drift.",
            compare("hallucination.scored", "==", 0),
        ),
        "Keep it so with a floor: instrument(alerts=[peekr.alert.ScoreFloor(0.7)])",
        "Build an offline benchmark of some fifty of these calls, and run it before each release: "
        "peekr eval FILE --evaluator Hallucination",
    ),
    numbers=("calls", "scored", "errors", "hallucination.mean"),
)

TRACE_INTEGRITY = Rule(
    id="trace-integrity",
    severity="info",
    when=compare("integrity.problems", ">", 0),
    title="{integrity.problems} {integrity.problems?span does|spans do} not fit together",
    cause="Parents that are not in the file: {integrity.orphans}; parents in a circle: {integrity.cycles}; started "
    "before their parent: {integrity.skewed} (by up to {integrity.skew_s} s); stamped in the future: "
    "{integrity.future}. They are counted like all others; only their place in the tree, or in time, is unsure.",
    fixes=(
        Fix(
            "Missing parents: look whether a part of the trace was sampled out, pruned, or written to another file.",
            compare("integrity.orphans", ">", 0),
        ),
        Fix(
            "Circles: span ids are given twice; let peekr make them.",
            compare("integrity.cycles", ">", 0),
        ),
        Fix(
            "Times: set the clocks of the machines by NTP; trends and drift are read off these times.",
            {"op": "or", "of": [compare("integrity.skewed", ">", 0), compare("integrity.future", ">", 0)]},
        ),
    ),
    numbers=("integrity.orphans", "integrity.cycles", "integrity.skewed", "integrity.future", "integrity.open"),
)
