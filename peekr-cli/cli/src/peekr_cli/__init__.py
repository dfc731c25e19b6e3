"""The ``peekr`` command. Its sub-commands are entry points of the group ``peekr.commands``, anybody's."""
