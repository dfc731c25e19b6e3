"""For all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)  # how long an example takes, the machine decides
settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Let Ctrl-C work in the programs that tests start.

    A shell that runs something in the background has it ignore SIGINT, and every program below inherits that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
