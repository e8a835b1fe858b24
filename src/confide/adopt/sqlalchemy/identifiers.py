"""Identifiers, in whichever type their column has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from confide.adopt.identifiers import new_id

if TYPE_CHECKING:
    from collections.abc import Callable


def maker(kind: sa.types.TypeEngine[Any]) -> Callable[[], Any]:
    """Return what makes identifiers for a column of a type."""
    return (lambda: as_stored(kind, new_id())) if isinstance(kind, sa.Uuid) else new_id


def as_stored(kind: sa.types.TypeEngine[Any], value: bytes) -> Any:
    """Return an identifier as an attribute of a type holds it."""
    if not isinstance(kind, sa.Uuid):
        return value
    return UUID(bytes=value) if kind.as_uuid else str(UUID(bytes=value))
