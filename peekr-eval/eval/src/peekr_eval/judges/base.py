"""What a judge is and what it answers; the clients that judges share."""

from __future__ import annotations

import os
import threading
from typing import Any, Callable, Dict, NoReturn, Optional, Protocol, Tuple, runtime_checkable

import attrs

from peekr_eval.errors import JudgeError, JudgeRefused, JudgeTimeout
from peekr_eval.prompts import Question

#: Seconds that a judge has for its answer (D-8).
TIMEOUT_S = 30.0


@attrs.define(slots=True, frozen=True)
class Answer:
    """What a judge said.

    :ivar tokens_input: tokens that the question took; None where the judge does not say. Likewise tokens_output.
    :ivar cut: whether the limit on output tokens ended it.
    """

    text: str
    tokens_input: Optional[int] = None
    tokens_output: Optional[int] = None
    cut: bool = False


@runtime_checkable
class Judge(Protocol):
    """Answers questions; called from several threads at a time.

    :ivar provider: ``openai``, ``anthropic``, …; for the key of stored verdicts and for prices.
    :ivar model: likewise.
    """

    provider: str
    model: str

    def ask(self, question: Question) -> Answer:
        """Send one request and return the answer.

        :raises Exception: any: there is no verdict then, and the reason is stored.
        """


class Clients:
    """One client for each SDK and set of credentials in this process: a client holds the connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: Dict[Tuple[Any, ...], Any] = {}

    def get(self, key: Tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """Return the client for a key, made on first use; after a fork anew, as connections cannot be shared."""
        key = (os.getpid(), *key)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = make()
            return self._clients[key]

    def close(self) -> None:
        """Close all; later questions make new ones."""
        with self._lock:
            mine = [client for key, client in self._clients.items() if key[0] == os.getpid()]
            self._clients.clear()
        for client in mine:
            close = getattr(client, "close", None)
            if callable(close):
                close()

    def after_fork_in_child(self) -> None:
        """The lock may be held by a thread that does not exist here."""
        self._lock = threading.Lock()


clients = Clients()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=clients.after_fork_in_child)


def setting(*names: str) -> Optional[str]:
    """Return the first of these environment variables that is set."""
    return next((value for value in map(os.environ.get, names) if value), None)


def refuse(who: str, why: Any = None) -> NoReturn:
    """Say that a model declined.

    :raises JudgeRefused: always.
    """
    raise JudgeRefused(f"{who} declined to judge" + (f": {str(why)[:200]}" if why else ""))


def failed(judge: Judge, error: Exception, *secrets: Optional[str]) -> Exception:
    """Return what to raise for an SDK's exception: a timeout by our name, and no key in any message."""
    if "timeout" in type(error).__name__.lower() or "timedout" in type(error).__name__.lower():
        return JudgeTimeout(f"{judge.provider} {judge.model} did not answer within {TIMEOUT_S:g} s")
    message = str(error)
    found = [secret for secret in secrets if secret and len(secret) > 3 and secret in message]
    if not found:
        return error
    for secret in found:
        message = message.replace(secret, "***")
    return JudgeError(f"{type(error).__name__}: {message}")
