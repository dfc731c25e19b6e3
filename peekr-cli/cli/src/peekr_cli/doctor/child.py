"""The child's side: drives one provider's suites, or tries plugins and stores, and writes a line of JSON for each find.

Started as ``python -m peekr_cli.doctor.child`` with its task as JSON; in an environment without keys, with a home of
its own. What an SDK prints goes to stderr, and no socket of it leaves this machine.
"""

from __future__ import annotations

import json
import os
import sys
from time import monotonic
from typing import Any, Callable, Dict, List, Optional

Say = Callable[..., None]


def main() -> None:
    """Do the task of the command line, then leave at once: whatever still hangs shall not hold us."""
    task: Dict[str, Any] = json.loads(sys.argv[1])
    say = _line_writer()
    sys.addaudithook(_stay_at_home)
    try:
        if task["task"] == "provider":
            _provider(task, say)
        else:
            from peekr_cli.doctor import trial

            trial.run(task, say)
        say(done=True)
    finally:
        sys.stderr.flush()
    os._exit(0)


def _line_writer() -> Say:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(**found: Any) -> None:
        out.write(json.dumps(found) + "\n")
        out.flush()

    return say


def _stay_at_home(event: str, arguments: Any) -> None:
    """An audit hook: what connects to anywhere but this machine is refused."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host is not None and host not in ("localhost", "::1", "") and not host.startswith("127."):
        raise OSError(f"peekr doctor stays on this machine; something wanted to reach {host}")


def _provider(task: Dict[str, Any], say: Say) -> None:
    """Drive the suites of one provider."""
    from importlib.metadata import EntryPoint

    try:
        loaded: Any = EntryPoint(task["provider"], task["value"], "peekr.providers").load()
        provider = loaded() if isinstance(loaded, type) else loaded
        suites = list(provider.probes()) if hasattr(provider, "probes") else None
    except (Exception, SystemExit) as error:
        say(failed=f"{type(error).__name__}: {error}")
        return
    if suites is None:
        say(unproven=True)
        return
    begin = monotonic()
    for suite in suites:
        say(known=suite.sdk)
        if not task["sdks"] or {suite.sdk.lower(), task["provider"].lower()} & set(task["sdks"]):
            begin += _suite(suite, task, say, begin + task["budget"])


def _suite(suite: Any, task: Dict[str, Any], say: Say, end: float) -> float:
    """Drive one suite; return the seconds that importing the SDK took, which do not count."""
    from importlib import import_module

    skip = task["skip"].get(suite.sdk, 0)
    version = _version(suite.sdk)
    if version is None:
        say(sdk=suite.sdk, version=None)
        return 0.0
    os.environ.update(suite.environment)
    begin = monotonic()
    try:
        import_module(suite.module)
        order = {_key(probe): at for at, probe in enumerate(suite.probes())}
    except (Exception, SystemExit) as error:
        say(sdk=suite.sdk, version=version, failed=f"{type(error).__name__}: {error}")
        return 0.0
    took = monotonic() - begin
    say(sdk=suite.sdk, version=version, probes=len(order))
    _drive(suite, task, say, skip, end + took, order)
    return took


def _version(distribution: str) -> Optional[str]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _key(probe: Any) -> Any:
    return probe.entry, probe.way, probe.asynchronous


def _drive(suite: Any, task: Dict[str, Any], say: Say, skip: int, end: float, order: Dict[Any, int]) -> None:
    import peekr
    from peekr.probes.driving import HUNG, drive

    try:
        for result in drive(suite, plugins=task["plugins"], skip=skip, deadline=task["deadline"]):
            probe = result.probe
            say(
                result=suite.sdk,
                at=order[_key(probe)],
                entry=probe.entry,
                way=probe.way,
                asynchronous=probe.asynchronous,
                verdict=result.verdict,
                fault=result.is_fault,
                spans=result.spans,
                with_usage=result.with_usage,
                tokens=result.tokens,
                expected_spans=probe.spans,
                expected_tokens=probe.tokens,
                reason=result.reason,
                ms=round(result.seconds * 1000, 1),
            )
            if result.verdict == HUNG:
                say(done=True)
                os._exit(0)  # its call still runs, and would be taken for the next one's
            if monotonic() > end:
                return
    except Exception as error:
        say(sdk=suite.sdk, version=_version(suite.sdk), failed=f"{type(error).__name__}: {error}")
        return
    _troubles(suite, peekr.stats(), task["provider"], say)


def _troubles(suite: Any, stats: Dict[str, Any], provider: str, say: Say) -> None:
    """What the plugin has to report that no probe shows: a patch that found nothing, a capture that failed."""
    from peekr import plugins

    failures: List[str] = [f"{what} ({count} times)" for what, count in stats["captures"]["failed"].items()]
    reason = plugins.failures.get(("peekr.providers", provider))
    say(ended=suite.sdk, captures=failures, provider_failed=reason)


if __name__ == "__main__":
    main()
