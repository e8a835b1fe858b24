"""The audit event in its final format: canonical JSON, no floats, at most 65,535 bytes, no personal value in the clear."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec

from confide.values.ids import uuid7, uuid_text

if TYPE_CHECKING:
    from confide.values.ids import Pseudonym

MAX_BYTES = 65_535
"""A leaf of the audit tree carries its length in two bytes."""
SALT_BYTES = 16
"""Without it, a pruned event of few possible contents could be guessed from its 32-byte leaf hash."""
ENTROPY_BYTES = 10 + SALT_BYTES


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event; field names are in the order of canonical JSON (RFC 8785: sorted by code unit)."""

    action: str
    actor: str | None = None
    consent: str | None = None
    explanation: str
    id: str
    network: str | None = None
    outcome: str
    parameters: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()
    purpose: str | None = None
    request: str
    resources: tuple[str, ...] = ()
    role: str | None = None
    salt: str
    sealed: str | None = None
    sentence: str | None = None
    time: str
    type: str
    version: int = msgspec.field(name="v")


_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_ENCODER = msgspec.json.Encoder(order="sorted")


def pseudonyms(values: list[Pseudonym]) -> tuple[str, ...]:
    """Return the text form of pseudonyms, each once, in order of appearance."""
    return tuple(dict.fromkeys(value.hex() for value in values))


def stamp(now: int, entropy: bytes) -> tuple[bytes, str, str, str]:
    """Return (identifier bytes, identifier, RFC 3339 time, salt) of an event at `now` µs since 1970 from 26 random bytes."""
    identifier = uuid7(now // 1000, entropy[:10])
    return identifier, uuid_text(identifier), rfc3339(now), entropy[10:26].hex()


def rfc3339(now: int) -> str:
    """Return microseconds since 1970 as UTC text with six decimals, without a float on the way."""
    seconds, micro = divmod(now, 1_000_000)
    days, rest = divmod(seconds, 86_400)
    year, month, day = _civil(days)
    return f"{year:04d}-{month:02d}-{day:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}.{micro:06d}Z"


def _civil(days: int) -> tuple[int, int, int]:
    day = date.fromordinal(_EPOCH_ORDINAL + days)
    return day.year, day.month, day.day


def encode(event: Event) -> bytes:
    """Return the canonical bytes of an event."""
    return _ENCODER.encode(event)
