"""Models that are no models, and those that their user has changed: his result is his, the span is honest."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from langchain_core.messages import AIMessage, HumanMessage


def tokens(span: Any) -> Any:
    return {name: value for name, value in span.attributes.items() if name.startswith("tokens_")}


def test_a_mocked_model_is_left_alone(kit: Any, recording: Any) -> None:
    """Issue 3, bad input: a mock has no call to trace."""
    model = mock.MagicMock(spec=kit.model)
    assert isinstance(model.invoke("x"), mock.Mock)
    assert recording.spans == []


def test_a_mocked_answer_reaches_the_caller(kit: Any, recording: Any) -> None:
    """Issue 3, bad input: what the model's own code returns is a mock that says yes to everything."""
    answer = AIMessage("Paris.")
    answer.__dict__["usage_metadata"] = mock.MagicMock()
    answer.__dict__["response_metadata"] = mock.MagicMock()
    assert kit.model(answers=[answer]).invoke("x").content == "Paris."
    span = recording.only
    assert (span.status, span.attributes["output"], tokens(span)) == ("ok", "Paris.", {})


def test_a_subclass_of_the_model_is_traced_once(kit: Any, recording: Any) -> None:
    """Issue 3, bad input: a subclassed client."""

    class Mine(kit.model):
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            return super()._generate(*args, **kwargs)

        def invoke(self, *args: Any, **kwargs: Any) -> Any:
            return super().invoke(*args, **kwargs)

    assert Mine().invoke("x").content == "Paris."
    span = recording.only
    assert (span.name, span.attributes["tokens_total"]) == ("langchain.chat.Mine", 18)


def test_a_method_that_the_user_has_wrapped_is_traced_once(kit: Any, recording: Any, monkeypatch: Any) -> None:
    """Issue 3, bad input: a client whose method the user has wrapped himself; his wrapper stays."""
    invoke, seen = kit.model.invoke, []

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(args)
        return {"wrapped": invoke(self, *args, **kwargs)}

    monkeypatch.setattr(kit.model, "invoke", counted)
    answer = kit.model().invoke([HumanMessage("x")])["wrapped"]
    assert (answer.content, len(seen), kit.model.invoke) == ("Paris.", 1, counted)
    assert recording.only.attributes["tokens_total"] == 18


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": None}, {"unknown_field": 3}])
def test_an_answer_without_usage_counts_nothing(usage: Any, kit: Any, recording: Any) -> None:
    """Issue 3, bad input: tokens_* absent rather than 0 or guessed."""
    answer = AIMessage("Paris.")
    answer.__dict__["usage_metadata"] = usage
    kit.model(answers=[answer]).invoke("x")
    assert tokens(recording.only) == {}


def test_text_that_is_no_utf8_is_recorded_as_what_can_be_said(kit: Any, recording: Any) -> None:
    """Issue 3, bad input: half a character, as a broken stream leaves it, and a role that nobody knows."""
    assert kit.model(answers=[AIMessage("Par\udce9is")]).invoke("\ud800?").content == "Par\udce9is"
    span = recording.only
    assert span.status == "ok"
    span.attributes["output"].encode()
    assert span.attributes["output"].startswith("Par")
