"""The normaliser: what of a text counts when it is searched. A change of its meaning is a new version and a new key."""

from __future__ import annotations

import unicodedata

VERSION = 1
SEARCHED = 1_024
"""Characters of a text that count. One character may become eighteen, so a megabyte of them would take ten seconds to normalise."""


def normalise(text: str) -> str:
    """Return the beginning of a text without case, marks and punctuation, with single spaces (Unicode NFKD, casefold)."""
    if text.isascii():
        return " ".join(text[:SEARCHED].translate(_ASCII).split())
    return _normalise(text)


def _normalise(text: str) -> str:
    if text.isascii() and text.isalnum():  # most names: the same, without looking every letter up
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text[:SEARCHED]).casefold())
    kept = (" " if one.isspace() else one for one in decomposed if unicodedata.category(one)[0] in "LNZS" or one.isspace())
    return " ".join("".join(kept).split())


_ASCII = str.maketrans({one: " " if one.isspace() else _normalise(one) for one in map(chr, range(128))})
"""The same, for what most texts are made of: each of these characters is treated by itself."""
