"""The rules at their boundaries, in Python and in the page: the vectors in ``vectors/`` name their statements."""

from __future__ import annotations

import json

import pytest
from tests.dashboard.diagnostic_vectors import in_javascript, in_python, lookup, random_records, same, vectors

from peekr_dashboard.diagnostics import expressions, texts
from peekr_dashboard.diagnostics.actions import ACTIONS, call_aggregates
from peekr_dashboard.diagnostics.evaluation import evaluate

RULES = vectors("rules.json")
CALLS = vectors("actions.json")["vectors"]
RANDOM = 150


@pytest.mark.parametrize("vector", RULES["vectors"], ids=lambda vector: vector["name"])
def test_the_rules_answer_as_the_vector_says(vector):
    """DIAG-1 to DIAG-13."""
    found = in_python(vector["records"], RULES["now"])
    assert [[card["rule"], card["severity"]] for card in found["cards"]] == vector["cards"]
    for path, value in vector["numbers"].items():
        assert same(lookup(found["aggregates"], path), value), path
    assert vector.get("title", "") in found["cards"][0]["title"] or any(
        vector["title"] in card["title"] for card in found["cards"]
    )


@pytest.mark.parametrize("vector", CALLS, ids=lambda vector: vector["name"])
def test_what_to_try_for_a_call_is_as_the_vector_says(vector):
    """ACT-1 to ACT-8."""
    cards = evaluate(ACTIONS, call_aggregates(vector["call"], vector["detail"]))
    assert [card.rule for card in cards] == vector["actions"]
    assert all(card.fixes for card in cards)


def test_the_page_gives_the_same_aggregates_and_cards():
    """DIAG: the same results in Python and in the page, on the vectors and on random stores."""
    stores = [vector["records"] for vector in RULES["vectors"]] + [random_records(seed) for seed in range(RANDOM)]
    theirs = in_javascript(vectors=stores, now=RULES["now"])["sets"]
    for number, store in enumerate(stores):
        ours = in_python(store, RULES["now"])
        for part in ("aggregates", "cards"):
            assert same(ours[part], theirs[number][part]), (number, part, ours[part], theirs[number][part])


def test_random_stores_reach_most_rules():
    """What the comparison above compares."""
    found = {card["rule"] for seed in range(RANDOM) for card in in_python(random_records(seed), 0)["cards"]}
    assert len(found) >= 9, found


def test_the_page_gives_the_same_advice_for_a_call():
    """ACT: the same in Python and in the page."""
    theirs = in_javascript(calls=CALLS)["calls"]
    for vector, cards in zip(CALLS, theirs):
        ours = [card.as_dict() for card in evaluate(ACTIONS, call_aggregates(vector["call"], vector["detail"]))]
        assert same(ours, cards), vector["name"]


SCOPE = {"a": 3, "b": {"c": 0.5, "t": "text", "yes": True, "none": None}}
EXPRESSIONS = [
    ({"agg": "a"}, 3),
    ({"agg": "b.c"}, 0.5),
    ({"agg": "b.c.d"}, None),
    ({"agg": "missing"}, None),
    ({"threshold": "limit"}, 2),
    (expressions.compare("a", ">", "$limit"), True),
    (expressions.compare("a", ">=", 3), True),
    (expressions.compare("a", "<", 3), False),
    (expressions.compare("missing", "<", 3), False),
    (expressions.compare("missing", ">=", 0), False),
    (expressions.compare("b.t", ">", 0), False),
    (expressions.compare("b.yes", ">", 0), False),
    ({"op": "==", "left": {"agg": "b.t"}, "right": "text"}, True),
    ({"op": "==", "left": {"agg": "b.yes"}, "right": 1}, False),
    ({"op": "!=", "left": {"agg": "b.none"}, "right": None}, False),
    (expressions.compare("a", "/", 0), None),
    (expressions.compare("a", "/", 2), 1.5),
    (expressions.compare("missing", "+", 2), None),
    ({"op": "max", "of": [1, {"agg": "a"}, {"agg": "missing"}]}, 3),
    ({"op": "min", "of": [{"agg": "missing"}]}, None),
    ({"op": "and", "of": [True, {"agg": "a"}]}, False),
    ({"op": "or", "of": [{"agg": "missing"}, True]}, True),
    ({"op": "not", "of": [{"agg": "missing"}]}, True),
]


def test_expressions_have_one_meaning():
    """DIAG: a condition is data, evaluated alike."""
    thresholds = {"limit": 2}
    for expression, value in EXPRESSIONS:
        expressions.check(expression, thresholds, "it")
        assert expressions.evaluate(expression, SCOPE, thresholds) is value or (
            expressions.evaluate(expression, SCOPE, thresholds) == value and value is not None
        ), expression
    given = json.loads(json.dumps([[expression, SCOPE] for expression, _ in EXPRESSIONS]))
    assert in_javascript(expressions=given, thresholds=thresholds)["expressions"] == [value for _, value in EXPRESSIONS]


TEXTS = [
    ("{x} of {y}", {"x": 1234567, "y": 0.125}, "1,234,567 of 0.13"),
    ("{x:percent}", {"x": 0.3}, "30%"),
    ("{x:percent}", {"x": 0.056}, "5.6%"),
    ("{x:percent}", {"x": 0.05}, "5%"),
    ("{x:percent}", {"x": 0.6667}, "66%"),
    ("{x:score}", {"x": 0.7}, "0.70"),
    ("{x:change}", {"x": -0.2}, "-0.20"),
    ("{x:change}", {"x": 0.2}, "+0.20"),
    ("by {x:drop}", {"x": -0.123}, "by 0.12"),
    ("{x} {x?claim has|claims have}", {"x": 1}, "1 claim has"),
    ("{x} {x?claim has|claims have}", {"x": 2}, "2 claims have"),
    ("{x} {x?claim has|claims have}", {"x": 0}, "0 claims have"),
    ("{x?claim|claims}", {"x": 1.5}, "claims"),
    ("{x?|s}{y?a|}{x?one}", {"x": 1, "y": True}, "{x?one}"),
    ("{x:days}", {"x": 90 * 86400}, "90 days"),
    ("{x:days}", {"x": 86400}, "1 day"),
    ("{x:list}", {"x": ["a", "b"]}, "a, b"),
    ("{x:list}", {"x": list("abcdefg")}, "a, b, c, d, e and 2 more"),
    ("{missing} {x.y}", {"x": 1}, "– –"),
    ("{x}", {"x": "{y}"}, "{y}"),
    ("{x}", {"x": "é" * 200}, "é" * 119 + "…"),
    ("{x}", {"x": "\U0001f600" * 120}, "\U0001f600" * 120),
    ("{x}", {"x": True}, "true"),
]


def test_texts_have_one_form():
    """DIAG-13: the words of a card are the same in the terminal and in the page."""
    for text, scope, shown in TEXTS:
        assert texts.render(text, scope) == shown
    assert in_javascript(texts=[each[:2] for each in TEXTS])["texts"] == [shown for _, _, shown in TEXTS]
