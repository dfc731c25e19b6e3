"""Writing replayed calls into the store that the recorded ones are in."""

from __future__ import annotations

from typing import Any, List, Sequence

import attrs

from peekr.config import Config
from peekr.errors import PluginNotFound, ReplayError
from peekr.participants import Participants
from peekr.parts import Part
from peekr.plugins import driver, load_group
from peekr.process import current_config
from peekr.spans import Span
from peekr.stores import ReadStore


class Writer:
    """Takes spans the way the worker would: redaction, then processors such as cost, then the store.

    It has nothing to do with what :func:`peekr.instrument` set up, but for its settings: it works without, and
    changes nothing where there is. Evaluators, guardrails and alerts are not asked.

    :raises ReplayError: if nothing installed writes to a store of this kind.
    """

    def __init__(self, store: ReadStore) -> None:
        config = attrs.evolve(
            current_config() or Config(), jsonl_path=store.target, db_path=store.target, storage_options={}
        )
        self._exporter = _exporter(store, config)
        participants = Participants()
        participants.load(config)
        self._parts: List[Part] = [part for part in participants.processors if part.name != "retries"]

    def write(self, spans: Sequence[Span]) -> None:
        """Process the spans and make them durable."""
        batch = list(spans)
        for part in self._parts:
            part.run(batch)
        self._exporter.export_batch(batch)
        self._call("flush")

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._call("shutdown")

    def _call(self, name: str) -> None:
        method = getattr(self._exporter, name, None)
        if method is not None:
            method()


def _exporter(store: ReadStore, config: Config) -> Any:
    name = next((name for name, cls in load_group("peekr.stores") if cls is type(store)), "")
    try:
        cls = driver("peekr.exporters", name)
    except PluginNotFound as error:
        raise ReplayError(
            f"nothing that is installed writes to {store.target}, so a replay could not be stored.\n"
            "Copy the trace into a .jsonl or .db file, and replay it from there"
        ) from error
    return cls.from_config(config) if hasattr(cls, "from_config") else cls(**config.options(name))
