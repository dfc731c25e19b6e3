"""Why a judge gave no verdict. Each ends up in ``attributes.eval_errors`` as ``Type: message``, never as a score.

::

    PeekrError
    ├── JudgeUnavailable             no SDK, no credentials (peekr.errors)
    └── JudgeError
        ├── JudgeTimeout             no answer within 30 s
        ├── JudgeRefused             the model declined
        ├── JudgeAnswerEmpty         an answer without text
        ├── JudgeAnswerCut           the limit on output tokens came first
        ├── JudgeAnswerInvalid       text that is no score, JSON that is broken or of another shape
        └── NothingToJudge           the call failed, so there is no answer

What an SDK raises otherwise (a wrong key, a rate limit, a server error) is recorded under its own name.
"""

from __future__ import annotations

from peekr.errors import JudgeUnavailable as JudgeUnavailable
from peekr.errors import PeekrError


class JudgeError(PeekrError):
    """A judge was asked and gave no verdict."""


class JudgeTimeout(JudgeError):
    """The judge did not answer in time."""


class JudgeRefused(JudgeError):
    """The judge declined to answer."""


class JudgeAnswerEmpty(JudgeError):
    """The judge answered without a word."""


class JudgeAnswerCut(JudgeError):
    """The judge's answer ended at the limit on output tokens, before its end."""


class JudgeAnswerInvalid(JudgeError):
    """The judge's answer cannot be read."""


class NothingToJudge(JudgeError):
    """The call that should be judged failed, and so has no answer."""


def excerpt(text: str, limit: int = 120) -> str:
    """Return the beginning of an answer, on one line, for an error message."""
    line = " ".join(text.split())
    return repr(line if len(line) <= limit else line[: limit - 1] + "…")
