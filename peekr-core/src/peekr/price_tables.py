"""The installed price tables: loaded on the first look-up, and asked in turn."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

if TYPE_CHECKING:
    from peekr.prices import Price

    PriceTable = Callable[[str, Optional[str]], Optional[Price]]

logger = logging.getLogger("peekr")

#: Looked-up prices kept; model names that users make up must not fill the memory.
_REMEMBERED = 4096

Key = Tuple[str, Optional[str]]


class _Tables:
    """The price tables and hooks that are installed; loaded on first use, in whichever thread that is."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.known: Dict[Key, Optional[Price]] = {}
        self.ask: Optional[List[Tuple[str, PriceTable]]] = None

    def find(self, model: str, provider: Optional[str]) -> Optional[Price]:
        """The first answer that is not None."""
        with self.lock:
            if self.ask is None:
                self.ask = _installed()
            for name, table in self.ask:
                try:
                    price = table(model, provider)
                except Exception as error:
                    _say(name, error)
                    continue
                if price is not None:
                    return price
        return None


_tables = _Tables()
_said: Dict[str, int] = {}


def price_of(model: str, provider: Optional[str] = None) -> Optional[Price]:
    """Return the price of a model, from the user's overrides, hooks and price tables, or None if none knows it.

    The first call loads the tables, which takes some hundredths of a second. Answers are kept.

    :param model: as the provider names it, for instance ``gpt-4o-2024-08-06`` or ``us.anthropic.claude-…-v1:0``.
    :param provider: as in ``attributes["provider"]``; None if it is not known.
    """
    key = (model, provider)
    known = _tables.known
    try:
        return known[key]
    except KeyError:
        price = _tables.find(model, provider)
        if len(known) >= _REMEMBERED:
            known.clear()
        known[key] = price
        return price


def forget_prices(tables: bool = False) -> None:
    """Look everything up anew: a table's prices have changed.

    :param tables: find the installed tables anew, too.
    """
    with _tables.lock:
        if tables:
            _tables.ask = None
        _tables.known = {}


#: Who is asked when: the user's own prices, hooks, strangers' tables, and at last the table of peekr-cost.
_ORDER = {"overrides": 0, "peekr_price": 1, "genai": 3, "families": 4}


def _installed() -> List[Tuple[str, PriceTable]]:
    from peekr.plugins import load_group

    found: List[Tuple[str, PriceTable]] = []
    for name, entry in load_group("peekr.prices"):
        try:
            table = entry() if isinstance(entry, type) or not hasattr(entry, "price") else entry
            found.append((name, table.price))
        except Exception as error:
            _say(name, error)
    hooks = [(name, module) for name, module in load_group("peekr.hooks") if hasattr(module, "peekr_price")]
    if hooks:
        found.append(("peekr_price", _hooked(hooks)))
    return sorted(found, key=lambda each: (_ORDER.get(each[0], 2), each[0]))


def _hooked(modules: List[Tuple[str, Any]]) -> PriceTable:
    """The implementations of the hook ``peekr_price``, as one table."""
    import pluggy

    from peekr import hookspecs

    manager = pluggy.PluginManager("peekr")
    manager.add_hookspecs(hookspecs)
    for name, module in modules:
        try:
            manager.register(module, name)
        except Exception as error:
            _say(name, error)
    return lambda model, provider: manager.hook.peekr_price(model=model, provider=provider)


def _say(name: str, error: Exception) -> None:
    """Log each table's first failure of a kind; a configuration mistake in its own words."""
    kind = f"{name}: {type(error).__name__}"
    _said[kind] = _said.get(kind, 0) + 1
    if _said[kind] == 1:
        logger.warning("the price table %r failed and was skipped: %s: %s", name, type(error).__name__, error)


def _after_fork_in_child() -> None:
    """Another thread may have held the lock."""
    _tables.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
