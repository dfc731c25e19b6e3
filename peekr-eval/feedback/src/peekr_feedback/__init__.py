"""People's ratings of traces: kept in a table beside the spans, exported as training data."""

from __future__ import annotations

from peekr_feedback.export import export_feedback as export_feedback
from peekr_feedback.ratings import Rating as Rating
from peekr_feedback.ratings import feedback as feedback
from peekr_feedback.ratings import latest_ratings as latest_ratings
