"""TraceConfig: its fields, where their values come from, and what is wrong with wrong ones."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

import peekr
from peekr import Profile, TraceConfig
from peekr.errors import ConfigurationError
from peekr.traceconfig import SETTINGS

DEFAULTS: Dict[str, Any] = {
    "sample_rate": 1.0,
    "only_on_error": False,
    "queue_size": 250_000,
    "batch_size": 50,
    "batch_timeout_ms": 1000,
    "block_on_run_end": False,
    "run_end_block_timeout_ms": 5000,
    "encryption_enabled": False,
    "encryption_key": None,
    "db_path": "traces.db",
    "retention_days": 30,
    "retention_max_bytes": None,
    "api_host": "127.0.0.1",
    "api_port": 8000,
    "api_enabled": True,
    "api_key_required": False,
    "api_key": None,
    "api_cors_origins": [],
    "ui_enabled": True,
    "ui_path": "/ui",
    "compression_enabled": True,
    "compression_level": 6,
    "log_level": "INFO",
    "log_path": None,
}
#: Field → text of its variable → the value that this is.
FROM_TEXT = {
    "sample_rate": ("SAMPLE_RATE", "0.25", 0.25),
    "only_on_error": ("ONLY_ON_ERROR", "YES", True),
    "queue_size": ("QUEUE_SIZE", "1000", 1000),
    "batch_size": ("BATCH_SIZE", "7", 7),
    "batch_timeout_ms": ("BATCH_TIMEOUT", "250", 250),
    "block_on_run_end": ("BLOCK_ON_RUN_END", "1", True),
    "run_end_block_timeout_ms": ("RUN_END_BLOCK_TIMEOUT", "100", 100),
    "redact_keys": ("REDACT_KEYS", "password, api_key,token", ["password", "api_key", "token"]),
    "redact_patterns": ("REDACT_PATTERNS", r'["a{1,3}", "\\d+"]', ["a{1,3}", r"\d+"]),
    "encryption_enabled": ("ENCRYPTION_ENABLED", "False", False),
    "encryption_key": ("ENCRYPTION_KEY", "your-secret-key-here", "your-secret-key-here"),
    "db_path": ("DB_PATH", "x.db", "x.db"),
    "retention_days": ("RETENTION_DAYS", "7", 7),
    "retention_max_bytes": ("RETENTION_MAX_BYTES", "200000", 200000),
    "api_host": ("API_HOST", "0.0.0.0", "0.0.0.0"),
    "api_port": ("API_PORT", "9000", 9000),
    "api_enabled": ("API_ENABLED", "no", False),
    "api_key_required": ("API_KEY_REQUIRED", "false", False),
    "api_key": ("API_KEY", "k", "k"),
    "api_cors_origins": ("API_CORS_ORIGINS", "https://a.example", ["https://a.example"]),
    "ui_enabled": ("UI_ENABLED", "0", False),
    "ui_path": ("UI_PATH", "/look", "/look"),
    "compression_enabled": ("COMPRESSION_ENABLED", "false", False),
    "compression_level": ("COMPRESSION_LEVEL", "9", 9),
    "log_level": ("LOG_LEVEL", "warning", "WARNING"),
    "log_path": ("LOG_PATH", "x.log", "x.log"),
}


@pytest.fixture(autouse=True)
def no_global_config() -> Any:
    yield
    peekr.set_config(None)


@pytest.fixture
def write() -> Callable[..., None]:
    """Writes the configuration file of the working directory."""
    return lambda **values: Path("peekr.config.json").write_text(json.dumps(values), encoding="utf-8")  # type: ignore


def test_the_fields_have_the_documented_defaults() -> None:
    """CONF-1"""
    shown = TraceConfig().to_dict()
    keys, patterns = shown.pop("redact_keys"), shown.pop("redact_patterns")
    assert shown == DEFAULTS
    assert {"password", "api_key", "token", "secret", "authorization"} <= set(keys)
    assert len(patterns) == 3


@pytest.mark.parametrize("name", FROM_TEXT)
def test_every_field_has_a_variable(name: str, monkeypatch: Any) -> None:
    """CONF-2"""
    variable, text, value = FROM_TEXT[name]
    monkeypatch.setenv(f"TRACE_{variable}", text)
    config = TraceConfig()
    assert getattr(config, name) == value
    assert config.source_of(name) == "environment"


def test_no_field_is_missing_in_the_tests_above() -> None:
    """CONF-1, CONF-2"""
    assert set(FROM_TEXT) == set(SETTINGS) == {*DEFAULTS, "redact_keys", "redact_patterns"}


@pytest.mark.parametrize("text", ["", "0"])
def test_no_limit_is_an_empty_variable_or_zero(text: str, monkeypatch: Any) -> None:
    """CONF-2"""
    monkeypatch.setenv("TRACE_RETENTION_MAX_BYTES", text)
    assert TraceConfig().retention_max_bytes is None


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: Any) -> None:
    """CONF-2"""
    for variable, _, _ in FROM_TEXT.values():
        monkeypatch.setenv(f"TRACE_{variable}", "")
    monkeypatch.setenv("TRACE_PROFILE", " ")
    assert TraceConfig().to_dict() == {
        **DEFAULTS,
        "redact_keys": list(SETTINGS["redact_keys"]["default"]),
        "redact_patterns": list(SETTINGS["redact_patterns"]["default"]),
    }


def test_the_whole_environment_of_the_examples_is_understood(monkeypatch: Any) -> None:
    """CONF-2, C-25: example E4-04."""
    for variable, text, _ in FROM_TEXT.values():
        monkeypatch.setenv(f"TRACE_{variable}", text)
    monkeypatch.setenv("TRACE_PROFILE", "development")
    monkeypatch.setenv("TRACE_ENCRYPTION_ENABLED", "true")
    monkeypatch.setenv("TRACE_RETENTION_MAX_BYTES", "")
    config = TraceConfig()
    assert (config.sample_rate, config.db_path, config.retention_max_bytes) == (0.25, "x.db", None)
    assert config.encryption_enabled
    assert TraceConfig(sample_rate=1.0).sample_rate == 1.0


def test_argument_environment_profile_file_default_in_this_order(monkeypatch: Any, write: Any) -> None:
    """CONF-4, C-18, C-25: taking away the winner lets the next one through."""
    write(sample_rate=0.3, profile="development", retention_days=9)
    monkeypatch.setenv("TRACE_SAMPLE_RATE", "0.4")
    found: List[Any] = [TraceConfig(sample_rate=0.6)]
    found.append(TraceConfig())
    monkeypatch.delenv("TRACE_SAMPLE_RATE")
    found.append(TraceConfig())
    write(sample_rate=0.3)
    found.append(TraceConfig())
    os.unlink("peekr.config.json")
    found.append(TraceConfig())
    assert [config.sample_rate for config in found] == [0.6, 0.4, 0.5, 0.3, 1.0]
    sources = ["argument", "environment", "profile", "file", "default"]
    assert [config.source_of("sample_rate") for config in found] == sources
    assert found[0].retention_days == 9


def test_the_profile_is_the_arguments_then_the_environments_then_the_files(monkeypatch: Any, write: Any) -> None:
    """CONF-4"""
    write(profile="debug")
    assert TraceConfig().profile is Profile.DEBUG
    monkeypatch.setenv("TRACE_PROFILE", "Development")
    assert TraceConfig().profile is Profile.DEVELOPMENT
    assert TraceConfig.debug().sample_rate == 1.0
    assert TraceConfig(profile="debug").profile is Profile.DEBUG


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"sample_rate": -0.1}, "sample_rate"),
        ({"sample_rate": 1.1}, "between 0 and 1, got 1.1"),
        ({"sample_rate": "much"}, "sample_rate"),
        ({"sample_rate": float("nan")}, "sample_rate"),
        ({"sample_rate": True}, "sample_rate"),
        ({"queue_size": 0}, "queue_size must be a whole number, 1 or more, got 0"),
        ({"batch_size": -1}, "batch_size"),
        ({"batch_timeout_ms": 0}, "batch_timeout_ms"),
        ({"run_end_block_timeout_ms": 0}, "run_end_block_timeout_ms"),
        ({"queue_size": 1.5}, "queue_size"),
        ({"compression_level": 0}, "compression_level must be a whole number, between 1 and 9"),
        ({"compression_level": 10}, "compression_level"),
        ({"log_level": "LOUD"}, "log_level must be one of DEBUG"),
        ({"profile": "prod"}, "profile must be 'production'"),
        ({"redact_patterns": ["("]}, "redact_patterns must be regular expressions"),
        ({"redact_keys": "password"}, "redact_keys must be a list"),
        ({"redact_keys": [""]}, "redact_keys"),
        ({"encryption_enabled": True}, "encryption_enabled asks for encryption, but there is no encryption_key"),
        ({"encryption_enabled": True, "encryption_key": ""}, "encryption_key"),
        ({"api_key_required": True}, "api_key_required asks for a key"),
        ({"retention_days": 1.5}, "retention_days"),
        ({"encryption_enabled": True, "encryption_key": "  "}, "encryption_key"),
        ({"retention_max_bytes": 0}, "retention_max_bytes"),
        ({"api_port": 70000}, "api_port"),
        ({"db_path": ""}, "db_path must be the path of a file"),
        ({"ui_path": "ui"}, "ui_path must be text that begins with '/'"),
        ({"only_on_error": "yes"}, "only_on_error must be True or False"),
    ],
)
def test_a_wrong_value_names_its_field(values: Dict[str, Any], said: str) -> None:
    """CONF-5"""
    with pytest.raises(ValueError) as caught:
        TraceConfig(**values)
    assert said in str(caught.value)
    assert isinstance(caught.value, ConfigurationError)
    assert "\n" in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("TRACE_SAMPLE_RATE", "2"),
        ("TRACE_SAMPLE_RATE", "often"),
        ("TRACE_QUEUE_SIZE", "0"),
        ("TRACE_BATCH_TIMEOUT", "-5"),
        ("TRACE_PROFILE", "fast"),
        ("TRACE_LOG_LEVEL", "shout"),
        ("TRACE_COMPRESSION_LEVEL", "11"),
        ("TRACE_REDACT_PATTERNS", "("),
        ("TRACE_ONLY_ON_ERROR", "perhaps"),
        ("TRACE_ENCRYPTION_ENABLED", "true"),
        ("TRACE_API_KEY_REQUIRED", "true"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, text: str, monkeypatch: Any) -> None:
    """CONF-5: also by instrument(), before anything is installed."""
    monkeypatch.setenv(variable, text)
    with pytest.raises(ValueError, match=variable):
        TraceConfig()
    with pytest.raises(ValueError, match=variable):
        peekr.instrument(console=False, storage=None, plugins=[])
    assert not Path("traces.jsonl").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "must hold a JSON object, not list"),
        ('{"sample_rat": 1}', "knows no setting 'sample_rat'"),
        ('{"sample_rate": 7}', "sample_rate in peekr.config.json must be"),
        ('{"profile": "x"}', "profile in peekr.config.json must be"),
        ('{"encryption_enabled": true}', "encryption_enabled in peekr.config.json asks"),
        ('{"encryption_key_file": 3}', "encryption_key_file"),
    ],
)
def test_a_wrong_file_is_named(content: str, said: str) -> None:
    """CONF-5"""
    Path("peekr.config.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        TraceConfig()
    assert said in str(caught.value)


def test_another_file_may_be_named(tmp_path: Path, monkeypatch: Any) -> None:
    """C-18"""
    path = tmp_path / "elsewhere.json"
    monkeypatch.setenv("PEEKR_CONFIG", str(path))
    with pytest.raises(ConfigurationError, match="PEEKR_CONFIG names"):
        TraceConfig()
    path.write_text('{"batch_size": 3}', encoding="utf-8")
    assert TraceConfig().batch_size == 3


def test_a_value_that_is_assigned_later_is_checked_too() -> None:
    """CONF-5"""
    config = TraceConfig()
    with pytest.raises(ValueError, match="sample_rate"):
        config.sample_rate = 3
    config.sample_rate = 0.5
    assert (config.sample_rate, config.source_of("sample_rate")) == (0.5, "argument")
    with pytest.raises(AttributeError):
        config.sampel_rate = 1  # type: ignore[attr-defined]


# -- profiles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "rate", "compressed", "level", "batch", "queue"),
    [
        (TraceConfig.production, 0.01, 6, "WARNING", 100, 1000),
        (TraceConfig.development, 0.5, 3, "INFO", 50, 1000),
        (TraceConfig.debug, 1.0, None, "DEBUG", 10, 2000),
    ],
)
def test_profiles(make: Any, rate: float, compressed: Any, level: str, batch: int, queue: int) -> None:
    """CONF-3"""
    config = make(encryption_key="k")
    assert (config.sample_rate, config.log_level, config.batch_size, config.queue_size) == (rate, level, batch, queue)
    assert config.compression_enabled is (compressed is not None)
    assert config.compression_level == (compressed or 6)
    assert config.encryption_enabled is (make == TraceConfig.production)


def test_production_without_a_key_says_how_to_get_one(warnings: Any) -> None:
    """CONF-8, C-22"""
    assert TraceConfig.production().encryption_enabled is False
    (said,) = warnings()
    assert "TRACE_ENCRYPTION_KEY" in said and "peekr init --profile production" in said
    with pytest.raises(ValueError, match="encryption_enabled"):
        TraceConfig.production(encryption_enabled=True)


def test_the_key_file_is_found_from_the_configuration_file(tmp_path: Path, monkeypatch: Any, write: Any) -> None:
    """CONF-8: relative to the configuration file."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "t.key").write_text("from the file\n", encoding="utf-8")
    (tmp_path / "conf" / "c.json").write_text('{"encryption_key_file": "t.key"}', encoding="utf-8")
    monkeypatch.setenv("PEEKR_CONFIG", str(tmp_path / "conf" / "c.json"))
    config = TraceConfig.production()
    assert (config.encryption_enabled, config.encryption_key) == (True, "from the file")
    assert TraceConfig(encryption_key="given").encryption_key == "given"
    monkeypatch.setenv("TRACE_ENCRYPTION_KEY", "variable")
    assert TraceConfig().encryption_key == "variable"


def test_a_key_file_that_cannot_be_read_counts_only_where_something_is_encrypted(write: Any, warnings: Any) -> None:
    """CONF-8"""
    write(encryption_key_file="gone.key", profile="debug")
    assert TraceConfig().encryption_key is None
    assert TraceConfig.production().encryption_enabled is False
    assert len(warnings()) == 1


# -- as data --------------------------------------------------------------------------------------------------------


def test_a_configuration_survives_the_way_through_dict_and_json(monkeypatch: Any) -> None:
    """CONF-6"""
    config = TraceConfig.production(encryption_key="k", redact_keys=["x"], retention_max_bytes=10)
    monkeypatch.setenv("TRACE_SAMPLE_RATE", "0.9")
    assert TraceConfig.from_dict(config.to_dict()) == config
    assert TraceConfig.from_json(config.to_json()) == config
    assert json.loads(config.to_json())["encryption_key"] == "k"


@pytest.mark.parametrize("wrong", ["{", "[]", '{"nonsense": 1}', '{"sample_rate": 2}'])
def test_wrong_json_is_refused(wrong: str) -> None:
    """CONF-5, CONF-6"""
    with pytest.raises(ValueError):
        TraceConfig.from_json(wrong)


def test_keys_are_never_shown() -> None:
    """CONF-1: not in a repr, and not in what others may see."""
    config = TraceConfig(encryption_key="hunter2", api_key="hunter3")
    for shown in (repr(config), str(config), config.to_json(mask_secrets=True)):
        assert "hunter" not in shown
    assert TraceConfig().to_dict(mask_secrets=True)["api_key"] is None
    with pytest.raises(ValueError) as caught:
        TraceConfig(encryption_key=["hunter2"])  # type: ignore[arg-type]
    assert "hunter" not in str(caught.value)


def test_redaction_can_be_added_to() -> None:
    """CONF-6"""
    config = TraceConfig()
    config.add_redaction_key("iban")
    config.add_redaction_pattern(r"DE\d+")
    assert config.redact_keys[-1] == "iban" and len(config.redact_keys) > 5
    assert config.redact_patterns[-1] == r"DE\d+"
    with pytest.raises(ValueError, match="redact_patterns"):
        config.add_redaction_pattern("(")
    assert "iban" not in TraceConfig().redact_keys


def test_there_is_one_global_configuration() -> None:
    """CONF-6"""
    assert peekr.get_config() is peekr.get_config()
    mine = TraceConfig(sample_rate=0.5)
    peekr.set_config(mine)
    assert peekr.get_config() is mine
    with pytest.raises(ValueError, match="TraceConfig"):
        peekr.set_config({"sample_rate": 1})  # type: ignore[arg-type]
    peekr.set_config(None)
    assert peekr.get_config() is not mine


def test_the_global_configuration_follows_its_surroundings(monkeypatch: Any, write: Any) -> None:
    """CONF-6, C-18"""
    assert peekr.get_config().batch_size == 50
    monkeypatch.setenv("TRACE_BATCH_SIZE", "5")
    assert peekr.get_config().batch_size == 5
    monkeypatch.delenv("TRACE_BATCH_SIZE")
    write(batch_size=6)
    assert peekr.get_config().batch_size == 6


# -- what instrument() makes of it ----------------------------------------------------------------------------------


def test_what_instrument_is_not_told_comes_from_the_configuration(monkeypatch: Any) -> None:
    """CONF-4, INST-2"""
    from peekr.lifecycle import current_config

    peekr.set_config(TraceConfig(sample_rate=0.5, queue_size=10, only_on_error=True, db_path="mine.db"))
    peekr.instrument(console=False, storage=None, plugins=[])
    config: Any = current_config()
    assert (config.sample_rate, config.queue_size, config.only_on_error) == (0.5, 10, True)
    assert config.db_path == "mine.db"
    peekr.instrument(console=False, storage=None, plugins=[], sample_rate=1.0, queue_size=7, db_path="given.db")
    config = current_config()
    assert (config.sample_rate, config.queue_size, config.db_path) == (1.0, 7, "given.db")


def test_the_keys_are_not_in_the_repr_of_what_plugins_get() -> None:
    from peekr.lifecycle import current_config

    peekr.set_config(TraceConfig(encryption_key="hunter2", encryption_enabled=True))
    peekr.instrument(console=False, storage=None, plugins=[])
    config: Any = current_config()
    assert "hunter2" not in repr(config)
    assert config.sealing_options()["encryption_key"] == "hunter2"


def test_the_logger_is_left_alone_unless_a_level_is_set(monkeypatch: Any, tmp_path: Path) -> None:
    """CONF-1: log_level, log_path."""
    logger = logging.getLogger("peekr")
    before = (logger.level, list(logger.handlers))
    peekr.instrument(console=False, storage=None, plugins=[])
    assert (logger.level, list(logger.handlers)) == before
    monkeypatch.setenv("TRACE_LOG_LEVEL", "error")
    monkeypatch.setenv("TRACE_LOG_PATH", str(tmp_path / "p.log"))
    peekr.instrument(console=False, storage=None, plugins=[])
    assert logger.level == logging.ERROR
    logger.error("something happened")
    peekr.uninstrument()
    assert "ERROR peekr: something happened" in (tmp_path / "p.log").read_text(encoding="utf-8")
    assert (logger.level, list(logger.handlers)) == (logging.NOTSET, before[1])


def test_a_log_file_that_cannot_be_written_is_refused_at_once(monkeypatch: Any, tmp_path: Path) -> None:
    """CONF-5"""
    monkeypatch.setenv("TRACE_LOG_PATH", str(tmp_path / "no" / "p.log"))
    with pytest.raises(ConfigurationError, match="log_path"):
        peekr.instrument(console=False, storage=None, plugins=[])


def test_runs_without_instrument_go_to_the_configured_database(python: Any) -> None:
    """AGENT-14, C-14; example E4-05: set_config() counts from the next run on, in an open run not yet."""
    pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")
    out = python("""
        import peekr
        for name in ("one.db", "two.db"):
            peekr.set_config(peekr.TraceConfig(db_path=name))
            with peekr.trace.run(name):
                pass
        peekr.flush(10)
        for name in ("one.db", "two.db"):
            print(peekr.query(name, "SELECT name FROM runs"))
    """)
    assert out == "[{'name': 'one.db'}]\n[{'name': 'two.db'}]\n"


def test_a_wrong_environment_does_not_break_a_run_that_nobody_instrumented(python: Any) -> None:
    """AGENT-14; design 8: tracing never breaks the program."""
    out = python(
        """
        import logging, sys
        logging.basicConfig(stream=sys.stdout)
        import peekr
        with peekr.trace.run("r") as run:
            run.tool(tool_name="t")
        print("fine")
        """,
        TRACE_SAMPLE_RATE="all",
    )
    assert "TRACE_SAMPLE_RATE" in out and out.endswith("fine\n")


def test_days_below_zero_keep_everything() -> None:
    """DB-1: N <= 0 disables."""
    assert TraceConfig(retention_days=-1).retention_days == -1
