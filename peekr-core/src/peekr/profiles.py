"""Profiles: settings that go together, by the name of what they are for."""

from __future__ import annotations

from enum import Enum
from typing import Any, Dict, Mapping


class Profile(str, Enum):
    """What :class:`peekr.TraceConfig` is made for; a profile's settings give way to arguments and the environment."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"
    DEBUG = "debug"


#: Profile → the settings that it brings (contract CONF-3).
PROFILES: Mapping[Profile, Dict[str, Any]] = {
    Profile.PRODUCTION: {
        "sample_rate": 0.01,
        "compression_enabled": True,
        "compression_level": 6,
        "encryption_enabled": True,
        "log_level": "WARNING",
        "batch_size": 100,
        "queue_size": 1000,
    },
    Profile.DEVELOPMENT: {
        "sample_rate": 0.5,
        "compression_enabled": True,
        "compression_level": 3,
        "encryption_enabled": False,
        "log_level": "INFO",
        "batch_size": 50,
        "queue_size": 1000,
    },
    Profile.DEBUG: {
        "sample_rate": 1.0,
        "compression_enabled": False,
        "encryption_enabled": False,
        "log_level": "DEBUG",
        "batch_size": 10,
        "queue_size": 2000,
    },
}


def profile_named(name: Any) -> Profile:
    """Return the profile of this name, in any case of letters.

    :raises ValueError: saying which there are.
    """
    try:
        return Profile(name.strip().lower() if isinstance(name, str) else name)
    except ValueError:
        raise ValueError("must be " + ", ".join(repr(profile.value) for profile in Profile)) from None
