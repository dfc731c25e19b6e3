"""What a plugin has to be, as protocols. Public: changed only with a new plugin API version.

Abstract base classes live where they are used: :class:`peekr.stores.ReadStore`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Protocol, Sequence, runtime_checkable

if TYPE_CHECKING:
    from peekr.spans import Span
    from peekr.tracer import Tracer

#: Version of these interfaces and of the hook specifications.
PLUGIN_API_VERSION = 1


@runtime_checkable
class Exporter(Protocol):
    """Takes batches of spans. Group ``peekr.exporters``; the entry's name is the ``storage=`` word.

    Called from one thread of its own. May also have ``flush()``, ``shutdown()``, ``after_fork_in_child()``, the
    class attribute ``supports_update`` (True: an open run may come again when it has ended) and the class method
    ``from_config(config)``; without that it is built as ``Class(**config.options(name))``.

    One that sends later has the class attribute ``on_settled = None``: the pipeline sets it to
    :meth:`peekr.lane.Lane.settle`, to be called with what became of the ended spans. One that may wait for long
    has ``hurry(deadline)``: called from another thread before the last call, with the time.monotonic() by which
    everything has to be done.
    """

    def export_batch(self, spans: Sequence[Span]) -> None:
        """Write the spans; the batch may be empty. An exception counts the whole batch as failed."""


@runtime_checkable
class SpanExporter(Protocol):
    """The small form: called once for each span that has ended."""

    def export(self, span: Span) -> None:
        """Write one span. An exception counts it as failed; the others go on."""


@runtime_checkable
class EventExporter(Protocol):
    """Agent Inspector's form: gets event dicts (see :mod:`peekr.events`) instead of spans."""

    def initialize(self) -> None:
        """Called once before the first batch, in the exporter's thread."""

    def export_batch(self, events: List[Dict[str, Any]]) -> None:
        """Write the events."""

    def shutdown(self) -> None:
        """Called at the end."""


@runtime_checkable
class Provider(Protocol):
    """Patches one library. Group ``peekr.providers``.

    :ivar name: of the provider, as in ``plugins=[...]``.
    :ivar target: the module whose import triggers the patching; the provider never imports it itself. A provider
        of a library with several such modules also has ``targets``, all of them; it is called for each.

    May also have ``probes()``, which returns a :class:`peekr.probes.Suite` for each SDK it patches: what
    ``peekr doctor`` drives to prove that each entry point gives its spans. And ``replayer()``, which returns a
    :class:`peekr.replaying.Replayer`: what ``peekr replay`` sends recorded calls with.
    """

    name: str
    target: str

    def instrument(self, tracer: Tracer) -> None:
        """Patch. Called right after ``target`` was imported, in the importing thread, or at once if it was."""

    def uninstrument(self) -> None:
        """Put everything back. Also called when ``target`` was never imported."""


@runtime_checkable
class Processor(Protocol):
    """Changes spans before storage. Group ``peekr.processors``; a class, built without arguments or by
    ``from_config(config)``.
    """

    def process(self, span: Span) -> None:
        """Change the span in place. Called in the worker. Ten exceptions in a row disable the processor."""


class Sampler(Protocol):
    """Decides which runs are recorded."""

    def should_sample(self, run_id: str, run_name: str, config: Any) -> bool:
        """Return whether to record the run. Called in the thread that opens it."""
