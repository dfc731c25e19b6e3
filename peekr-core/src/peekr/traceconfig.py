"""Settings from five places: arguments, the environment, a profile, a file, defaults. In this order."""

from __future__ import annotations

import json
import logging
import os
from typing import Any, Dict, List, Mapping, Optional, Tuple, Type, TypeVar, Union

import attrs

from peekr import configfile
from peekr.delivery import DEFAULT_QUEUE_SIZE
from peekr.errors import ConfigurationError
from peekr.profiles import PROFILES, Profile, profile_named
from peekr.redaction_keys import DEFAULT_KEYS, DEFAULT_PATTERNS
from peekr.settingkinds import Kind, flag, level, limit, path, patterns, rate, texts, whole, words

logger = logging.getLogger("peekr")

Self = TypeVar("Self", bound="TraceConfig")
#: What an argument is that was not given.
_NOT_GIVEN: Any = type("_NotGiven", (), {"__repr__": lambda self: "<not given>"})()
#: Shown in the place of a secret.
MASK = "********"


def _masked(value: Optional[str]) -> str:
    return repr(value if value is None else MASK)


def _setting(default: Any, kind: Kind, meaning: str, env: Optional[str] = None) -> Any:
    about = {"default": default, "kind": kind, "meaning": meaning, "env": env}
    return attrs.field(default=_NOT_GIVEN, metadata=about, repr=_masked if kind.secret else True)


def _given_profile(name: Union[Profile, str, None]) -> Optional[Profile]:
    return None if name is None else _profile(name, "profile")


def _checked(config: TraceConfig, attribute: attrs.Attribute[Any], value: Any) -> Any:
    """Check a value that is assigned later."""
    if attribute.name not in SETTINGS:
        return value
    config._sources[attribute.name] = "argument"
    return _check(attribute.name, value, attribute.name)


@attrs.define(slots=True, kw_only=True, on_setattr=_checked)
class TraceConfig:
    """The settings of tracing, stores and server. The fields are described in ``docs/configuration.md``.

    A field that is not given is looked up: in the environment (``TRACE_…``), then in the profile, then in the file
    ``peekr.config.json`` (or what ``PEEKR_CONFIG`` names), then in the defaults. The profile is the argument's, else
    ``TRACE_PROFILE``'s, else the file's.

    :param profile: ``"production"``, ``"development"`` or ``"debug"``.
    :raises ConfigurationError: (a ValueError) naming the field or variable that is wrong.
    """

    sample_rate: float = _setting(1.0, rate(), "Share of traces to store, decided once a trace.", "SAMPLE_RATE")
    only_on_error: bool = _setting(False, flag(), "Store only traces in which something failed.", "ONLY_ON_ERROR")
    queue_size: int = _setting(DEFAULT_QUEUE_SIZE, whole(1), "Spans that may wait for the worker.", "QUEUE_SIZE")
    batch_size: int = _setting(50, whole(1), "Spans that custom exporters get at a time, at most.", "BATCH_SIZE")
    batch_timeout_ms: int = _setting(
        1000, whole(1), "Milliseconds that a span waits for the worker, at most; 40 suffice.", "BATCH_TIMEOUT"
    )
    block_on_run_end: bool = _setting(False, flag(), "A run's end waits for room in the queue.", "BLOCK_ON_RUN_END")
    run_end_block_timeout_ms: int = _setting(
        5000, whole(1), "Milliseconds that it waits; then it is dropped and counted.", "RUN_END_BLOCK_TIMEOUT"
    )
    redact_keys: List[str] = _setting(  # noqa: RUF009
        DEFAULT_KEYS, texts(), "Values under these keys become `[REDACTED]`, at any depth.", "REDACT_KEYS"
    )
    redact_patterns: List[str] = _setting(  # noqa: RUF009
        DEFAULT_PATTERNS, patterns(), "What these regular expressions find becomes `[REDACTED]`.", "REDACT_PATTERNS"
    )
    encryption_enabled: bool = _setting(False, flag(), "Encrypt content in local stores.", "ENCRYPTION_ENABLED")
    encryption_key: Optional[str] = _setting(
        None, words(optional=True, secret=True), "A Fernet key, or any passphrase.", "ENCRYPTION_KEY"
    )
    db_path: str = _setting("traces.db", path(), "The SQLite database.", "DB_PATH")
    retention_days: int = _setting(30, whole(), "Days that runs are kept by `peekr prune`; 0: all.", "RETENTION_DAYS")
    retention_max_bytes: Optional[int] = _setting(
        None, limit(), "Bytes that `peekr prune` brings the database down to.", "RETENTION_MAX_BYTES"
    )
    api_host: str = _setting("127.0.0.1", words(), "Address that the server listens on.", "API_HOST")
    api_port: int = _setting(8000, whole(0, 65535), "Its port; 0 takes any free one.", "API_PORT")
    api_enabled: bool = _setting(True, flag(), "Whether the server answers under `/v1`.", "API_ENABLED")
    api_key_required: bool = _setting(False, flag(), "Whether `/v1` asks for `api_key`.", "API_KEY_REQUIRED")
    api_key: Optional[str] = _setting(
        None, words(optional=True, secret=True), "What callers send as `X-API-Key`.", "API_KEY"
    )
    api_cors_origins: List[str] = _setting(  # noqa: RUF009
        (), texts(), "Origins whose pages may call the server.", "API_CORS_ORIGINS"
    )
    ui_enabled: bool = _setting(True, flag(), "Whether the server shows the web page.", "UI_ENABLED")
    ui_path: str = _setting("/ui", words(starts="/"), "Where it shows it.", "UI_PATH")
    compression_enabled: bool = _setting(True, flag(), "Compress content in local stores.", "COMPRESSION_ENABLED")
    compression_level: int = _setting(6, whole(1, 9), "From 1, fast, to 9, small.", "COMPRESSION_LEVEL")
    log_level: str = _setting("INFO", level(), "Of the logger `peekr`, where set.", "LOG_LEVEL")
    log_path: Optional[str] = _setting(
        None, path(optional=True), "File that the logger `peekr` writes to as well.", "LOG_PATH"
    )
    profile: Optional[Profile] = attrs.field(default=None, eq=False, converter=_given_profile)
    _sources: Dict[str, str] = attrs.field(init=False, repr=False, eq=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        given = {name: getattr(self, name) for name in SETTINGS if getattr(self, name) is not _NOT_GIVEN}
        profile, values, sources = _resolve(given, self.profile)
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self.profile = profile
        self._sources = sources
        _check_together(self)

    # -- other ways to make one -------------------------------------------------------------------------------

    @classmethod
    def production(cls: Type[Self], **values: Any) -> Self:
        """1 % of traces, compressed and, with a key, encrypted; warnings only."""
        return cls(profile=Profile.PRODUCTION, **values)

    @classmethod
    def development(cls: Type[Self], **values: Any) -> Self:
        """Half of the traces, compressed."""
        return cls(profile=Profile.DEVELOPMENT, **values)

    @classmethod
    def debug(cls: Type[Self], **values: Any) -> Self:
        """Every trace, readable as it is; everything is logged."""
        return cls(profile=Profile.DEBUG, **values)

    @classmethod
    def from_dict(cls: Type[Self], values: Mapping[str, Any]) -> Self:
        """Make one of a mapping, as arguments; the inverse of :meth:`to_dict`.

        :raises ConfigurationError: naming a key that is no setting, or the wrong value.
        """
        if not isinstance(values, Mapping):
            raise ConfigurationError(
                f"a configuration must be a mapping, got {type(values).__name__}.\nFor instance: {{'sample_rate': 0.5}}"
            )
        _refuse_unknown(values, "TraceConfig", ("profile",))
        return cls(**values)

    @classmethod
    def from_json(cls: Type[Self], text: Union[str, bytes]) -> Self:
        """Make one of a JSON object; the inverse of :meth:`to_json`.

        :raises ConfigurationError: if it is none, or as :meth:`from_dict`.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"a configuration must be JSON: {error}.\nSee: peekr config --show") from None
        return cls.from_dict(values)

    # -- reading ----------------------------------------------------------------------------------------------

    def to_dict(self, *, mask_secrets: bool = False) -> Dict[str, Any]:
        """Return every field as plain values.

        :param mask_secrets: show asterisks for the keys, for what others may see.
        """
        out: Dict[str, Any] = {}
        for name, about in SETTINGS.items():
            value = getattr(self, name)
            if mask_secrets and about["kind"].secret and value is not None:
                value = MASK
            out[name] = list(value) if isinstance(value, list) else value
        return out

    def to_json(self, *, mask_secrets: bool = False) -> str:
        """Return :meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict(mask_secrets=mask_secrets), indent=2, ensure_ascii=False)

    def source_of(self, name: str) -> str:
        """Return where a value came from: ``argument``, ``environment``, ``profile``, ``file`` or ``default``."""
        return self._sources.get(name, "argument")

    def where_set(self, name: str) -> Any:
        """Return a field's value, or None where nobody set it: the default is in force."""
        return None if self.source_of(name) == "default" else getattr(self, name)

    # -- changing ---------------------------------------------------------------------------------------------

    def add_redaction_key(self, key: str) -> None:
        """Redact the values under one more key."""
        self.redact_keys = [*self.redact_keys, key]

    def add_redaction_pattern(self, pattern: str) -> None:
        """Redact what one more regular expression finds.

        :raises ConfigurationError: if it is none.
        """
        self.redact_patterns = [*self.redact_patterns, pattern]


#: Field → its default, kind, meaning, and variable without ``TRACE_``.
SETTINGS: Dict[str, Mapping[str, Any]] = {}
SETTINGS.update((field.name, field.metadata) for field in attrs.fields(TraceConfig) if "kind" in field.metadata)


def _check(name: str, value: Any, where: str) -> Any:
    kind: Kind = SETTINGS[name]["kind"]
    try:
        return kind.check(value)
    except ValueError as error:
        raise _wrong(name, value, where, error) from None


def _wrong(name: str, value: Any, where: str, error: ValueError) -> ConfigurationError:
    about = SETTINGS[name]
    got = "" if about["kind"].secret else f", got {value!r}"
    default = "" if isinstance(about["default"], (list, tuple)) else f": {about['default']!r}"
    return ConfigurationError(f"{where} {error}{got}.\nCorrect it, or leave it out for the default{default}")


def _refuse_unknown(values: Mapping[str, Any], where: str, others: Tuple[str, ...]) -> None:
    unknown = sorted(str(name) for name in values if name not in SETTINGS and name not in others)
    if unknown:
        raise ConfigurationError(
            f"{where} knows no setting {', '.join(map(repr, unknown))}.\nList them with: python -m peekr.settings_table"
        )


def _from_environment() -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for name, about in SETTINGS.items():
        variable = f"TRACE_{about['env']}"
        text = os.environ.get(variable)
        if text is None or (not text.strip() and name != "retention_max_bytes"):
            continue
        kind: Kind = about["kind"]
        try:
            found[name] = kind.check(kind.read(text))
        except ValueError as error:
            raise _wrong(name, text, variable, error) from None
    return found


def _from_file() -> Dict[str, Any]:
    """Return the file's settings, checked; its profile under ``profile``, the key of its key file as the key."""
    values = configfile.read_config_file()
    where = configfile.config_path()
    _refuse_unknown(values, where, (configfile.PROFILE, configfile.KEY_FILE))
    found = {name: _check(name, value, f"{name} in {where}") for name, value in values.items() if name in SETTINGS}
    if values.get(configfile.PROFILE) is not None:
        found["profile"] = _profile(values[configfile.PROFILE], f"profile in {where}")
    keys = configfile.key_file(values)
    key = configfile.read_key(keys) if keys else None
    if key:
        found.setdefault("encryption_key", key)
    return found


def _profile(name: Any, where: str) -> Profile:
    try:
        return profile_named(name)
    except ValueError as error:
        raise ConfigurationError(f"{where} {error}, got {name!r}.\nSee: peekr config --profile") from None


def _resolve(
    given: Mapping[str, Any], profile: Optional[Profile]
) -> Tuple[Optional[Profile], Dict[str, Any], Dict[str, str]]:
    arguments = {name: _check(name, value, name) for name, value in given.items()}
    environment, file = _from_environment(), _from_file()
    in_file = file.pop("profile", None)
    named = os.environ.get("TRACE_PROFILE")
    chosen = profile or (_profile(named, "TRACE_PROFILE") if named and named.strip() else in_file)
    layers = (
        ("argument", arguments),
        ("environment", environment),
        ("profile", PROFILES[chosen] if chosen is not None else {}),
        ("file", file),
        ("default", {name: about["default"] for name, about in SETTINGS.items()}),
    )
    values, sources = {}, {}
    for name in SETTINGS:
        sources[name], layer = next((source, layer) for source, layer in layers if name in layer)
        value = layer[name]
        values[name] = list(value) if isinstance(value, (list, tuple)) else value
    return chosen, values, sources


def _check_together(config: TraceConfig) -> None:
    """Check what depends on two fields. A profile that wants encryption gives way where there is no key (CONF-8)."""
    if config.encryption_enabled and not (config.encryption_key or "").strip():
        if config.source_of("encryption_enabled") != "profile":
            raise ConfigurationError(
                f"{_label(config, 'encryption_enabled')} asks for encryption, but there is no encryption_key.\n"
                "Set TRACE_ENCRYPTION_KEY, or run: peekr init --profile production"
            )
        object.__setattr__(config, "encryption_enabled", False)
        logger.warning(
            "the production profile has no encryption_key: encryption is off and content is stored readable.\n"
            "Set TRACE_ENCRYPTION_KEY, or run: peekr init --profile production"
        )
    if config.api_key_required and not (config.api_key or "").strip():
        raise ConfigurationError(
            f"{_label(config, 'api_key_required')} asks for a key, but there is no api_key.\nSet TRACE_API_KEY"
        )


def _label(config: TraceConfig, name: str) -> str:
    source = config.source_of(name)
    if source == "environment":
        return f"TRACE_{SETTINGS[name]['env']}"
    return f"{name} in {configfile.config_path()}" if source == "file" else name
