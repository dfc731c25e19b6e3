"""``@experiment`` (contract EXPT-1 to EXPT-5)."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Dict, List

import pytest

import peekr
from peekr.errors import ConfigurationError
from peekr.testing import record


def variants_of(records: List[Dict[str, Any]]) -> Dict[str, Any]:
    return {each["name"]: each["attributes"].get("experiment_variant") for each in records}


class TestAVariant:
    def test_is_given_to_the_function(self) -> None:
        """EXPT-1"""

        @peekr.experiment(variants=["control", "test"])
        def run(query: str, variant: str) -> str:
            return f"{query} {variant}"

        assert {run("q") for _ in range(100)} == {"q control", "q test"}
        assert run.__name__ == "run"

    def test_brings_its_configuration(self) -> None:
        """EXPT-2"""

        @peekr.experiment(variants={"a": {"model": 1}, "b": {"model": 2}})
        def run(variant: str, variant_config: Dict[str, int]) -> Any:
            return variant, variant_config["model"]

        assert {run() for _ in range(100)} == {("a", 1), ("b", 2)}

    def test_is_not_forced_on_a_function_that_does_not_take_it(self) -> None:
        @peekr.experiment(variants={"a": 1})
        def run(query: str) -> str:
            return query

        assert run("q") == "q"

    def test_may_be_chosen_by_the_caller(self) -> None:
        @peekr.experiment(variants={"a": 1, "b": 2})
        def run(variant: str = "", variant_config: int = 0) -> Any:
            return variant, variant_config

        assert run(variant="b") == run("b") == ("b", 2)
        with pytest.raises(ValueError, match="variant='c' is none of this experiment's: a, b"):
            run(variant="c")

    def test_follows_the_split(self) -> None:
        """EXPT-4"""

        @peekr.experiment(variants=["a", "b"], split=[0.9, 0.1])
        def run(variant: str) -> str:
            return variant

        share = Counter(run() for _ in range(2000))["b"] / 2000
        assert 0.05 < share < 0.15

    def test_stays_with_the_user(self) -> None:
        """EXPT-5: by the session's user, or by an argument; about half of them each."""

        @peekr.experiment(variants=["a", "b"], assign_by="user_id")
        def run(variant: str) -> str:
            return variant

        @peekr.experiment(variants=["a", "b"], assign_by="customer")
        def serve(customer: int, variant: str) -> str:
            return variant

        chosen = []
        for user in range(200):
            with peekr.session(user_id=f"user-{user}"):
                chosen.append(run())
                assert run() == chosen[-1]
            assert serve(user) == serve(user)
        assert 60 < Counter(chosen)["a"] < 140


class TestEverySpanInside:
    def test_carries_the_variant_and_no_other(self) -> None:
        """EXPT-3"""

        @peekr.experiment(variants=["only"])
        def run() -> None:
            with peekr.span("inside"):
                peekr.trace(lambda: None, name="deep")()

        with record() as recording:
            run()
            with peekr.span("outside"):
                pass
        found = variants_of(recording.records)
        assert found == {"deep": "only", "inside": "only", "experiment.run": "only", "outside": None}
        assert recording.named("experiment.run")[0].kind == "experiment"

    def test_does_so_in_coroutines_and_generators(self) -> None:
        """EXPT-1"""

        @peekr.experiment(variants=["only"])
        async def work() -> int:
            with peekr.span("in work"):
                await asyncio.sleep(0)
            return 1

        @peekr.experiment(variants=["only"])
        def parts() -> Any:
            with peekr.span("in parts"):
                yield 1

        @peekr.experiment(variants=["only"])
        async def async_parts() -> Any:
            with peekr.span("in async_parts"):
                yield 1

        async def main() -> List[int]:
            return [await work(), *[part async for part in async_parts()]]

        with record() as recording:
            assert asyncio.run(main()) == [1, 1] and list(parts()) == [1]
        assert len(recording.records) == 6 and set(variants_of(recording.records).values()) == {"only"}
        assert asyncio.iscoroutinefunction(work)

    def test_of_a_failure_says_so(self) -> None:
        """EXPT-4"""

        @peekr.experiment(variants=["only"])
        def run() -> None:
            raise ValueError("no")

        with record() as recording:
            with pytest.raises(ValueError, match="no"):
                run()
        assert recording.only.status == "error" and recording.only.name == "experiment.run"


def test_nothing_to_assign_by_is_refused_and_not_left_to_chance() -> None:
    """EXPT-5: neither a word that a session knows nor an argument; the choices are named."""
    with pytest.raises(ConfigurationError) as failure:

        @peekr.experiment(variants=["a", "b"], assign_by="nope")
        def run(question: str, variant: str) -> str:
            return variant

    assert "assign_by='nope'" in str(failure.value) and "user_id, session_id, tenant_id" in str(failure.value)
    assert "arguments: question" in str(failure.value)

    @peekr.experiment(variants=["only"], assign_by="customer")
    def serve(**options: str) -> str:
        return options["variant"]

    assert serve(customer="c") == "only"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variants": []}, "variants must be a list of names or a mapping of them, got []"),
        ({"variants": {}}, "variants must be"),
        ({"variants": "ab"}, "variants must be"),
        ({"variants": [1]}, "names of variants must be texts"),
        ({"variants": ["a", "a"]}, "each once"),
        ({"variants": ["a", "b"], "split": [1]}, "a weight of 0 or more for each of the 2 variants, got [1]"),
        ({"variants": ["a", "b"], "split": [0, 0]}, "split must"),
        ({"variants": ["a", "b"], "split": [2, -1]}, "split must"),
        ({"variants": ["a"], "assign_by": 5}, "assign_by must be a word"),
    ],
)
def test_bad_input_is_refused_at_decoration(arguments: Dict[str, Any], message: str) -> None:
    """EXPT-5"""
    with pytest.raises(ValueError) as failure:
        peekr.experiment(**arguments)
    assert message in str(failure.value)
