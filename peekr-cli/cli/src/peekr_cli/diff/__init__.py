"""``peekr diff``: what is different between two traces, two files or two times."""
