"""A judge's answer as a number: pure."""

from __future__ import annotations

import re
from typing import Optional

from peekr_eval.errors import JudgeAnswerEmpty, JudgeAnswerInvalid, excerpt

#: Characters that are looked at: an answer of 10 tokens has no more.
_LONGEST = 200
#: A number above this is no score that went a little too far, but something else: a year, a count.
_PLAUSIBLE = 10.0
_NUMBER = r"[-+]?(?:\d+(?:[.,]\d+)?|[.,]\d+)"
#: The number alone or at the beginning, or behind words such as "Score:", "The rating is"; in JSON and Markdown too.
_SCORE = re.compile(
    rf"""^[\W_]*?
    (?:(?:[a-z]+\W+){{0,4}}?(?:score|rating|answer|verdict|result|grade|value|final)\b[\W_]*?
       (?:is|of|would\s+be|equals)?[\W_]*?)?
    (?<![\w.])(?P<number>{_NUMBER})
    (?:\s*(?:/|out\s+of)\s*(?P<of>\d+(?:\.\d+)?)|\s*(?P<percent>%|percent\b))?
    (?![\w.]*\d)(?!\s*(?:-|–|to)\s*[.\d])(?!\w)""",
    re.IGNORECASE | re.VERBOSE,
)


def score_in(text: str) -> float:
    """Return the score that an answer such as ``0.85``, ``Score: 0.85``, ``17/20`` or ``85%`` gives.

    Not clamped here. Numbers in the midst of prose are none: "In 1923 …", "between 0.3 and 0.7".

    :raises JudgeAnswerEmpty: if there is no text.
    :raises JudgeAnswerInvalid: if there is no score in it.
    """
    given = text.strip()[:_LONGEST]
    if not given:
        raise JudgeAnswerEmpty("the judge answered without a word")
    match = _SCORE.match(given)
    score = None if match is None else _value(match)
    if score is None or abs(score) > _PLAUSIBLE:
        raise JudgeAnswerInvalid(f"the judge answered {excerpt(given)}, which is no score from 0.0 to 1.0")
    return score


def _value(match: re.Match[str]) -> Optional[float]:
    number = float(match["number"].replace(",", "."))
    whole = 100.0 if match["percent"] else float(match["of"] or 1)
    return number / whole if whole else None
