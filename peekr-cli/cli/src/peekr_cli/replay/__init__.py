"""``peekr replay``: show a stored trace step by step, and send its LLM calls again."""
