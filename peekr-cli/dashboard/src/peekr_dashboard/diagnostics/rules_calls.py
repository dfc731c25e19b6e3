"""Rules on calls: which channel is bad, which tool fails, what grows (contract DIAG-4, 6, 11, 12)."""

from __future__ import annotations

from typing import Dict, List

from peekr_dashboard.diagnostics.expressions import Expression, compare, every
from peekr_dashboard.diagnostics.rule import Fix, Rule


def _dimension(name: str) -> Expression:
    return {"op": "==", "left": {"agg": "item.dimension"}, "right": name}


CHANNEL_CONCENTRATION = Rule(
    id="channel-concentration",
    severity="medium",
    thresholds={"share": 0.5, "high": 0.75, "flagged": 4},
    each="channels",
    limit=1,
    when=every(compare("flagged", ">=", "$flagged"), compare("item.share", ">", "$share")),
    escalate={"high": compare("item.share", ">", "$high")},
    title="{item.share:percent} of the flagged calls are of {item.dimension} {item.value}",
    cause="{item.flagged} of the {flagged} flagged calls (score below 0.5) come from {item.dimension} {item.value}, "
    "which makes {item.share_of_calls:percent} of all calls. The problem is likely there, and not everywhere.",
    fixes=(
        Fix("Filter by {item.value} in the report, and read its worst calls first.", True),
        Fix(
            "Run some of them with another model, and compare: peekr replay TRACE --model OTHER_MODEL",
            _dimension("model"),
        ),
        Fix("Check that prompt and context fit the window of this model, and its prompt format.", _dimension("model")),
        Fix("Check what is different for this tenant: its documents, its language, its permissions, its own prompt.",
            _dimension("tenant")),
        Fix("Check the prompt template, the retrieval and the parameters of this endpoint; others do better.",
            _dimension("endpoint")),
    ),
    numbers=("flagged", "calls"),
    calls="flagged",
)  # fmt: skip


def _reason(*names: str) -> Expression:
    return {"op": "or", "of": [{"op": "==", "left": {"agg": "main_reason"}, "right": name} for name in names]}


#: error_reason → what to do; contract D-1 lists the reasons.
_BY_REASON: Dict[str, str] = {
    "rate_limit": "Most are rate limits: retry with a growing pause, spread the calls, or ask for a higher limit.",
    "timeout": "Most are time-outs: raise the time-out, stream the answer, or ask for shorter ones.",
    "auth": "Most are refused keys: check the API key and its permissions in this environment.",
    "connection": "Most are lost connections: check proxy, DNS and network of this machine, and retry.",
    "context_length": "Most are prompts too long for the model: shorten the history, or retrieve less.",
    "content_filter": "Most are stopped by the provider's content filter: look at what was asked.",
    "json_parse": "Most are answers that are no valid JSON: use structured outputs, or a larger max_tokens.",
    "bad_request": "Most are requests that the provider refuses: its message in the spans says which parameter.",
    "server_error": "Most are failures of the provider: retry, and have a second model to fall back on.",
    "guardrail": "Most are stopped by your own guardrails or budget: check whether they are too strict.",
}

ERROR_SPIKES = Rule(
    id="error-spikes",
    severity="medium",
    thresholds={"share": 0.05, "high": 0.2, "calls": 20},
    when=every(compare("calls", ">=", "$calls"), compare("error_share", ">", "$share")),
    escalate={"high": compare("error_share", ">", "$high")},
    title="{error_share:percent} of the calls fail",
    cause="{errors} of {calls} model calls ended in an error; the most frequent reason is {main_reason}.",
    fixes=(
        *(Fix(text, _reason(name)) for name, text in _BY_REASON.items()),
        "Read the messages: peekr view --status error --io",
        "Set an alert, so that the next spike reaches you: instrument(alerts=[peekr.alert.ErrorRate(0.05)])",
    ),
    numbers=("calls", "errors", "error_share", "reasons"),
    calls="errors",
)

TOOL_RELIABILITY = Rule(
    id="tool-reliability",
    severity="medium",
    thresholds={"share": 0.2, "calls": 5},
    each="tools",
    when=every(compare("item.calls_total", ">=", "$calls"), compare("item.share", ">", "$share")),
    title="Tool {item.tool} fails in {item.share:percent} of its calls: {item.reason}",
    cause="{item.errors} of {item.calls_total} calls of {item.tool} ended with {item.reason}. An agent that gets an "
    "error from a tool repeats the call, or makes the answer up.",
    fixes=(
        "Look at arguments and error of the calls below: peekr view --io --trace TRACE",
        "Describe the tool's arguments to the model more strictly (types, allowed values, an example), and check them "
        "before the call.",
        "Give {item.tool} a time-out and one retry, and return an error text that tells the model what to do instead.",
    ),
    calls="item.calls",
)

_HISTORY: List[str] = [
    "Keep the last messages only, or summarise what is older than ten of them.",
    "Look at what grows: peekr diff OLD_TRACE NEW_TRACE shows it message by message.",
    "Cap it: instrument(alerts=[peekr.alert.TokenGrowth()]) speaks up before the context window does.",
]

UNBOUNDED_HISTORY = Rule(
    id="unbounded-history",
    severity="medium",
    thresholds={"runs": 5},
    each="growth",
    limit=3,
    when=compare("item.streak", ">=", "$runs"),
    title="Each run of {item.root} takes more tokens than the one before",
    cause="The last {item.streak} runs of {item.root} grew from {item.first_tokens} to {item.last_tokens} tokens, each "
    "larger than the one before. The history, or a scratchpad, is sent in full and never shortened.",
    fixes=_HISTORY,
    calls="item.calls",
)
