"""Which guardrails a configuration has, and where each is asked: in the worker, before a call, after it."""

from __future__ import annotations

from typing import Any, Callable, List, Sequence, Tuple

from peekr.config import Config
from peekr.errors import ConfigurationError
from peekr.guarding import Asked, guards
from peekr.spans import Span
from peekr.tracer import hooks


def in_worker(config: Config) -> List[Tuple[str, Any]]:
    """Return the guardrails that change spans, with their names.

    :raises ConfigurationError: if one of ``guardrails`` is none.
    """
    return [(_name(guard), guard) for guard in _checked(config.guardrails) if _in_worker(guard)]


def in_callers_thread(config: Config) -> List[Any]:
    """Return the objects that are asked about calls: guardrails, compliance rules, budgets.

    :raises ConfigurationError: if compliance is asked for without an HTTPExporter, see GUARD-10.
    """
    asked = [guard for guard in _checked(config.guardrails) if not _in_worker(guard) or _asks_before(guard)]
    if config.compliance:
        asked += _compliance(config)
    budget = [] if config.budget_alert is None else [config.budget_alert]
    asked += [alert for alert in (*config.alerts, *budget, config.exporter) if _asks_before(alert)]
    return list({id(guard): guard for guard in asked}.values())


def put_in_force(asked: Sequence[Any]) -> None:
    """Ask these from now on; none switches all of it off."""
    guards.inputs = tuple(Asked(_name(guard), guard, guard.check_input) for guard in asked if _asks_before(guard))
    guards.outputs = tuple(Asked(_name(guard), guard, _after(guard)) for guard in asked if _asks_after(guard))
    watch_manual_spans()


def watch_manual_spans() -> None:
    """Have spans of kind ``llm`` that the program ends by hand looked at, as long as somebody is asked."""
    hooks.end = None
    if guards.inputs or guards.outputs:
        from peekr.reported import look_at_manual

        hooks.end = look_at_manual


def _checked(guardrails: Sequence[Any]) -> Sequence[Any]:
    for guard in guardrails:
        if isinstance(guard, type):
            raise ConfigurationError(
                f"guardrails has the class {guard.__name__}, not an object.\nGive it as {guard.__name__}()"
            )
        if not callable(getattr(guard, "run", None)) and not _asks_before(guard):
            raise ConfigurationError(
                f"guardrail {guard!r} has no method run(span).\n"
                "Subclass peekr.guard.BaseGuardrail, or use one of peekr-guard: peekr.guard.PIIRedact, …"
            )
    return guardrails


def _name(guard: Any) -> str:
    return str(getattr(guard, "name", None) or type(guard).__name__)


def _in_worker(guard: Any) -> bool:
    return bool(getattr(guard, "in_worker", False))


def _asks_before(guard: Any) -> bool:
    return getattr(guard, "checks_input", True) and callable(getattr(guard, "check_input", None))


def _asks_after(guard: Any) -> bool:
    """Whether it looks at answers: not in the worker, and not one of those that only look at requests."""
    return not _in_worker(guard) and getattr(guard, "checks_output", True) and callable(getattr(guard, "run", None))


def _after(guard: Any) -> Callable[[Span], object]:
    """What looks at answers: ``check_output`` of a guardrail whose ``run`` looks at requests as well."""
    check = getattr(guard, "check_output", None)
    return check if callable(check) else guard.run  # type: ignore[no-any-return]


def _compliance(config: Config) -> List[Any]:
    """The rule packs are a plugin: ``CompliancePacks`` of the group ``peekr.guardrails``."""
    from peekr._facade import resolve

    packs = resolve("CompliancePacks", "peekr.guardrails", "peekr.guard.CompliancePacks")
    return [packs.from_config(config)]
