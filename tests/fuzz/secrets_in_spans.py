"""Random spans with a secret somewhere inside, and what must not be left of it. Used by the tests and by fuzz.py."""

from __future__ import annotations

import json
import string
from random import Random
from typing import Any, List, Tuple

from peekr.capture import cut, document, snapshot, text
from peekr.messages import messages_text
from peekr.redaction_patterns import is_card
from peekr.spans import Span

KEYS = (
    *("password", "api_key", "token", "secret", "credential", "access_key", "private_key", "auth_token"),
    *(
        "session_token",
        "authorization",
        "bearer",
        "apiKey",
        "X-API-Key",
        "db_password",
        "clientSecret",
        "refresh_token",
    ),
    *("PASSWORD", "Api-Key", "credentials", "secret_key", "Authorization", "AWS_SECRET_ACCESS_KEY"),
)
PLAIN_KEYS = ("query", "note", "items", "content", "max_tokens", "role", "keyword", "tokens_input", "id", "žluť", "a b")
ALPHABET = string.ascii_letters + string.digits
NOISE = string.printable + "éžß…“”漢字🎉\u2028\ud800\x00"
#: Characters of a secret that must not be found together.
PIECE = 8


def value(random: Random) -> str:
    """A secret of no known look."""
    return "Zq9" + "".join(random.choices(ALPHABET, k=random.randint(9, 30)))


def card(random: Random) -> str:
    """A card number, in one of the ways to write it."""
    while True:
        digits = random.choice(("4", "51", "34", "6011")) + "".join(random.choices(string.digits, k=15))
        digits = digits[: 15 if digits.startswith("34") else 16]
        if is_card(digits):
            break
    between = random.choice(("", " ", "-"))
    groups = (
        (digits[:4], digits[4:10], digits[10:]) if len(digits) == 15 else [digits[i : i + 4] for i in (0, 4, 8, 12)]
    )
    return between.join(groups)


def ssn(random: Random) -> str:
    """A social security number."""
    return f"{random.randint(100, 999)}-{random.randint(10, 99)}-{random.randint(1000, 9999)}"


def noise(random: Random, length: int = 40) -> str:
    """Any text."""
    kind = random.random()
    if kind < 0.6:
        return " ".join(
            random.choices(
                ("the", "model", "said:", "a=b", "{", "}", "is", "word,", "…", '"q"'), k=random.randint(0, 9)
            )
        )
    return "".join(random.choices(NOISE, k=random.randint(0, length)))


def data(random: Random, depth: int = 0) -> Any:
    """JSON data without secrets."""
    kind = random.random()
    if depth > 3 or kind < 0.5:
        return random.choice((noise(random), random.randint(-9, 10**6), random.random(), None, True))
    if kind < 0.75:
        return [data(random, depth + 1) for _ in range(random.randint(0, 3))]
    return {random.choice(PLAIN_KEYS): data(random, depth + 1) for _ in range(random.randint(0, 3))}


def inside(random: Random, hidden: Any) -> Any:
    """The hidden value somewhere in JSON data, or in JSON texts in it."""
    for _ in range(random.randint(0, 4)):
        kind = random.random()
        if kind < 0.35:
            hidden = {random.choice(PLAIN_KEYS): data(random), random.choice(PLAIN_KEYS): hidden, "z": data(random)}
        elif kind < 0.65:
            hidden = [data(random), hidden, data(random)][random.randint(0, 1) :]
        elif isinstance(hidden, (dict, list)):
            hidden = json.dumps(
                hidden, ensure_ascii=random.random() < 0.5, separators=random.choice((None, (",", ":")))
            )
    return hidden


def secret(random: Random, environment: List[str]) -> Tuple[Any, str]:
    """Return a value with a secret in it, and the secret."""
    kind = random.random()
    if kind < 0.4:
        hidden = value(random)
        item: Any = hidden
        if random.random() < 0.2:
            item = random.choice(([hidden, 1], {"value": hidden}, hidden + ' "quoted" \\ ' + "end"))
        return {"first": data(random), random.choice(KEYS): item}, hidden
    if kind < 0.6:
        hidden = value(random)
        pair = random.choice(KEYS) + random.choice((": ", "=", " = ", ":")) + random.choice(("", "Bearer ")) + hidden
        return random.choice(("", "see ", "a\n")) + pair + random.choice(("", " and more", "\nnext", ", b")), hidden
    if kind < 0.7:
        hidden = card(random)
    elif kind < 0.8:
        hidden = ssn(random)
    elif kind < 0.9:
        hidden = random.choice(environment)
        return random.choice(("", "key ", "(", "x=")) + hidden + random.choice(("", ")", " end")), hidden
    else:
        hidden = value(random)
        return "curl -H Bearer " + hidden, hidden
    return random.choice(("", "no. ", "card ", "(")) + hidden + random.choice(("", " ", ")", ", thanks")), hidden


def span(random: Random, environment: List[str]) -> Tuple[Span, str]:
    """Return a span that ended, with a secret in one of its places, and the secret."""
    value_, hidden = secret(random, environment)
    content = inside(random, value_)
    made = Span("work", kind=random.choice((None, "llm", "tool")))
    place = random.randint(0, 6)
    padding = "x " * random.choice((0, 0, 100, 230, 480))
    if place == 0:
        made._input = snapshot({"args": [padding, content], "kwargs": {}})
    elif place == 1:
        made._output = snapshot([padding, content])
    elif place == 2:
        made.attributes = {"model": "gpt-4o", "input": messages_text([{"role": "user", "content": [padding, content]}])}
    elif place == 3:
        made._payload = document({"request": [padding, content], "response": data(random)}, random.choice((300, 5000)))[
            0
        ]
    elif place == 4:
        made.attributes = {"error": cut(content if isinstance(content, str) else text(content)), "tokens_total": 5}
    elif place == 5:
        made.attributes = {"custom": content, "other": data(random)}
    else:
        made.payload = {"request": content}
    made._t1 = made._t0 + 5
    return made, hidden


def piece(hidden: str) -> str:
    """Return the beginning of a secret that must not be found."""
    return hidden[: 6 if hidden[3:4] == "-" and len(hidden) == 11 else PIECE + (" " in hidden or "-" in hidden)]
