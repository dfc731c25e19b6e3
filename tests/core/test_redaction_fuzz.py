"""Random spans: no raw secret leaves, nothing crashes. ``python tests/fuzz/fuzz.py`` is the long form."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peekr import wire
from peekr.redaction import Redactor
from peekr.spans import Span

ENVIRONMENT = {"FUZZ_API_KEY": "canary-5f3e9a7c11d24b68", "FUZZ_DB_PASSWORD": 'Pa"ss\\word-with/slash=1'}


def _spans() -> Any:
    path = Path(__file__).parents[1] / "fuzz" / "secrets_in_spans.py"
    spec = importlib.util.spec_from_file_location("secrets_in_spans", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


spans = _spans()


@pytest.fixture(scope="module")
def redactor() -> Any:
    """One that knows the environment above."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield Redactor()


@settings(max_examples=800, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**63))
def test_no_raw_secret_leaves(redactor: Redactor, seed: int) -> None:
    """PIPE-2 to PIPE-5: by key, pattern and environment, in attributes, payloads, JSON in JSON and cut texts."""
    span, hidden = spans.span(Random(seed), list(ENVIRONMENT.values()))
    redactor.process(span)
    line = wire.encode(wire.record(span))
    assert spans.piece(hidden) not in str(wire.decode(line))
    assert spans.piece(hidden).encode() not in line
    Span.from_dict(wire.decode(line))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None, database=None)
@given(value=_json)
def test_a_second_redaction_changes_nothing(value: Any) -> None:
    """Whatever was redacted stays as it is: markers are no secrets."""
    redactor = Redactor(canary=False)
    once = redactor.value(value)
    assert redactor.value(once) == once
    text = redactor.text(json.dumps(value))
    assert redactor.text(text) == text


@settings(max_examples=300, deadline=None, database=None)
@given(text=st.text(alphabet="password: token=\"{}[]\\'…\n 123-45-6789", max_size=120))
def test_any_text_is_taken(text: str) -> None:
    """No crash, no hang on quotes, brackets and backslashes in any order."""
    assert isinstance(Redactor(canary=False).text(text), str)
