"""What :func:`peekr.instrument` was asked for, checked."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Union

import attrs

from peekr.delivery import DEFAULT_QUEUE_SIZE
from peekr.errors import ConfigurationError
from peekr.globalconfig import get_config
from peekr.scope import Scope
from peekr.traceconfig import TraceConfig


class _Default(str):
    """A default that can be told from the same value given on purpose."""

    __slots__ = ()


DEFAULT_STORAGE = _Default("jsonl")
DEFAULT_DB_PATH = _Default("traces.db")


def _number(name: str, value: Any, low: float, high: Optional[float] = None) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise ConfigurationError(f"{name} must be a number, got {value!r}.")
    if value < low or (high is not None and value > high):
        span = f"between {low:g} and {high:g}" if high is not None else f"{low:g} or more"
        raise ConfigurationError(f"{name} must be {span}, got {value!r}.")
    return value


@attrs.define(slots=True, frozen=True)
class Config:
    """The settings in force; the fields are the arguments of :func:`peekr.instrument`.

    :ivar storage: names of exporters, in order.
    :ivar trace_config: what the arguments leave open; those of them that are fields here too win.
    """

    console: bool = True
    storage: Sequence[str] = (DEFAULT_STORAGE,)
    jsonl_path: Optional[str] = "traces.jsonl"
    db_path: Optional[str] = "traces.db"
    tenant_id: Optional[str] = None
    retention_class: Optional[str] = None
    exporter: Any = None
    capture_io: bool = True
    sample_rate: float = 1.0
    keep_errors: bool = False
    only_on_error: bool = False
    sampler: Any = None
    plugins: Optional[Sequence[str]] = None
    storage_options: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, repr=False)  # may hold keys
    queue_size: int = DEFAULT_QUEUE_SIZE
    queue_full: str = "drop"
    shutdown_timeout: float = 3.0
    alerts: Sequence[Any] = ()
    evaluators: Sequence[Any] = ()
    guardrails: Sequence[Any] = ()
    compliance: Sequence[str] = ()
    evaluate_filter: Any = None
    async_eval: bool = True
    budget_alert: Any = None
    redact: bool = True
    synchronous: bool = False
    trace_config: TraceConfig = attrs.field(factory=get_config)

    @property
    def redact_keys(self) -> List[str]:
        """Keys whose values are redacted."""
        return self.trace_config.redact_keys

    @property
    def redact_patterns(self) -> List[str]:
        """Regular expressions whose matches are redacted."""
        return self.trace_config.redact_patterns

    def sealing_options(self) -> Dict[str, Any]:
        """Return how content is compressed and encrypted in local stores, as keyword arguments. Not to be shown."""
        names = ("compression_enabled", "compression_level", "encryption_enabled", "encryption_key")
        return {name: getattr(self.trace_config, name) for name in names}

    def options(self, name: str) -> Dict[str, Any]:
        """Return the keyword arguments for the exporter of this name."""
        given: Dict[str, Any] = {}
        path = {"jsonl": self.jsonl_path, "sqlite": self.db_path}.get(name)
        if path is not None:
            given["path"] = path
        given.update(self.storage_options.get(name, {}))
        return given

    def root_scope(self) -> Scope:
        """Return what spans outside of any session carry: the arguments, else the environment."""
        return Scope(
            tenant_id=self.tenant_id or os.environ.get("PEEKR_TENANT_ID") or None,
            retention_class=self.retention_class or os.environ.get("PEEKR_RETENTION_CLASS") or None,
        )


def storage_names(storage: Union[str, Sequence[str], None], jsonl_path: Any, db_path: Any) -> List[str]:
    """Return the exporters that ``storage=`` asks for; a path of None switches that store off.

    :raises ConfigurationError: if it is neither text nor a list of texts.
    """
    words = [storage] if isinstance(storage, str) or not isinstance(storage, Iterable) else list(storage)
    names: List[str] = []
    for word in words if storage is not None else ():
        if not isinstance(word, str) or not word:
            raise ConfigurationError(_no_storage(storage))
        names += ["jsonl", "sqlite"] if word == "both" else [str(word)]
    off = {name for name, path in (("jsonl", jsonl_path), ("sqlite", db_path)) if path is None}
    return [name for name in dict.fromkeys(names) if name not in off]


def _no_storage(storage: Any) -> str:
    from peekr.entries import names_of

    known = ", ".join(sorted(names_of("peekr.exporters"))) or "none"
    return (
        f"storage must be a name such as 'jsonl', 'sqlite' or 'both', or a list of names, got {storage!r}; "
        f"installed: {known}.\nList what is installed with: peekr plugins list"
    )


def path_text(name: str, path: Any) -> Optional[str]:
    """Return a path given as text or os.PathLike as text.

    :raises ConfigurationError: if it is neither, or bytes.
    """
    text = path if path is None else os.fspath(path) if isinstance(path, (str, os.PathLike)) else b""
    if isinstance(text, bytes):
        raise ConfigurationError(f"{name} must be the path of a file, got {path!r}.")
    return text


def checked(config: Config) -> Config:
    """Return the settings, or raise what is wrong with them.

    :raises ConfigurationError: naming the argument and its value.
    """
    _number("sample_rate", config.sample_rate, 0, 1)
    _number("shutdown_timeout", config.shutdown_timeout, 0)
    _number("queue_size", config.queue_size, 1)
    if config.queue_size % 1:
        raise ConfigurationError(f"queue_size must be a whole number, got {config.queue_size!r}.")
    if config.queue_full not in ("drop", "block"):
        raise ConfigurationError(f"queue_full must be 'drop' or 'block', got {config.queue_full!r}.")
    for name in ("tenant_id", "retention_class"):
        value = getattr(config, name)
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(f"{name} must be text, got {value!r}.")
    plugins = config.plugins
    if plugins is not None and (
        isinstance(plugins, str)
        or not isinstance(plugins, Iterable)
        or not all(isinstance(name, str) for name in plugins)
    ):
        raise ConfigurationError(f"plugins must be a list of names, got {plugins!r}.")
    for name in ("alerts", "evaluators", "guardrails", "compliance"):
        value = getattr(config, name)
        if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
            raise ConfigurationError(f"{name} must be a list, got {value!r}.\nWrite {name}=[...]")
    if config.evaluate_filter is not None and not callable(config.evaluate_filter):
        raise ConfigurationError(
            f"evaluate_filter must be a function of a span, got {config.evaluate_filter!r}.\n"
            "For instance: evaluate_filter=lambda span: span.tenant_id == 'acme'"
        )
    if not isinstance(config.storage_options, Mapping):
        raise ConfigurationError(f"storage_options must be a mapping, got {config.storage_options!r}.")
    for name, options in config.storage_options.items():
        if not isinstance(options, Mapping):
            raise ConfigurationError(f"storage_options[{name!r}] must be a mapping, got {options!r}.")
    return config
