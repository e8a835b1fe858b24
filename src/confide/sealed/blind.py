"""Normalisers: what goes into a blind token. A change of their meaning is a new version and a new key."""

from __future__ import annotations

import unicodedata

VERSION = 1
SHORTEST_PREFIX, LONGEST_PREFIX = 2, 8


def normalise(text: str) -> str:
    """Return text without case, marks and punctuation, with single spaces (Unicode NFKD, casefold)."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = (" " if one.isspace() else one for one in decomposed if unicodedata.category(one)[0] in "LNZS" or one.isspace())
    return " ".join("".join(kept).split())


def prefixes(normalised: str) -> list[str]:
    """Return the prefixes of 2 to 8 characters."""
    return [normalised[:length] for length in range(SHORTEST_PREFIX, min(LONGEST_PREFIX, len(normalised)) + 1)]
