"""Keys, references and identifiers from the operating system's generator, and from nowhere else."""

from __future__ import annotations

import secrets

from confide.values.ids import KeyRef, Pseudonym, SubjectId, uuid4

KEY_BYTES = 32
"""AES-256."""


def new_key() -> bytearray:
    """Return 32 fresh key bytes in a buffer that the caller wipes with `wipe`."""
    return bytearray(secrets.token_bytes(KEY_BYTES))


def wipe(buffer: bytearray) -> None:
    """Overwrite a key buffer. Copies that the interpreter or the engine made are out of reach; this shortens their odds."""
    buffer[:] = bytes(len(buffer))


def new_key_ref() -> KeyRef:
    """Return 8 random bytes that name a key row."""
    return KeyRef(secrets.token_bytes(8))


def new_pseudonym() -> Pseudonym:
    """Return 16 random bytes that mean nothing."""
    return Pseudonym(secrets.token_bytes(16))


STRANGER_BITS = 48
"""Of the random part: marks of one generation of an index."""


def new_stranger(generation: int) -> int:
    """Return a random number between -(generation + 1)·2⁴⁸ and -generation·2⁴⁸ - 1, which is the key of no document."""
    return -1 - (generation << STRANGER_BITS) - secrets.randbits(STRANGER_BITS)


def new_uuid4() -> SubjectId:
    """Return the 16 bytes of a random UUID; a Patient's own identifier also names its subject."""
    return SubjectId(uuid4(secrets.token_bytes(16)))
