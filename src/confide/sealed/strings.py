"""Strings that are searched by their beginning or as a whole. All texts here are normalised (`sealed.blind`).

Every string has five entries, whatever its length, so that their number does not tell it: a guess by length alone would find the
commonest name of each length. Not every length has an entry of its own: a search by five letters looks at four, and the exact check
after opening drops what it found too much (measured: docs/security/leakage.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

LENGTHS = (2, 3, 4, 6, 8)
"""Of the prefixes that have an entry."""
SHORTEST, LONGEST = LENGTHS[0], LENGTHS[-1]


def stored(text: str) -> list[bytes | None]:
    """Return the five entries of a string; None stands for one that it is too short for."""
    found = [b"p" + text[:length].encode() if len(text) >= length else None for length in LENGTHS]
    if len(text) < LONGEST:
        found[-1] = b"w" + text.encode()
    return found


def beginning(text: str) -> bytes:
    """Return the entry that every string has that begins with a text of at least two characters."""
    return b"p" + text[: max(length for length in LENGTHS if length <= len(text))].encode()


def whole(text: str) -> bytes:
    """Return the entry of a string as a whole; long strings share that of their first eight characters."""
    return b"p" + text[:LONGEST].encode() if len(text) >= LONGEST else b"w" + text.encode()


def dated(text: str, day: date) -> bytes:
    """Return the compound entry of the first two characters and a day, such as name and birth: nearly everyone has one of their own."""
    return b"c" + text[:SHORTEST].encode() + b"\x00" + day.isoformat().encode()
