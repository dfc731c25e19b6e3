"""What guardrails cost on a prompt of 2 KB: PIIRedact with all categories, a Blocklist of 1,000 terms.

Run it as a program. Limits of issue 5: 100 µs and 50 µs. The ratio is to one pass of str.split over the same text.
"""

from __future__ import annotations

import random
import string
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from measure import in_turn

import peekr
from peekr.spans import Span

SIZE = 2048
PROSE = (
    "You are a helpful assistant. In 2024 the company had 1,250 employees and 37 offices; the plan (see section 4.2) "
    "runs until 12 May 2026. Answer in short sentences, and say so where you do not know the answer. "
)
PERSONAL = (
    "Write to jane.doe@example.com or call +1 415-555-2671. Her card is 4111 1111 1111 1111, her SSN 078-05-1120, "
    "she logged in from 203.0.113.7, the refund goes to DE89 3704 0044 0532 0130 00. "
)
REPEATS = 10


def prompt(beginning: str) -> str:
    """A text of 2 KB."""
    return (beginning + PROSE * 20)[:SIZE]


def terms(count: int = 1000) -> list[str]:
    """Words and pairs of words that no prose has."""
    rng = random.Random(7)
    words = ["".join(rng.choices(string.ascii_lowercase, k=rng.randint(4, 12))) for _ in range(count)]
    return [word if number % 3 else f"{word} {words[number - 1]}" for number, word in enumerate(words)]


def spans(text: str):
    made = []
    for _ in range(REPEATS):
        span = Span("call", kind="llm")
        span.attributes["input"] = text
        made.append(span)
    return made


def arm(guard, text: str):
    """A block that runs the guardrail on fresh spans, and what prepares the next."""
    waiting = spans(text)

    def block() -> None:
        for span in waiting:
            guard.run(span)

    def drain() -> None:
        waiting[:] = spans(text)

    return block, drain


def check_arm(guard, text: str):
    (span,) = spans(text)[:1]

    def block() -> None:
        for _ in range(REPEATS):
            guard.check_input(span)

    return block, lambda: None


def floor_arm(text: str):
    def block() -> None:
        for _ in range(REPEATS):
            text.split()

    return block, lambda: None


def main() -> None:
    pii, block = peekr.guard.PIIRedact(), peekr.guard.Blocklist(terms=terms())
    secrets = peekr.guard.Blocklist(terms=terms(), patterns=peekr.guard.Blocklist.COMMON_SECRETS)
    result = in_turn(
        {
            "split": floor_arm(prompt("")),
            "PIIRedact, clean text": arm(pii, prompt("")),
            "PIIRedact, six values": arm(pii, prompt(PERSONAL)),
            "Blocklist of 1,000 terms": check_arm(block, prompt("")),
            "Blocklist and COMMON_SECRETS": check_arm(secrets, prompt("")),
        },
        REPEATS,
        seconds=6.0,
    )
    floor = result["split"][0]
    for name, (least, median) in result.items():
        print(f"{name:30} least {least / 1000:7.1f} µs  median {median / 1000:7.1f} µs  x{least / floor:5.1f} of split")


if __name__ == "__main__":
    main()
