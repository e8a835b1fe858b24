"""Identifiers of rows and people."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from confide.adopt.parts import clock
from confide.values.ids import uuid7

ID_BYTES = 16


def new_id() -> bytes:
    """Return the 16 bytes of a new UUIDv7."""
    return uuid7(clock() // 1000, secrets.token_bytes(10))


def as_bytes(value: Any) -> bytes:
    """Return the 16 bytes of an identifier."""
    if isinstance(value, bytes):
        return value
    return value.bytes if isinstance(value, UUID) else UUID(str(value)).bytes
