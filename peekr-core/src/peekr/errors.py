"""Every exception that peekr raises on purpose.

::

    PeekrError
    ├── ConfigurationError (ValueError)      a setting of instrument() that cannot work
    ├── PluginNotFound (ValueError)          no installed plugin has this name
    ├── PluginNotInstalled (ImportError)     a known name whose distribution is not installed
    ├── StoreError                           a file that is no trace store, or cannot be read
    ├── UnknownId (StoreError)               an id that no trace or run of the store has
    ├── AmbiguousId (StoreError)             an id prefix that fits several traces or runs
    ├── PromptError (RuntimeError)           a server of prompts that does not answer as it should
    ├── UnknownPrompt (ValueError)           no prompt of the server has this name
    ├── JudgeUnavailable                     an evaluator has no model to ask
    ├── ReplayError (ValueError)             a trace cannot be replayed
    │   ├── ReplayRefused                    what was stored of a call is not what was sent
    │   └── ReplayFailed                     a call was sent again, and failed
    ├── BudgetExceededError                  the budget is spent; reaches the caller on purpose
    └── GuardrailError                       a guardrail stopped a call; reaches the caller on purpose

The first line of a message says what happened, with the value; the second what to do about it.
"""

from __future__ import annotations

from typing import Any, Sequence


class PeekrError(Exception):
    """Base of all exceptions that peekr raises on purpose."""


class ConfigurationError(PeekrError, ValueError):
    """A setting given to :func:`peekr.instrument` cannot work; nothing was installed."""


class PluginNotFound(PeekrError, ValueError):
    """No installed plugin of the group has this name, or the one that has it is of no use; the hint says why.

    :ivar installed: the names that the group has.
    """

    def __init__(self, group: str, name: str, installed: Sequence[str], hint: str = "") -> None:
        self.installed = sorted(installed)
        known = ", ".join(self.installed) or "none"
        what = f"the {group!r} plugin {name!r} cannot be used" if name in installed else None
        super().__init__(
            f"{what or f'no {group!r} plugin is called {name!r}'}; installed: {known}.\n"
            + (hint or "List what is installed with: peekr plugins list")
        )


class PluginNotInstalled(PeekrError, ImportError):
    """A first-party name was asked for whose distribution is not installed."""

    def __init__(self, what: str, distribution: str) -> None:
        super().__init__(
            f"{what} needs the distribution {distribution!r}, which is not installed.\n"
            f"Install it with: pip install {distribution}"
        )


class StoreError(PeekrError):
    """A trace store cannot be opened, read or understood."""


class UnknownId(StoreError):
    """No trace or run of the store has this id, or one that begins so."""


class AmbiguousId(StoreError):
    """An id prefix fits more than one trace or run."""

    def __init__(self, prefix: str, candidates: Sequence[str]) -> None:
        shown = ", ".join(candidates[:8]) + (", …" if len(candidates) > 8 else "")
        super().__init__(f"{prefix!r} fits {len(candidates)} ids: {shown}.\nGive more characters of the one you mean.")


class PromptError(PeekrError, RuntimeError):
    """A server of prompts cannot be reached, refuses, or answers something else."""


class UnknownPrompt(PeekrError, ValueError):
    """No prompt of the server has this name."""


class JudgeUnavailable(PeekrError):
    """An evaluator that asks a model has no SDK or no credentials for one."""


class ReplayError(PeekrError, ValueError):
    """A trace cannot be replayed: it has no LLM call, or none that an installed SDK could send again."""


class ReplayRefused(ReplayError):
    """What was stored of a call is not what was sent: it was cut, redacted, or not stored at all."""


class ReplayFailed(ReplayError):
    """A call was sent again, and the SDK raised an exception.

    :ivar new_trace_id: the trace with what came back before and after it; the failed call is in it too.
    """

    def __init__(self, message: str, new_trace_id: str = "") -> None:
        super().__init__(message)
        self.new_trace_id = new_trace_id


class GuardrailError(PeekrError):
    """A guardrail blocked a call.

    :ivar message: what it objects to.
    :ivar guardrail_name: which one.
    :ivar span: the span of the blocked call, stored with its violation.
    """

    def __init__(self, message: str, guardrail_name: str = "", span: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.guardrail_name = guardrail_name
        self.span = span


class BudgetExceededError(PeekrError):
    """The budget of a :class:`peekr.BudgetAlert` is spent, so a call was not made.

    :ivar spent: US dollars in the current window.
    :ivar limit_usd: US dollars that it allows.
    """

    def __init__(self, message: str, spent: float = 0.0, limit_usd: float = 0.0) -> None:
        super().__init__(message)
        self.spent = spent
        self.limit_usd = limit_usd
