"""What is taken of messages and results in the caller's thread: copies that nobody else can change, at the least cost.

They have the shape of the originals, fields in dicts, so that the worker reads them as it would read those. A message
whose content comes in blocks, or that calls tools, is nested too deep for that: JSON is made of it at once.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple, Union

import attrs

from peekr.payload import request_document
from peekr_langchain.answers import answer_messages
from peekr_langchain.outline import MANY, Json, fields_of, message_dict, outline

#: Characters of a conversation up to which it may wait for the worker as it is, without being cut.
_SHORT = 10_000
#: Fields of a message that hold more than a text, and are read.
_NESTED = ("tool_calls", "invalid_tool_calls", "usage_metadata", "response_metadata", "additional_kwargs")
_SIMPLE = frozenset((str, int, float, bool, type(None)))
#: Parameters that say nothing of the call itself.
_NO_PARAMETERS = frozenset(("_type", "stream", "model", "model_name", "messages"))


@attrs.define(eq=False)
class Question:
    """What is asked: the fields of messages, or a completion's prompt."""

    model: Optional[str]
    messages: Optional[Sequence[Any]]
    prompt: Optional[str]
    parameters: Mapping[str, Any]

    def document(self) -> Tuple[bytes, bool]:
        """Return it as a JSON document, and whether it was cut."""
        asked: Dict[str, Any] = {"model": self.model}
        if self.messages is None:
            asked["prompt"] = self.prompt
        else:
            asked["messages"] = [message_dict(message) for message in self.messages]
        given = {
            name: value for name, value in self.parameters.items() if value is not None and name not in _NO_PARAMETERS
        }
        # what was said first, as the end may be cut off
        return request_document({**asked, **outline(given, MANY), **asked} if given else asked)


def take_question(
    model: Optional[str], messages: Optional[Sequence[Any]], prompt: Optional[str], parameters: Mapping[str, Any]
) -> Tuple[Union[Question, bytes], bool, int]:
    """Return what is asked, as JSON or as a copy; whether it was cut; and its size in bytes or characters."""
    if _SIMPLE.issuperset(map(type, parameters.values())):
        if messages is None:
            said, size = None, len(prompt) if type(prompt) is str else -1
        else:
            said = [_copied_fields(message) for message in messages]
            size = _size_if_own(said)
        if 0 <= size <= _SHORT:
            return Question(model, said, prompt, dict(parameters)), False, size
    taken, was_cut = Question(model, messages, prompt, parameters).document()
    return taken, was_cut, len(taken)


def take_result(result: Any) -> Json:
    """Return a copy of a result, of which the content is the original's where that may still change."""
    fields = fields_of(result)
    lists, output = fields.get("generations"), fields.get("llm_output")
    generations = []
    for generation in map(fields_of, lists[0] if lists else ()):
        message, info = generation.get("message"), generation.get("generation_info")
        generations.append(
            {
                "text": generation.get("text"),
                "generation_info": _copied(info) if info else None,
                "message": None if message is None else _copied_fields(message),
            }
        )
    return {"llm_output": _copied(output) if output else None, "generations": [generations]}


def take_answers(taken: Json) -> Tuple[Union[Json, bytes, None], int]:
    """Return the answers of a taken result, as JSON or as that copy, None if there are none; and their size."""
    (generations,) = taken["generations"]
    if not generations:
        return None, 0
    size = _size_if_own([generation["message"] or {"content": generation["text"]} for generation in generations])
    if 0 <= size <= _SHORT:
        return taken, size
    document = request_document(answer_messages(taken))[0]
    return document, len(document)


def _copied_fields(message: Any) -> Json:
    fields = fields_of(message).copy()
    for name in _NESTED:
        value = fields.get(name)
        fields[name] = _copied(value) if value else None  # what is empty now may be filled later
    return fields


def _copied(value: Any) -> Any:
    """A copy two levels deep: usage objects have their counts there."""
    if type(value) is dict:
        return {name: item.copy() if type(item) is dict else item for name, item in list(value.items())}
    return value.copy() if type(value) is list else value


def _size_if_own(messages: Iterable[Json]) -> int:
    """Return how many characters of text messages hold, -1 if somebody else can change what they hold."""
    size = 0
    for fields in messages:
        content = fields.get("content")
        if type(content) is not str or fields.get("tool_calls") or fields.get("invalid_tool_calls"):
            return -1
        size += len(content)
    return size
