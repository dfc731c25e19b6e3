"""The plugins that take part in a configuration: providers, processors and hooks."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from peekr.attachments import Attachments
from peekr.config import Config
from peekr.errors import ConfigurationError
from peekr.imports import forget, when_imported
from peekr.memory_hits import MemoryHits
from peekr.parts import BatchPart, Part, SelectivePart
from peekr.plugins import Choice, forget_recovered, load_group, record_failure
from peekr.retries import RetryLinks
from peekr.spans import Span
from peekr.threads import ThreadContext
from peekr.tracer import Tracer

logger = logging.getLogger("peekr")

CORE = "peekr-core"


class Participants:
    """Loads plugins for a configuration and keeps those of them that have to be undone."""

    def __init__(self) -> None:
        self.processors: List[Part] = []
        self.start_hooks: Tuple[Part, ...] = ()
        self.end_hooks: Tuple[Part, ...] = ()
        self.trace_end_hooks: Tuple[Part, ...] = ()
        #: Guardrails and redaction, which come before everybody else.
        self.cleaning: Tuple[Part, ...] = ()
        self._tracer = Tracer()
        self._hooks: Any = None
        self._providers: Dict[str, Tuple[Any, Callable[[], None]]] = {}
        self._provider_errors: Dict[str, str] = {}

    # -- processors and hooks ---------------------------------------------------------------------------------

    def load(self, config: Config, guards: Sequence[Part] = ()) -> None:
        """Load processors and hooks; freeze them into tuples.

        :param guards: guardrails that change spans. What they name wins, so they come before redaction (IFACE-9).
        """
        choice = Choice.of(config.plugins)
        self.cleaning = (*guards, *_redaction(config))
        self.processors = [
            _own("attachments", Attachments()),  # what it adds is cleaned like everything else
            *self.cleaning,
            _own("retries", RetryLinks()),
            _own("memory_hits", MemoryHits()),
        ]
        for name, cls in load_group("peekr.processors", choice):
            self._add_processor(name, cls, config)
        self._load_hooks(choice)

    def _add_processor(self, name: str, cls: Any, config: Config) -> None:
        try:
            processor = cls.from_config(config) if hasattr(cls, "from_config") else cls()
            self.processors.append(Part(name, "peekr.processors", processor.process))
        except Exception as error:
            record_failure("peekr.processors", name, error)
            known = isinstance(error, ConfigurationError)  # its message says all there is to say
            logger.warning(
                "processor %r cannot be set up and is skipped: %s", name, error, exc_info=None if known else error
            )

    def _load_hooks(self, choice: Choice) -> None:
        modules = list(load_group("peekr.hooks", choice))
        self._hooks = None
        self.start_hooks = self.end_hooks = self.trace_end_hooks = ()
        if not modules:
            return
        import pluggy

        from peekr import hookspecs

        def manager() -> Any:
            fresh = pluggy.PluginManager("peekr")
            fresh.add_hookspecs(hookspecs)
            return fresh

        self._hooks = manager()
        for name, module in modules:
            try:
                trial = manager()  # one that fails may have been registered in part
                trial.register(module, name)
                trial.check_pending()
                self._hooks.register(module, name)
            except Exception as error:
                record_failure("peekr.hooks", name, error)
                logger.warning("hooks of plugin %r are skipped: %s", name, error)
        self.start_hooks = self._parts("peekr_span_start", "span")
        self.end_hooks = self._parts("peekr_span_end", "span")
        self.trace_end_hooks = self._parts("peekr_trace_end", "trace")

    def _parts(self, hook: str, argument: str) -> Tuple[Part, ...]:
        """Freeze the implementations of a hook, in pluggy's calling order, each guarded for itself."""
        implementations = reversed(getattr(self._hooks.hook, hook).get_hookimpls())
        parts = []
        for implementation in implementations:
            call = _with_arguments(implementation.function, implementation.argnames, argument)
            parts.append(Part(f"{implementation.plugin_name}.{hook}", "peekr.hooks", call))
        return tuple(parts)

    def _call_hook(self, hook: str, **arguments: Any) -> None:
        if self._hooks is None:
            return
        for implementation in reversed(getattr(self._hooks.hook, hook).get_hookimpls()):
            try:
                implementation.function(**{name: arguments[name] for name in implementation.argnames})
            except Exception as error:
                logger.warning("%s of plugin %r failed: %s", hook, implementation.plugin_name, error, exc_info=error)

    # -- providers --------------------------------------------------------------------------------------------

    def instrument(self, config: Config) -> None:
        """Patch every wanted provider's SDK as soon as it is imported; those not wanted any more are undone."""
        self._tracer.capture_io = config.capture_io
        wanted: Dict[str, Any] = {"threads": ThreadContext}
        wanted.update(load_group("peekr.providers", Choice.of(config.plugins)))
        for name in [name for name in self._providers if name not in wanted]:
            self._remove_provider(name)
        for name, entry in wanted.items():
            if name not in self._providers:
                self._add_provider(name, entry)
        forget_recovered()
        self._call_hook("peekr_instrument", config=config)

    def _add_provider(self, name: str, entry: Any) -> None:
        try:
            provider = entry() if isinstance(entry, type) else entry
            targets = getattr(provider, "targets", (provider.target,))
        except Exception as error:
            self._provider_failed(name, error)
            return

        def patch() -> None:
            try:
                provider.instrument(self._tracer)
            except Exception as error:
                self._provider_failed(name, error)

        self._providers[name] = (provider, patch)
        for target in targets:
            when_imported(target, patch)

    def _provider_failed(self, name: str, error: Exception) -> None:
        self._provider_errors[name] = f"{type(error).__name__}: {error}"
        record_failure("peekr.providers", name, error)
        logger.warning("provider %r could not be switched on; its SDK works, untraced: %s", name, error, exc_info=error)

    def _remove_provider(self, name: str) -> None:
        provider, patch = self._providers.pop(name)
        forget(patch)
        try:
            provider.uninstrument()
        except Exception as error:
            self._provider_failed(name, error)

    def uninstrument(self) -> None:
        """Undo every provider."""
        self._call_hook("peekr_uninstrument")
        self._hooks = None
        for name in list(self._providers):
            self._remove_provider(name)

    def _parts_in_use(self) -> Tuple[Part, ...]:
        return (*self.processors, *self.start_hooks, *self.end_hooks, *self.trace_end_hooks)

    def stats(self) -> Dict[str, Any]:
        """The ledgers of all participants by name."""
        from peekr.entries import owners

        whose = owners()
        ledger = {}
        for part in self._parts_in_use():
            ledger[part.name] = part.stats()
            ledger[part.name]["distribution"] = part.distribution or whose.get((part.group, part.plugin))
        for name in (*self._providers, *self._provider_errors):
            error = self._provider_errors.get(name)
            ledger[name] = {
                "group": "peekr.providers",
                "distribution": whose.get(("peekr.providers", name), CORE if name == "threads" else None),
                "errors": 1 if error else 0,
                "last_error": error,
                "disabled": False,
                "seconds": 0.0,
            }
        return ledger


def _own(name: str, processor: Any) -> Part:
    return SelectivePart(name, "peekr.processors", processor, CORE)


def _redaction(config: Config) -> Tuple[Part, ...]:
    if not config.redact:
        return ()
    about = config.trace_config
    part = BatchPart("redaction", "peekr.processors", _late_redaction, CORE)
    if about.where_set("redact_keys") is not None or about.where_set("redact_patterns") is not None:
        from peekr.redaction import Redactor

        part.call = Redactor(config.redact_keys, config.redact_patterns).process_batch  # wrong patterns are told now
    return (part,)


def _late_redaction(batch: List[Span]) -> None:
    """The default redaction, made with the first span: its expressions would be a fifth of instrument()'s time."""
    global _default_redaction
    if _default_redaction is None:
        try:
            with _importing:
                from peekr.redaction import Redactor

                _default_redaction = Redactor().process_batch
        except BaseException:  # the interpreter goes, say: nothing may leave that was not looked at (PIPE-10)
            for span in batch:
                span.attributes, span.payload = {}, None
            raise
    _default_redaction(batch)


_default_redaction: Optional[Callable[[List[Span]], None]] = None
#: A child forked in the midst of an import would wait for it for ever.
_importing = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release
    )


def _with_arguments(call: Callable[..., object], names: Any, subject: str) -> Callable[[Any], object]:
    """Adapt an implementation, which takes what it names, to the one subject that a hook is called with."""
    if subject == "trace":
        return lambda ended: call(**{n: v for n, v in zip(("root", "spans"), ended) if n in names})
    return call if names else lambda _: call()
