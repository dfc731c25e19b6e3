"""Secrets in what peekr itself says: messages of exceptions go into logs and into :func:`peekr.stats`."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional

if TYPE_CHECKING:
    from peekr.config import Config
    from peekr.redaction import Redactor

logger = logging.getLogger("peekr")

_WITHHELD = "[REDACTION FAILED]"


class LogSecrets(logging.Filter):
    """Takes secrets out of the records of the logger ``peekr`` (contract PIPE-2, PIPE-3). Any thread.

    What is redacted in spans is redacted here, by the configuration in force. The redactor is made with the first
    record that needs it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._config: Optional[Config] = None
        self._redactor: Optional[Redactor] = None
        self.renew_lock()

    def renew_lock(self) -> None:
        """Forget who held the lock; after a fork nobody does."""
        self._lock = threading.RLock()

    def use(self, config: Config) -> None:
        """Redact as a configuration says, from now on."""
        with self._lock:
            self._config, self._redactor = config, None
        (logger.addFilter if config.redact else logger.removeFilter)(self)

    def text(self, text: str) -> str:
        """Return a text without secrets; one that cannot be redacted is withheld (PIPE-10)."""
        config = self._config
        if config is None or not config.redact:
            return text
        try:
            with self._lock:
                if self._redactor is None:
                    from peekr.redaction import Redactor

                    self._redactor = Redactor(config.redact_keys, config.redact_patterns, report=False)
                return self._redactor.text(text)
        except Exception:
            return _WITHHELD

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact a record; all of them pass. One without arguments and exception is of our own words only."""
        if record.args:
            try:
                record.msg, record.args = self.text(record.getMessage()), None
            except Exception:  # an argument whose str() raises: the handler meets it again, and says so
                return True
        if record.exc_info and not record.exc_text:
            record.exc_text = self.text(_FORMATTER.formatException(record.exc_info))
        return True

    def without_secrets(self, ledgers: Mapping[str, Dict[str, Any]]) -> Dict[str, Dict[str, Any]]:
        """Return ledgers of :func:`peekr.stats` whose ``last_error`` holds no secret."""
        return {
            name: {**each, "last_error": self.text(each["last_error"])} if each.get("last_error") else each
            for name, each in ledgers.items()
        }


_FORMATTER = logging.Formatter()
#: Of this process.
log_secrets = LogSecrets()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=log_secrets.renew_lock)
