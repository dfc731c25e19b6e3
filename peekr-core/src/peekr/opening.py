"""Finding the installed store that can read a file or address."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, List, Union

from peekr.errors import StoreError

if TYPE_CHECKING:
    from peekr.stores import ReadStore

logger = logging.getLogger("peekr")

GROUP = "peekr.stores"
_INSTALL = "pip install peekr-jsonl peekr-sqlite"
_DB, _JSONL = "traces.db", "traces.jsonl"


def default_store() -> str:
    """Return the trace file of the working directory: ``traces.db`` if present, else ``traces.jsonl``.

    A database that holds no span, as ``peekr init`` and :func:`peekr.feedback` make it, gives way to the file.
    """
    if not os.path.exists(_DB) or (os.path.exists(_JSONL) and _has_no_span(_DB)):
        return _JSONL
    return _DB


def _has_no_span(database: str) -> bool:
    from peekr.sqlquery import is_sqlite, query

    try:
        return is_sqlite(database) and not query(database, "SELECT 1 FROM spans LIMIT 1")
    except StoreError:  # whoever opens it says what is wrong with it
        return False


def open_store(target: Union[str, os.PathLike[str]]) -> ReadStore:
    """Open a file or address with the installed store that recognises it.

    :raises StoreError: if there is no such file, or no installed store can read it; says what to do.
    """
    from peekr.plugins import load_group

    where = os.fspath(target)
    installed = []
    for name, store in load_group(GROUP, first=_likely(where)):
        installed.append(name)
        if _recognised(store, where):
            return store(where)  # type: ignore[no-any-return]
    raise StoreError(_why_not(where, installed))


def _likely(target: str) -> str:
    """Return the store that a look at the name and the first bytes suggests; each still has its own say."""
    from peekr.sqlquery import is_sqlite

    if is_sqlite(target):
        return "sqlite"
    return "jsonl" if os.path.isfile(target) else ""


def _recognised(store: Any, target: str) -> bool:
    try:
        return bool(store.recognises(target))
    except Exception as error:
        logger.warning("store %s failed to look at %s: %s: %s", store, target, type(error).__name__, error)
        return False


def _why_not(target: str, installed: List[str]) -> str:
    if "://" not in target:
        if os.path.isdir(target):
            inside = os.path.join(target, "traces.jsonl")
            return f"{target} is a directory.\nGive the trace file in it, for instance {inside}"
        if not os.path.exists(target):
            both = f", and neither does {_DB}" if target == _JSONL and not os.path.exists(_DB) else ""
            return (
                f"{target} does not exist{both}.\n"
                "Give the path of a trace file: traces.jsonl, traces.db, or what was set in instrument()"
            )
        if not os.access(target, os.R_OK):
            return f"{target} may not be read by this user.\nChange its permissions, or run as its owner"
    if not installed:
        return f"no store plugin is installed, so {target} cannot be read.\nInstall them with: {_INSTALL}"
    return (
        f"{target} is no trace store that the installed plugins ({', '.join(sorted(installed))}) know.\n"
        f"Install the one for it, for instance with: {_INSTALL}"
    )
