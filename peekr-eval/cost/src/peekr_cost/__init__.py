"""What model calls cost: ``attributes.cost_usd`` on every span of one, and the command ``peekr cost``.

::

    import peekr

    peekr.set_price("my-model", input=1.0, output=4.0)  # dollars for a million tokens; known models need no word
    peekr.instrument()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peekr_cost.overrides import set_price as set_price
    from peekr_cost.overrides import use_prices_file as use_prices_file
    from peekr_cost.table import GenaiPrices as GenaiPrices

__all__ = ["GenaiPrices", "set_price", "use_prices_file"]


def __getattr__(name: str) -> Any:
    """Load each on first use: a program that is traced needs no command."""
    if name == "GenaiPrices":
        from peekr_cost.table import GenaiPrices

        return GenaiPrices
    if name in __all__:
        from peekr_cost import overrides

        return getattr(overrides, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
