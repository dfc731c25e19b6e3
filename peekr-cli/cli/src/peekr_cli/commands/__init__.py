"""One sub-command of ``peekr`` a file, each registered as an entry point of ``peekr.commands``."""
