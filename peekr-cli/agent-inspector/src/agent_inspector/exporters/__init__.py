"""Exporters: the names of :mod:`peekr.exporters`, and those that Agent Inspector has beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from peekr import CompositeExporter as CompositeExporter
from peekr import Exporter as Exporter
from peekr import StorageExporter as StorageExporter
from peekr import exporters

if TYPE_CHECKING:
    from peekr.exporters import *  # noqa: F403


def __getattr__(name: str) -> Any:
    """Return what is called so in :mod:`peekr.exporters`."""
    return getattr(exporters, name)


def __dir__() -> List[str]:
    return sorted({*dir(exporters), "CompositeExporter", "Exporter", "StorageExporter"})
