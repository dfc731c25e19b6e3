"""Temporary: moved to peekr.spans."""

from peekr.spans import *  # noqa
from peekr.spans import Span, Anchor, current_of, describe_error, Parent  # noqa
