"""Identifiers, each kind with its own type, and how they are made from time and randomness."""

from __future__ import annotations

from typing import NewType

TenantId = NewType("TenantId", int)
"""Small integer that names a tenant (one organisation that is controller of its data)."""

SubjectId = NewType("SubjectId", bytes)
"""16 random bytes that name the person whose key seals a value; `NO_SUBJECT` outside every person."""

NO_SUBJECT = SubjectId(b"")

DocumentKey = NewType("DocumentKey", int)
"""63-bit, time-ordered key of a document row. Never leaves the server."""

KeyRef = NewType("KeyRef", bytes)
"""8 random bytes that name one row of the key table."""

Pseudonym = NewType("Pseudonym", bytes)
"""16 random bytes that stand for a person or a resource in the audit trail."""

KEY_BITS_RANDOM = 20
"""Low bits of a `DocumentKey`; the upper 43 hold milliseconds since 1970 (enough until the year 2248)."""


def time_ordered_key(milliseconds: int, entropy: int) -> DocumentKey:
    """Return a key that sorts by time; `entropy` fills the low 20 bits."""
    return DocumentKey((milliseconds << KEY_BITS_RANDOM) | (entropy & ((1 << KEY_BITS_RANDOM) - 1)))


def uuid7(milliseconds: int, entropy: bytes) -> bytes:
    """Return the 16 bytes of a UUIDv7 (RFC 9562 section 5.7) from a time and 10 random bytes."""
    value = bytearray(milliseconds.to_bytes(6, "big") + entropy[:10])
    value[6] = (value[6] & 0x0F) | 0x70
    value[8] = (value[8] & 0x3F) | 0x80
    return bytes(value)


def uuid4(entropy: bytes) -> bytes:
    """Return the 16 bytes of a UUIDv4 (RFC 9562 section 5.4) from 16 random bytes."""
    value = bytearray(entropy[:16])
    value[6] = (value[6] & 0x0F) | 0x40
    value[8] = (value[8] & 0x3F) | 0x80
    return bytes(value)


UUID_BYTES, TEXT_LENGTH = 16, 36
"""RFC 9562 4: 128 bits, and their text in groups of 8-4-4-4-12 digits."""


def uuid_text(value: bytes) -> str:
    """Return the canonical text of 16 UUID bytes."""
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def uuid_bytes(text: str) -> bytes | None:
    """Return the 16 bytes of a canonical lower-case UUID, or None for any other text."""
    if len(text) != TEXT_LENGTH or text[8] != "-" or text[13] != "-" or text[18] != "-" or text[23] != "-":
        return None
    try:
        value = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return None
    return value if len(value) == UUID_BYTES and uuid_text(value) == text else None
