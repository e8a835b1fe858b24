"""How a word sounds, so that Smyth is found by Smith."""

from __future__ import annotations

import jellyfish


def sound(text: str) -> str:
    """Return the sound of a normalised text: its Metaphone code, or the text itself where it has none.

    Metaphone knows the letters of English only; whatever is written in others is alike only where it is equal.
    """
    together = text.replace(" ", "")
    return jellyfish.metaphone(together) or together


def entry(text: str) -> bytes:
    """Return the entry of a normalised text."""
    return b"s" + sound(text).encode()
