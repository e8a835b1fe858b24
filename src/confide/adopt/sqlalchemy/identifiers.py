"""Identifiers of rows and people, in whichever type their column has."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from confide.adopt.parts import clock
from confide.values.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Callable

ID_BYTES = 16


def new_id() -> bytes:
    """Return the 16 bytes of a new UUIDv7."""
    return uuid7(clock() // 1000, secrets.token_bytes(10))


def maker(kind: sa.types.TypeEngine[Any]) -> Callable[[], Any]:
    """Return what makes identifiers for a column of a type."""
    return (lambda: as_stored(kind, new_id())) if isinstance(kind, sa.Uuid) else new_id


def as_bytes(value: Any) -> bytes:
    """Return the 16 bytes of an identifier."""
    if isinstance(value, bytes):
        return value
    return value.bytes if isinstance(value, UUID) else UUID(str(value)).bytes


def as_stored(kind: sa.types.TypeEngine[Any], value: bytes) -> Any:
    """Return an identifier as an attribute of a type holds it."""
    if not isinstance(kind, sa.Uuid):
        return value
    return UUID(bytes=value) if kind.as_uuid else str(UUID(bytes=value))
