"""The few settings that the traced program's threads read; :func:`peekr.instrument` replaces their values."""

from __future__ import annotations

from typing import Any, Callable, Optional


class Settings:
    """:ivar capture_io: whether inputs and outputs may be recorded at all.
    :ivar is_secret: name and value of a parameter → whether it is redacted; None where nothing is.
    """

    __slots__ = ("capture_io", "is_secret")

    def __init__(self) -> None:
        self.capture_io = True
        self.is_secret: Optional[Callable[[str, Any], bool]] = None


settings = Settings()
