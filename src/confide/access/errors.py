"""Refusals."""

from __future__ import annotations

from typing import ClassVar

from confide.values.errors import ConfideError


class AccessError(ConfideError):
    """Access was refused."""

    code: ClassVar[str] = "access.error"


class Denied(AccessError):
    """The policy gives the principal no right to this action on this type."""

    code: ClassVar[str] = "access.denied"


class Unauthenticated(AccessError):
    """No valid bearer token came with the request."""

    code: ClassVar[str] = "access.unauthenticated"
