"""The shared test vectors, in Python and in JavaScript."""

from __future__ import annotations

import importlib.util
import json
import math
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Sequence

import pytest

from peekr_dashboard.diagnostics import aggregation, records
from peekr_dashboard.diagnostics.actions import ACTIONS
from peekr_dashboard.diagnostics.evaluation import evaluate
from peekr_dashboard.diagnostics.registry import installed_rules

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "peekr-cli" / "dashboard" / "frontend" / "build.py"


def vectors(name: str) -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads((HERE / "vectors" / name).read_text(encoding="utf-8"))
    return found


def in_python(rows: Sequence[Dict[str, Any]], now: float) -> Dict[str, Any]:
    """Aggregates and cards of records, as JSON has them."""
    found = aggregation.aggregates_of(map(records.from_dict, rows), True, now)
    cards = [card.as_dict() for card in evaluate(installed_rules().data, found)]
    result: Dict[str, Any] = json.loads(json.dumps({"aggregates": found, "cards": cards}))
    return result


def built() -> Any:
    """The script that builds the page."""
    spec = importlib.util.spec_from_file_location("build", BUILD)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def in_javascript(**given: Any) -> Dict[str, Any]:
    """The same, by the page's engine."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the page's engine is not compared with Python's")
    given = {
        "now": 0,
        "vectors": [],
        "calls": [],
        "expressions": [],
        "thresholds": {},
        "texts": [],
        "engine": built().engine(),
        **given,
    }
    given.update(rules=installed_rules().as_dicts(), actions=[rule.as_dict() for rule in ACTIONS])
    done = subprocess.run(
        [node, str(HERE / "run_engine.js")],
        input=json.dumps(given),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    result: Dict[str, Any] = json.loads(done.stdout)
    return result


def same(left: Any, right: Any) -> bool:
    """Equal, but for the type and the last digits of numbers."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-12)
    return bool(left == right)


def lookup(values: Any, path: str) -> Any:
    for name in path.split("."):
        values = values[name]
    return values


def random_records(seed: int) -> List[Dict[str, Any]]:
    """A store of any kind of span, with few names, so that much coincides."""
    rng = random.Random(seed)
    return [_random_record(rng, number) for number in range(rng.randrange(1, 120))]


def _random_record(rng: random.Random, number: int) -> Dict[str, Any]:
    kind = rng.choice(["llm", "llm", "llm", "tool", "memory_read", "run", "internal"])
    out: Dict[str, Any] = {
        "trace": f"t{rng.randrange(40)}",
        "id": f"s{number}",
        "name": rng.choice(["agent", "chat"]),
        "kind": kind,
        "start": 1_750_000_000.0 + rng.randrange(500),
    }
    if rng.random() < 0.6:
        out["parent"] = f"s{rng.randrange(140)}"
    else:
        out["root"] = out["name"]
    if rng.random() < 0.2:
        out.update(status="error", reason=rng.choice(["timeout", "auth"]))
    if kind == "llm":
        out.update(_random_answer(rng))
    if kind == "tool":
        out["tool"] = rng.choice(["search", "mail"])
    if kind == "memory_read":
        out["memories"] = [
            {"id": f"m{place}", "rank": rng.choice([1, 2, 5, None]), "similarity": rng.choice([0.1, 0.9, None]),
             "age": rng.choice([None, 5, 9e6])}
            for place in range(rng.randrange(4))
        ]  # fmt: skip
    return out


def _random_answer(rng: random.Random) -> Dict[str, Any]:
    out: Dict[str, Any] = {"model": rng.choice(["a", "b"]), "tok": rng.randrange(1000)}
    if rng.random() < 0.7:
        out["scores"] = {"Hallucination": rng.randrange(10_001) / 10_000}
    if rng.random() < 0.2:
        out["scores"] = {"Rubric": rng.randrange(3) / 2}
    if rng.random() < 0.2:
        out["errs"] = {"Hallucination": rng.choice(["Timeout: 30 s", "JudgeUnavailable: no SDK"])}
    if rng.random() < 0.5:
        bad, unknown = rng.randrange(3), rng.randrange(3)
        out["claims"] = {"total": bad + unknown + 3, "supported": 3, "contradicted": bad, "unsupported": unknown}
        out["cites"] = {"total": 2 + bad, "grounded": 2, "invented": bad}
    if rng.random() < 0.5:
        out["hits"] = rng.choice([[], ["m0"], ["m1", "m2"]])
    out.update(rng.choice([{"tenant": "acme"}, {"user": "ann"}, {"endpoint": "/chat"}, {}]))
    return out
