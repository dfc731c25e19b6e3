"""Replacing methods of somebody else's classes, and putting them back exactly (INST-8, INST-9, INST-17)."""

from __future__ import annotations

import functools
import types
from typing import Any, Callable, List

import pytest

from peekr.patching import Patches


class Base:
    def inherited(self) -> str:
        return "inherited"


class Client(Base):
    def send(self, what: str) -> str:
        """Sends."""
        return f"sent {what}"

    async def asend(self) -> str:
        return "sent"

    @staticmethod
    def static(what: str) -> str:
        return f"static {what}"

    @classmethod
    def of_class(cls, what: str) -> str:
        return f"{cls.__name__} {what}"


CALLS: List[str] = []


def counting(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def counted(*args: Any, **kwargs: Any) -> Any:
        CALLS.append(original.__name__)
        return original(*args, **kwargs)

    return counted


@pytest.fixture(autouse=True)
def fresh() -> None:
    CALLS.clear()


@pytest.fixture
def patches() -> Any:
    patches = Patches("acme")
    yield patches
    patches.undo()


def test_calls_go_through_the_wrapper_also_on_objects_made_before(patches: Patches) -> None:
    """INST-7, INST-12"""
    early = Client()
    assert patches.wrap(Client, "send", counting)
    assert early.send("a") == Client().send(what="a") == "sent a"
    assert CALLS == ["send", "send"]


def test_wrapping_twice_wraps_once(patches: Patches) -> None:
    """INST-9"""
    assert patches.wrap(Client, "send", counting)
    assert patches.wrap(Client, "send", counting)
    assert Patches("acme").wrap(Client, "send", counting)
    Client().send("a")
    assert CALLS == ["send"]


def test_two_providers_may_wrap_the_same_method(patches: Patches) -> None:
    patches.wrap(Client, "send", counting)
    other = Patches("other")
    other.wrap(Client, "send", counting)
    Client().send("a")
    assert CALLS == ["send", "send"]
    other.undo()


@pytest.mark.parametrize("name", ["send", "asend", "inherited", "static", "of_class"])
def test_undo_leaves_the_class_as_it_was(patches: Patches, name: str) -> None:
    """INST-17: the very same objects, an inherited method is inherited again."""
    before = dict(vars(Client)), dict(vars(Base))
    patches.wrap(Client, name, counting)
    assert vars(Client).get(name) is not before[0].get(name)
    patches.undo()
    assert (dict(vars(Client)), dict(vars(Base))) == before
    patches.undo()


def test_undo_and_wrap_again(patches: Patches) -> None:
    for _ in range(3):
        patches.wrap(Client, "send", counting)
        patches.undo()
    patches.wrap(Client, "send", counting)
    Client().send("a")
    assert CALLS == ["send"]


def test_functions_of_a_module(patches: Patches) -> None:
    module = types.ModuleType("sdk")
    module.send = lambda: "sent"  # type: ignore[attr-defined]
    before = module.send  # type: ignore[attr-defined]
    patches.wrap(module, "send", counting)
    assert module.send() == "sent" and CALLS == ["<lambda>"]  # type: ignore[attr-defined]
    patches.undo()
    assert module.send is before  # type: ignore[attr-defined]


def test_a_static_method_stays_one(patches: Patches) -> None:
    patches.wrap(Client, "static", counting)
    assert Client.static("x") == Client().static("x") == "static x"
    assert CALLS == ["static", "static"]


def test_a_class_method_stays_one(patches: Patches) -> None:
    class Special(Client):
        pass

    patches.wrap(Client, "of_class", counting)
    patches.wrap(Client, "of_class", counting)
    assert (Client.of_class("x"), Special().of_class(what="x")) == ("Client x", "Special x")
    assert CALLS == ["of_class", "of_class"]


def test_what_somebody_else_replaced_since_is_left_to_them(patches: Patches) -> None:
    """INST-17"""
    original = Client.send
    patches.wrap(Client, "send", counting)
    theirs = counting(Client.send)
    Client.send = theirs  # type: ignore[method-assign]
    try:
        patches.undo()
        assert vars(Client)["send"] is theirs
    finally:
        Client.send = original  # type: ignore[method-assign]


def test_one_that_cannot_be_applied_is_reported_and_the_others_stand(patches: Patches, warnings: Any) -> None:
    """INST-8, design 5"""
    assert not patches.wrap(Client, "gone_in_this_version", counting)
    assert not patches.wrap(int, "__add__", counting)
    assert patches.wrap(Client, "send", counting)
    Client().send("a")
    assert CALLS == ["send"]
    assert len(patches.failures) == len(warnings()) == 2
    assert warnings()[0].startswith("provider 'acme' could not patch Client.gone_in_this_version (AttributeError: ")


def test_a_wrapper_that_cannot_be_made_changes_nothing(patches: Patches, warnings: Any) -> None:
    """INST-8"""

    def broken(original: Any) -> Any:
        raise ValueError("no")

    before = vars(Client)["send"]
    assert not patches.wrap(Client, "send", broken)
    assert vars(Client)["send"] is before
