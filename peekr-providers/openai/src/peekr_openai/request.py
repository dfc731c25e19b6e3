"""What a request says about the call: pure functions of its JSON body."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from peekr.capture import LLM_LIMIT, cut, text
from peekr.messages import lighten, messages_text

#: Where the requests without messages keep what the user said, the most telling first.
_INPUTS = ("input", "prompt", "query", "messages", "instructions", "input_file_id")


def input_text(family: str, request: Mapping[str, Any]) -> Optional[str]:
    """Return ``attributes.input``: JSON text of the messages, at most 1000 characters.

    A single text (the prompt of an image, the input of an embedding) stands as it is. Base64 is named by its
    length, so that it does not crowd out the words.
    """
    if family == "chat" and "messages" in request:
        return messages_text(lighten(request["messages"]))
    if family == "responses":
        return messages_text(lighten(_conversation(request)))
    for key in _INPUTS:
        value = request.get(key)
        if isinstance(value, str) and value:
            return cut(value, LLM_LIMIT)
        if value:
            return text(lighten(value), LLM_LIMIT)
    return text(request["files"], LLM_LIMIT) if "files" in request else None


def _conversation(request: Mapping[str, Any]) -> List[Any]:
    """The input of the Responses API as messages, with the instructions as the leading system message."""
    given = request.get("input")
    items = list(given) if isinstance(given, list) else []
    if isinstance(given, str):
        items = [{"role": "user", "content": given}]
    instructions = request.get("instructions")
    if instructions:
        items.insert(0, {"role": "system", "content": instructions})
    return items


def files_note(files: Any) -> List[Dict[str, Any]]:
    """Describe uploads by name and size without reading them. In the caller's thread.

    :param files: what the SDK hands to httpx: a mapping or pairs of a field name and a file.
    """
    notes = []
    for field, file in files.items() if isinstance(files, Mapping) else files:
        note: Dict[str, Any] = {"field": str(field)}
        content = file
        if isinstance(file, tuple):
            note["name"] = str(file[0])
            content = file[1] if len(file) > 1 else None
        name = getattr(content, "name", None)
        if isinstance(name, str):
            note.setdefault("name", name)
        if isinstance(content, (bytes, bytearray)):
            note["size_bytes"] = len(content)
        notes.append(note)
    return notes
