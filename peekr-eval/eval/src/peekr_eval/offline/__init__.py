"""Scoring spans that are stored already: what ``peekr eval`` does."""
