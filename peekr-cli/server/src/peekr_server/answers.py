"""How answers are written: JSON by msgspec, which takes whatever a trace may hold."""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response

from peekr import wire


class Answer(Response):
    """JSON that no cache keeps; what JSON cannot hold becomes null or text."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode."""
        return wire.encode(content)
