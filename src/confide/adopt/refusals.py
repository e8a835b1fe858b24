"""Refusals that reach the caller as they are: SQLAlchemy would wrap others and print the parameters of the statement with them."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy.exc import DontWrapMixin

from confide.adopt.errors import AdoptError


class PlainValue(AdoptError, DontWrapMixin):
    """A value in the clear was on its way into a sealed column; nothing was stored."""

    code: ClassVar[str] = "adopt.plain-value"


class NotSearchable(AdoptError, DontWrapMixin):
    """A sealed column was compared or sorted in a way that ciphertext cannot answer."""

    code: ClassVar[str] = "adopt.not-searchable"


class NoSubject(AdoptError, DontWrapMixin):
    """It cannot be told whose a personal value is."""

    code: ClassVar[str] = "adopt.no-subject"


class Unbound(AdoptError, DontWrapMixin):
    """A row lacks what its values are bound to, or that was to be changed behind the vault's back."""

    code: ClassVar[str] = "adopt.unbound"


class MigrationOver(AdoptError, DontWrapMixin):
    """A value was still in the clear after the day by which its column was to be sealed."""

    code: ClassVar[str] = "adopt.migration-over"


class Undeclared(AdoptError):
    """A model is declared in a way that the vault cannot serve."""

    code: ClassVar[str] = "adopt.undeclared"


class NotFinished(AdoptError):
    """A migration cannot be finished yet; nothing was changed."""

    code: ClassVar[str] = "adopt.not-finished"


class CannotAlter(AdoptError):
    """A table has something that would be lost when it is altered; nothing was changed."""

    code: ClassVar[str] = "adopt.cannot-alter"


class NotUnique(AdoptError):
    """Two rows that are to be sealed have one value in a column of which no two may have the same."""

    code: ClassVar[str] = "adopt.not-unique"
