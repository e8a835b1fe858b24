"""What can go wrong with a sealed value."""

from __future__ import annotations

from typing import ClassVar

from confide.values.errors import ConfideError


class SealedError(ConfideError):
    """A sealed value cannot be used."""

    code: ClassVar[str] = "sealed.error"


class DocumentTooLarge(SealedError):
    """A stored frame claims an impossible size."""

    code: ClassVar[str] = "sealed.too-large"


class TooManyTokens(SealedError):
    """A search would list more index entries than one search may."""

    code: ClassVar[str] = "sealed.too-many-tokens"
