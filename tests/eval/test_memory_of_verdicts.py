"""Verdicts given once are not paid twice; those near the threshold are asked for again (issue 5)."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from peekr.errors import ConfigurationError
from peekr.eval import Hallucination, Rubric
from peekr_eval import prompts
from peekr_eval.cache import DiskCache, MemoryCache


def test_the_same_content_is_judged_once(span: Any, script: Any) -> None:
    """By content, criteria and model; other content, criteria or evaluators are asked for."""
    told = script("0.5")
    rubric = Rubric("x", judge=told)
    assert [rubric.evaluate(span("a")) for _ in range(3)] == [0.5] * 3 and len(told.prompts) == 1
    rubric.evaluate(span("b"))
    rubric.evaluate(span("a", "another question"))
    Rubric("y", judge=told).evaluate(span("a"))
    assert len(told.prompts) == 4


def test_failures_are_not_remembered(span: Any, script: Any) -> None:
    """EVAL-8: the next span, or the next run, asks again."""
    told = script("no idea", "0.5")
    rubric = Rubric("x", judge=told)
    with pytest.raises(Exception, match="no score"):
        rubric.evaluate(span())
    assert rubric.evaluate(span()) == 0.5


def test_details_and_evidence_belong_to_the_verdict(span: Any, script: Any) -> None:
    """HALL-6: a remembered verdict brings its claims; other evidence is another question."""
    told = script('{"claims": [{"text": "t", "verdict": "contradicted"}]}')
    evaluator = Hallucination(detailed=True, judge=told)
    first, again = span(), span()
    assert evaluator.evaluate(first) == evaluator.evaluate(again) == 0.0
    assert again.attributes["hallucination_details"] == first.attributes["hallucination_details"]
    evaluator.evaluate(span(evidence_chunks=[{"n": 1, "id": "a", "text": "b"}]))
    assert len(told.prompts) == 2


def test_no_cache_means_asking_every_time(span: Any, script: Any) -> None:
    """cache=False."""
    told = script("0.5")
    rubric = Rubric("x", judge=told, cache=False)
    rubric.evaluate(span())
    rubric.evaluate(span())
    assert len(told.prompts) == 2


def test_memory_forgets_what_was_not_used_for_longest() -> None:
    """Bounded, least recently used first."""
    cache = MemoryCache(size=2)
    cache.put("a", {"score": 1})
    cache.put("b", {"score": 2})
    assert cache.get("a") == {"score": 1}
    cache.put("c", {"score": 3})
    assert cache.get("b") is None and cache.get("a") and cache.get("c")


def test_verdicts_on_disk_outlive_the_evaluator(span: Any, script: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """For peekr eval: another process does not pay again; another prompt version or model does."""
    path = tmp_path / "verdicts.db"
    told = script("0.5")

    def ask(**options: Any) -> float:
        cache = DiskCache(path)
        try:
            return Rubric("x", judge=told, cache=cache, **options).evaluate(span())
        finally:
            cache.close()

    assert ask() == ask() == 0.5 and len(told.prompts) == 1
    ask(model="other")
    assert len(told.prompts) == 2
    monkeypatch.setattr("peekr_eval.judged.VERSION", prompts.VERSION + "+")
    ask()
    assert len(told.prompts) == 3
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_verdicts_that_cannot_be_kept_are_counted_and_said_once(
    span: Any, script: Any, tmp_path: Path, caplog: Any
) -> None:
    """Nothing is lost silently: the score counts, and the log says that it will be paid again."""
    cache = DiskCache(tmp_path / "verdicts.db")
    cache.close()
    told = script("0.5", "0.25")
    assert [Rubric(each, judge=told, cache=cache).evaluate(span()) for each in ("x", "y")] == [0.5, 0.25]
    assert cache.unwritten == 2 and caplog.text.count("verdicts are not kept in") == 1


def test_a_cache_that_is_another_file_is_refused(tmp_path: Path) -> None:
    """Bad input: nothing is written over other data."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be looked at " * 50)
    with pytest.raises(ConfigurationError, match="verdicts cannot be kept"):
        Rubric("x", cache=str(path))
    assert path.read_text().startswith("not a database")


def test_a_score_near_the_threshold_is_asked_for_again_and_its_spread_stored(span: Any, script: Any) -> None:
    """repeat=3: the mean is the score, attributes.eval_spread[name] the range; elsewhere once is enough."""
    told = script("0.5", "0.4", "0.6")
    judged = span()
    assert Hallucination(judge=told, repeat=3, threshold=0.5).evaluate(judged) == pytest.approx(0.5)
    assert len(told.prompts) == 3 and judged.attributes["eval_spread"] == {"Hallucination": 0.2}
    told, judged = script("0.95", "0.0"), span()
    assert Hallucination(judge=told, repeat=3, threshold=0.5).evaluate(judged) == 0.95
    assert len(told.prompts) == 1 and "eval_spread" not in judged.attributes


def test_a_remembered_verdict_brings_its_spread(span: Any, script: Any) -> None:
    """The spread is a part of the verdict."""
    told = script("0.5", "0.7")
    rubric = Rubric("x", judge=told, repeat=2, name="tone")
    rubric.evaluate(span())
    again = span(eval_spread={"Other": 0.1})
    assert rubric.evaluate(again) == pytest.approx(0.6) and len(told.prompts) == 2
    assert again.attributes["eval_spread"] == {"Other": 0.1, "tone": 0.2}


def test_a_repeat_that_fails_is_a_failure(span: Any, script: Any) -> None:
    """EVAL-8: no score from half of the answers."""
    with pytest.raises(RuntimeError, match="quota"):
        Rubric("x", judge=script("0.5", RuntimeError("quota")), repeat=2).evaluate(span())
