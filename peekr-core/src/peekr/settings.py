"""The few settings that the traced program's threads read; :func:`peekr.instrument` replaces their values."""

from __future__ import annotations


class Settings:
    """:ivar capture_io: whether inputs and outputs may be recorded at all."""

    __slots__ = ("capture_io",)

    def __init__(self) -> None:
        self.capture_io = True


settings = Settings()
