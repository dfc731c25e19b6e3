"""The page's reading of LLM calls, in node: the shapes that the payloads of all providers have (contract UI-4)."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2] / "peekr-cli/server/src/peekr_server/ui/static/conversation.js"
#: A module without imports, read from its text: node would take the file's ending for CommonJS.
READ = """
const [source, all] = JSON.parse((await import("node:fs")).readFileSync(0, "utf8"));
const { conversation, answerParts, textOf } = await import("data:text/javascript;base64," + source);
process.stdout.write(JSON.stringify(all.map((data) => [
    conversation(data).map(({ role, parts }) => [role, textOf(parts)]),
    answerParts(data).map((parts) => parts.map(({ kind, text, name }) => [kind, text ?? name])),
])));
"""

#: What a call's data is like, per API → the messages and the answer that are shown of it.
SHAPES = {
    "agent vocabulary": (
        {"prompt": '[{"role": "user", "content": "Q"}]', "response": "A"},
        [("user", "Q")],
        [[("text", "A")]],
    ),
    "chat completions": (
        {
            "request": {"messages": [{"role": "developer", "content": "S"}, {"role": "tool", "content": "R"}]},
            "response": {
                "choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": '{"a":1}'}}]}}]
            },
        },
        [("system", "S"), ("tool", "R")],
        [[("call", "f")]],
    ),
    "responses": (
        {
            "request": {"instructions": "S", "input": "Q"},
            "response": {
                "output": [
                    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "T"}]},
                    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]},
                    {"type": "function_call", "name": "f", "arguments": "{}"},
                ]
            },
        },
        [("system", "S"), ("user", "Q")],
        [[("thinking", "T"), ("text", "A"), ("call", "f")]],
    ),
    "messages": (
        {
            "request": {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
            "response": {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "A"}]},
        },
        [("user", "")],
        [[("text", "A")]],
    ),
    "converse": (
        {
            "request": {"system": [{"text": "S"}], "messages": [{"role": "user", "content": [{"text": "Q"}]}]},
            "response": {"output": {"message": {"role": "assistant", "content": [{"text": "A"}]}}},
        },
        [("system", "S"), ("user", "Q")],
        [[("text", "A")]],
    ),
    "generate content": (
        {
            "request": {"contents": "Q", "config": {"system_instruction": "S"}},
            "response": {
                "candidates": [{"content": {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}}]
            },
        },
        [("system", "S"), ("user", "Q")],
        [[("call", "f")]],
    ),
    "generations": (
        {
            "request": {"messages": [[{"type": "human", "content": "Q"}]]},
            "response": {"generations": [[{"message": {"type": "ai", "content": "A"}}]]},
        },
        [("user", "Q")],
        [[("text", "A")]],
    ),
    "attributes only": ({"input": "Q", "output": "A"}, [("user", "Q")], [[("text", "A")]]),
    "nothing": ({"model": "m"}, [], []),
}


@pytest.fixture(scope="module")
def read() -> Any:
    """What the page makes of each of the shapes: messages and answers."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    given = json.dumps([base64.b64encode(SOURCE.read_bytes()).decode(), [data for data, _, _ in SHAPES.values()]])
    command = [node, "--input-type=module", "--eval", READ]
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, encoding="utf-8", timeout=60, check=True
    )
    return dict(zip(SHAPES, json.loads(done.stdout)))


@pytest.mark.parametrize("api", list(SHAPES))
def test_a_call_of_any_provider_becomes_a_chat(api: str, read: Any) -> None:
    """UI-4: chat messages are shown as a chat, and what was answered beside them."""
    _, messages, answers = SHAPES[api]
    assert [tuple(message) for message in read[api][0]] == messages
    assert [[tuple(part) for part in parts] for parts in read[api][1]] == answers
