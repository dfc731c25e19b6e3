"""Guardrails on the call path, with guards of the user's own (GUARD-9, GUARD-5 to -7)."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest

import peekr
from peekr.errors import BudgetExceededError, GuardrailError
from peekr.guarding import after_call, answers, before_call, guards
from peekr.testing import record
from peekr.tracer import close_span, open_span


class Guard(peekr.guard.BaseGuardrail):
    """Does what it is told."""

    def __init__(self, action: Callable[[Any], object]) -> None:
        self.run = action  # type: ignore[method-assign]


def fail(error: BaseException) -> Callable[[Any], object]:
    def action(span: Any) -> None:
        raise error

    return action


def call(output: str = "Paris.") -> Any:
    """One call as a provider makes it."""
    span = open_span("acme.chat", None, "llm")
    try:
        after_call(span, lambda view: view.attributes.update(input="What?", output=output, model="m"))
    finally:
        close_span(span)
    return span


def test_a_crashing_guard_is_ignored_with_a_warning(warnings: Callable[[], List[str]]) -> None:
    """GUARD-9; ten failures in a row disable it."""
    with record(plugins=[], guardrails=[Guard(fail(KeyError("oops")))]) as recording:
        for _ in range(12):
            call()
        spans = recording.spans
    assert [span.status for span in spans] == ["ok"] * 12
    assert "Guard failed and was ignored: KeyError" in spans[0].attributes["guardrail_warnings"]
    assert "guardrail_warnings" not in spans[11].attributes
    assert len([each for each in warnings() if "guardrail 'Guard'" in each]) == 2


def test_a_bare_error_is_completed() -> None:
    """GUARD-6, GUARD-7: GuardrailError(message, guardrail_name, span)."""
    with record(plugins=[], guardrails=[Guard(fail(GuardrailError("not that")))]) as recording:
        with pytest.raises(GuardrailError) as caught:
            call()
        span = recording.only
    assert (caught.value.guardrail_name, caught.value.message, str(caught.value)) == ("Guard", "not that", "not that")
    assert caught.value.span.span_id == span.span_id
    assert (span.status, span.attributes["blocked"], span.attributes["error_reason"]) == ("error", True, "guardrail")
    assert span.attributes["guardrail_violations"] == ["Guard: not that"]


def test_what_a_guard_adds_stays_and_the_texts_do_not() -> None:
    """GUARD-9."""

    def add(span: Any) -> None:
        assert span.attributes["output"] == "long " * 1000
        span.attributes["seen"] = True

    with record(plugins=[], guardrails=[Guard(add)]) as recording:
        call("long " * 1000)
        assert recording.only.attributes["seen"] is True
        assert "output" not in recording.only.attributes


def test_nobody_is_asked_without_guards() -> None:
    """Design 6: one falsy check."""
    with record(plugins=[], guardrails=[Guard(print)]):
        assert guards.outputs and guards.any
    with record(plugins=[]):
        assert not guards.any
        assert not answers(open_span("x", None, "llm"))


def test_an_embedding_has_no_answer_to_guard() -> None:
    """EVAL-15 in the spirit."""
    with record(plugins=[], guardrails=[Guard(print)]):
        assert answers(open_span("x", None, "llm"))
        assert not answers(open_span("x", None, "embedding"))


def test_a_guards_own_calls_are_neither_recorded_nor_guarded() -> None:
    """EVAL-5 in the spirit: a guard that asks a model does not guard itself."""
    asked = []

    def ask(span: Any) -> None:
        asked.append(span)
        call_inside = open_span("judge", peekr.context.current.get(), "llm")
        after_call(call_inside, lambda view: None)
        close_span(call_inside)

    with record(plugins=[], guardrails=[Guard(ask)]) as recording:
        call()
        assert [span.name for span in recording.spans] == ["acme.chat"]
    assert len(asked) == 1


def test_a_spent_budget_reaches_the_caller() -> None:
    """BUDGET-1: asked like a guardrail; the span is blocked."""

    class Budget:
        def check(self, trace: Any) -> None:
            pass

        def check_input(self, span: Any) -> None:
            raise BudgetExceededError("spent", 2.0, 1.0)

    with record(plugins=[], budget_alert=Budget()) as recording:
        span = open_span("acme.chat", None, "llm")
        with pytest.raises(BudgetExceededError):
            before_call(span, lambda view: view.attributes.update(model="m"))
        close_span(span)
        attributes = recording.only.attributes
    assert (attributes["blocked"], attributes["error_type"]) == (True, "BudgetExceededError")
    assert attributes["error_reason"] == "guardrail"
    assert "guardrail_violations" not in attributes


def test_an_answer_recorded_by_hand_is_guarded_too() -> None:
    """GUARD-6 for trace.llm()."""

    def check(span: Any) -> None:
        if "secret" in span.attributes["output"]:
            raise GuardrailError("no secrets")

    with record(plugins=[], guardrails=[Guard(check)]) as recording:
        with peekr.trace.run("r"):
            peekr.trace.llm(model="m", prompt="hi", response="fine")
            with pytest.raises(GuardrailError):
                peekr.trace.llm(model="m", prompt="hi", response="a secret")
        (fine, bad) = recording.named("llm.call")
    assert fine.status == "ok" and "blocked" not in fine.attributes
    assert bad.attributes["blocked"] is True and bad.attributes["output"] == "a secret"


def no_secrets(*names: str) -> Callable[[Any], object]:
    def check(span: Any) -> None:
        if any("secret" in span.attributes.get(name, "") for name in names):
            raise GuardrailError("no secrets")

    return check


def test_a_prompt_recorded_by_hand_is_looked_at_too() -> None:
    """GUARD-4 for trace.llm(): it cannot be held back any more, but the violation is stored."""
    guard = Guard(lambda span: None)
    guard.check_input = no_secrets("input")  # type: ignore[attr-defined]
    with record(plugins=[], guardrails=[guard]) as recording:
        with peekr.trace.run("r"):
            with pytest.raises(GuardrailError):
                peekr.trace.llm(model="m", prompt="a secret", response="fine")
        attributes = recording.named("llm.call")[0].attributes
    assert (attributes["blocked"], attributes["guardrail_violations"]) == (True, ["Guard: no secrets"])


@pytest.mark.parametrize("named", ["argument", "attribute", "block"])
def test_a_span_of_kind_llm_that_is_ended_by_hand_is_guarded(named: str) -> None:
    """GUARD-6, GUARD-7, EVAL-15: kind ``llm`` is what makes an LLM call; once, and the span before is current again."""

    def by_hand() -> None:
        if named == "block":
            with peekr.span("call", kind="llm", output="a secret"):
                return
        span, token = peekr.start_span("call", kind="llm" if named == "argument" else None)
        span.attributes.update(kind="llm", output="a secret")
        try:
            peekr.end_span(span, token)
        finally:
            peekr.end_span(span, token)

    with record(plugins=[], guardrails=[Guard(no_secrets("output"))]) as recording:
        with pytest.raises(GuardrailError):
            by_hand()
        assert peekr.get_current_span() is None
        span = recording.only
        with peekr.span("function", output="a secret"):
            pass
    assert (span.status, span.attributes["blocked"], span.attributes["error_reason"]) == ("error", True, "guardrail")


def test_the_programs_own_exception_goes_before_a_guards() -> None:
    """INST-12: a block that fails has no answer to be looked at."""
    with record(plugins=[], guardrails=[Guard(fail(GuardrailError("no")))]) as recording:
        with pytest.raises(KeyError):
            with peekr.span("call", kind="llm", output="x"):
                raise KeyError("own")
        assert recording.only.attributes["error_type"] == "KeyError"


def test_what_a_guard_replaces_is_stored_nowhere_else() -> None:
    """GUARD-9: nor in the payload."""

    def mask(span: Any) -> None:
        span.attributes["output"] = span.attributes["output"].replace("Paris", "[CITY]")

    with record(plugins=[], guardrails=[Guard(mask)]) as recording:
        with peekr.trace.run("r"):
            peekr.trace.llm(model="m", prompt="hi", response="Paris")
            peekr.trace.llm(model="m", prompt="hi", response="Rome")
        masked, plain = recording.named("llm.call")
    assert masked.attributes["output"] == "[CITY]" and "Paris" not in str(masked.to_dict())
    assert plain.payload["response"] == "Rome"


@pytest.mark.parametrize("guardrails", [[Guard], [object()], "PIIRedact", [lambda span: None]])
def test_what_is_no_guardrail_is_refused(guardrails: Any) -> None:
    """INST: misuse fails at instrument()."""
    with pytest.raises(ValueError):
        peekr.instrument(console=False, storage=None, guardrails=guardrails)


def test_a_mutating_guard_runs_in_the_worker_before_everything_else() -> None:
    """IFACE-9."""

    class Upper(peekr.guard.BaseGuardrail):
        in_worker = True

        def run(self, span: Any) -> None:
            if "output" in span.attributes:
                span.attributes["output"] = span.attributes["output"].upper()

    @peekr.trace
    def answer() -> str:
        return "paris"

    with record(plugins=[], guardrails=[Upper()]) as recording:
        assert answer() == "paris"
        assert recording.only.attributes["output"] == '"PARIS"'
