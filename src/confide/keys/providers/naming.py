"""Names of slots, and the names that they have where a provider keeps them."""

from __future__ import annotations

import re

from confide.values.place import length_prefixed

SLOT = re.compile(r"[a-z]{1,16}-[1-9][0-9]{0,8}")
PREFIX = re.compile(r"[A-Za-z0-9_-]{0,64}")
"""What every provider takes in a name."""
ROOT = "root-"


def check_slot(slot: str) -> str:
    """Return a slot's name if it is one.

    Raises:
        ValueError: it is not; a mistake in the program.
    """
    if SLOT.fullmatch(slot) is None:
        message = "a slot is named like root-1 or epoch-7"
        raise ValueError(message)
    return slot


def is_root(slot: str) -> bool:
    """Tell whether a slot holds a root key."""
    return slot.startswith(ROOT)


def number(slot: str) -> int:
    """Return the number of a slot; the highest root is the current one."""
    return int(slot.rpartition("-")[2])


def slot_of(name: str, prefix: str) -> str | None:
    """Return the slot that a provider's name stands for, or None for a name that is not ours."""
    slot = name.removeprefix(prefix)
    return slot if name.startswith(prefix) and SLOT.fullmatch(slot) else None


def bound(slot: str, context: bytes) -> bytes:
    """Return what a wrap is bound to: the slot and the caller's context, never empty."""
    return length_prefixed(b"confide slot", slot.encode(), context)
