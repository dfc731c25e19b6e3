"""The moments a plugin can take part in: hook specifications of pluggy's project ``peekr``.

A plugin is a module or object named by an entry point of the group ``peekr.hooks``; it marks its functions with
:data:`hookimpl`. A hook takes only the arguments it names, so specifications may grow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional

import pluggy

if TYPE_CHECKING:
    from peekr.config import Config
    from peekr.spans import Span

hookspec = pluggy.HookspecMarker("peekr")
hookimpl = pluggy.HookimplMarker("peekr")


@hookspec
def peekr_instrument(config: Config) -> None:
    """Tracing has been switched on.

    Called at the end of :func:`peekr.instrument`, on the calling thread.

    :param config: the settings in force. Read only.
    An exception is logged and recorded; the plugin's other hooks stay.
    """


@hookspec
def peekr_uninstrument() -> None:
    """Tracing is about to be switched off.

    Called at the start of :func:`peekr.uninstrument`, on the calling thread. An exception is logged.
    """


@hookspec
def peekr_span_start(span: Span) -> None:
    """A span has started.

    Called in the traced program's thread for every span, so it must be quick; it may set attributes. The
    implementations are frozen into a tuple at :func:`peekr.instrument`: with none, nothing is called. After ten
    failures in a row an implementation is left out; no exception reaches the traced program.
    """


@hookspec
def peekr_span_end(span: Span) -> None:
    """A span has ended, before it is queued.

    Called in the traced program's thread for every span. It may set attributes; failures as in
    :func:`peekr_span_start`. Reading ``span.attributes`` of an LLM call makes the caller pay for what the
    worker would do otherwise.
    """


@hookspec
def peekr_trace_end(root: Span, spans: List[Span]) -> None:
    """A trace's root span has ended.

    Called in the worker thread, before sampling and exporters.

    :param root: the root.
    :param spans: every span of the trace that ended so far, in end order, the root last; at most 10,000.
    """


@hookspec
def peekr_cli(group: Any) -> None:
    """The ``peekr`` command is being put together.

    Called once per process of the command line, before parsing. Most plugins need only an entry point of the
    group ``peekr.commands``; this hook is for options of the group itself.

    :param group: the :class:`click.Group`.
    """


@hookspec(firstresult=True)
def peekr_price(model: str, provider: Optional[str]) -> Optional[Any]:
    """Look up the price of a model. The first answer that is not None counts.

    Called in the worker thread or by a reader.

    :param model: as the provider names it, for instance ``gpt-4o-2024-08-06``.
    :param provider: ``openai``, ``anthropic``, …, or None where it is not known.
    :return: a price, or None to leave it to others.
    """
