"""In a child: load every plugin, and send spans through each local store to see that all of them arrive."""

from __future__ import annotations

import os
import tempfile
import threading
from typing import Any, Callable, Dict, Tuple

#: From several threads, as a program does.
_THREADS, _SPANS = 4, 500
_STORES: Dict[str, Tuple[str, str]] = {"jsonl": ("jsonl_path", "traces.jsonl"), "sqlite": ("db_path", "traces.db")}


def run(task: Dict[str, Any], say: Callable[..., None]) -> None:
    """Say one check after the other."""
    _plugins(say)
    for name in task["stores"]:
        _round_trip(name, say)


def _plugins(say: Callable[..., None]) -> None:
    from peekr import plugins

    found = plugins.check()
    working = [info for info in found if info.state not in ("failed", "disabled")]
    for info in found:
        subject = f"{info.group.partition('.')[2]}: {info.name}"
        if info.state == "failed":
            reason = f"{info.distribution} {info.version} cannot be loaded: {info.reason}"
            say(check="plugins", subject=subject, state="failed", detail=reason)
        elif info.state == "disabled":
            say(check="plugins", subject=subject, state="warning", detail=f"{info.distribution}: {info.reason}")
    say(check="plugins", subject="all", state="ok", detail=f"{len(working)} of {len(found)} load")


def _round_trip(name: str, say: Callable[..., None]) -> None:
    """Write spans, read them back, and compare the numbers."""
    try:
        detail = _written_and_read(name)
    except Exception as error:
        say(check="delivery", subject=name, state="failed", detail=f"{type(error).__name__}: {error}")
        return
    say(check="delivery", subject=name, state="failed" if detail else "ok", detail=detail or _said_well())


def _said_well() -> str:
    return f"{_THREADS * _SPANS} spans from {_THREADS} threads written and read back, none dropped"


def _written_and_read(name: str) -> str:
    """Return what is wrong; nothing if all came back."""
    import peekr

    option, file = _STORES[name]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, file)
        before = peekr.stats()["spans"]["dropped"]
        settings: Dict[str, Any] = {"storage": name, option: path}
        peekr.instrument(console=False, sample_rate=1.0, plugins=[], **settings)
        try:
            threads = [threading.Thread(target=_work, args=(peekr,)) for _ in range(_THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            flushed, stats = peekr.flush(10), peekr.stats()
        finally:
            peekr.uninstrument()
        with peekr.open_store(path) as store:
            found = sum(1 for _ in store.iter_spans())
    lane = stats["exporters"].get(name, {})
    dropped = stats["spans"]["dropped"] - before
    if flushed and not dropped and found == _THREADS * _SPANS:
        return ""
    return f"{_THREADS * _SPANS} spans written, {found} read back, {dropped} dropped; {lane.get('last_error') or ''}"


def _work(peekr: Any) -> None:
    for number in range(_SPANS):
        with peekr.span("doctor.span") as span:
            span.attributes["number"] = number
