"""The demonstration behind ``peekr demo``: an agent with a bug, and an endpoint on this machine that it talks to."""
