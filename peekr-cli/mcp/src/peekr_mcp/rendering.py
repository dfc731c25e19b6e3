"""An answer → the text that a model reads: one line a fact, and every line of recorded text behind a bar."""

from __future__ import annotations

import json
import secrets
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

from peekr.terminal import neutral
from peekr_cli.targets import counted

Lines = Iterator[str]
_BAR = "    | "


def render(tool: str, answer: Mapping[str, Any]) -> str:
    """Return the answer of a tool as text.

    What was recorded stands between two marks that no recorded text can know: they are made anew for each answer.
    """
    mark = f"recorded data {secrets.token_hex(6)}"
    head = [f"{answer['notice']} They stand between the two lines that say {mark!r}.", f"store: {answer['store']}"]
    if answer["note"]:
        head.append(f"note: {answer['note']}")
    return "\n".join([*head, f"--- {mark} ---", *_BODIES[tool](answer), f"--- end of {mark} ---"])


def _traces(answer: Mapping[str, Any]) -> Lines:
    for trace in answer["traces"]:
        yield _trace(trace)


def _trace(trace: Mapping[str, Any]) -> str:
    facts = [
        f"trace {trace['trace_id']}",
        _named(trace["name"]),
        trace["status"],
        trace["started"],
        _took(trace["duration_ms"]),
        counted(trace["span_count"], "span"),
        counted(trace["error_count"], "error") if trace["error_count"] else None,
        f"{trace['tokens_total']:,} tokens" if trace["tokens_total"] else None,
        _dollars(trace["cost_usd"]),
        *(f"{who}={_named(trace[f'{who}_id'])}" for who in ("tenant", "user", "session") if trace[f"{who}_id"]),
    ]
    return _line(facts)


def _whole_trace(answer: Mapping[str, Any]) -> Lines:
    yield _trace(answer["trace"])
    for span in answer["spans"]:
        yield from _span(span, in_trace=True)


def _spans(answer: Mapping[str, Any]) -> Lines:
    for span in answer["spans"]:
        yield from _span(span)


def _span(span: Mapping[str, Any], in_trace: bool = False) -> Lines:
    yield _line(
        [
            f"{'  ' * min(span['depth'], 30)}span {span['span_id']}" if in_trace else f"span {span['span_id']}",
            _named(span["name"]),
            span["kind"],
            span["status"],
            None if in_trace else span["started"],
            _took(span["duration_ms"]),
            _model(span["model"]),
            _tokens(span),
            _dollars(span.get("cost_usd")),
            None if span.get("billed", True) else "not billed: another span of this call is",
            None if in_trace else f"in trace {span['trace_id']}",
        ]
    )
    if span.get("match"):
        yield from _quoted("match", span["match"])
    yield from _error(span)
    for field in ("input", "output", "other"):
        yield from _quoted(field, span.get(field))
    if span.get("eval_scores"):
        yield "  scores: " + ", ".join(f"{_named(name)} {score:g}" for name, score in span["eval_scores"].items())


def _error(span: Mapping[str, Any]) -> Lines:
    kind = ", ".join(neutral(each) for each in (span["error_type"], span["error_reason"]) if each)
    if span["status"] == "error" or span["error"] or kind:
        yield from _quoted(f"error ({kind})" if kind else "error", span["error"] or "not recorded")


def _hallucinations(answer: Mapping[str, Any]) -> Lines:
    for call in answer["hallucinations"]:
        yield _line(
            [
                f"score {call['score']:g}",
                f"span {call['span_id']}",
                _named(call["name"]),
                call["started"],
                _model(call["model"]),
                f"in trace {call['trace_id']}",
            ]
        )
        claims = call["claims"]
        if claims:
            counts = ("supported", "contradicted", "unsupported")
            yield f"  of {claims['total']} claims: " + ", ".join(f"{claims[each]} {each}" for each in counts)
            for verdict in ("unsupported", "contradicted"):
                for claim in claims[f"{verdict}_claims"]:
                    yield from _quoted(f"{verdict} claim", claim)
        yield from _quoted("input", call["input"])
        yield from _quoted("output", call["output"])


def _usage(answer: Mapping[str, Any]) -> Lines:
    for row in answer["models"]:
        yield _line([_named(row["model"]) if row["model"] else "(no model recorded)", *_sums(row)])
    yield _line(["total", *_sums(answer["total"])])


def _sums(row: Mapping[str, Any]) -> List[Optional[str]]:
    return [
        counted(row["calls"], "call"),
        counted(row["errors"], "error") if row["errors"] else None,
        f"{row['tokens_input']:,} tokens in",
        f"{row['tokens_cached']:,} cached" if row["tokens_cached"] else None,
        f"{row['tokens_output']:,} out",
        f"{row['tokens_total']:,} in all",
        _dollars(row["cost_usd"]),
        f"{counted(row['unpriced_calls'], 'call')} without a known cost" if row["unpriced_calls"] else None,
        _took(row["duration_ms"]),
    ]


_BODIES: Dict[str, Callable[[Mapping[str, Any]], Lines]] = {
    "recent_traces": _traces,
    "get_trace": _whole_trace,
    "worst_hallucinations": _hallucinations,
    "token_usage_by_model": _usage,
    "error_spans": _spans,
    "search_spans": _spans,
}


def _line(facts: List[Optional[str]]) -> str:
    return "  ".join(fact for fact in facts if fact)


def _named(name: str) -> str:
    """A recorded name in quotes, so that it cannot pass for what stands beside it."""
    return json.dumps(name, ensure_ascii=False)


def _quoted(label: str, text: Optional[str]) -> Lines:
    """A recorded text, each of its lines behind a bar, so that none can pass for a line of ours."""
    if text is None:
        return
    yield f"  {label}:"
    for each in text.split("\n"):
        yield _BAR + each


def _took(milliseconds: Optional[float]) -> Optional[str]:
    if milliseconds is None:
        return None
    return f"{milliseconds:,.0f} ms" if milliseconds >= 100 else f"{milliseconds:.3g} ms"


def _dollars(amount: Optional[float]) -> Optional[str]:
    return None if amount is None else f"${amount:.6f}".rstrip("0").rstrip(".")


def _model(model: Optional[str]) -> Optional[str]:
    return None if model is None else f"model {_named(model)}"


def _tokens(span: Mapping[str, Any]) -> Optional[str]:
    given, made, total = (span.get(f"tokens_{which}") for which in ("input", "output", "total"))
    if given is None and made is None:
        return None if total is None else f"{total:,} tokens"
    cached = f" ({span['tokens_cached']:,} cached)" if span.get("tokens_cached") else ""
    return f"{given or 0:,}{cached} + {made or 0:,} tokens"
