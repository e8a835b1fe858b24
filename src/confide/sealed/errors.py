"""What can go wrong with a sealed value."""

from __future__ import annotations

from typing import ClassVar

from confide.values.errors import ConfideError


class SealedError(ConfideError):
    """A sealed value cannot be used."""

    code: ClassVar[str] = "sealed.error"


class DocumentTooLarge(SealedError):
    """A document is larger than any that would be opened again."""

    code: ClassVar[str] = "sealed.too-large"


class NotADocument(SealedError):
    """What an envelope holds opens, and is no document that this program writes."""

    code: ClassVar[str] = "sealed.not-a-document"


class TooManyTokens(SealedError):
    """A search would list more index entries than one search may."""

    code: ClassVar[str] = "sealed.too-many-tokens"


class WrongKind(SealedError):
    """A value is not of the type that its column declares."""

    code: ClassVar[str] = "sealed.wrong-kind"


class TooLong(SealedError):
    """A text is longer than its column allows."""

    code: ClassVar[str] = "sealed.too-long"


class NotSealed(SealedError):
    """A personal value would have left memory in the clear."""

    code: ClassVar[str] = "sealed.not-sealed"


class DeclarationRefused(SealedError):
    """A personal column is declared in a way that cannot be kept."""

    code: ClassVar[str] = "sealed.declaration-refused"


class SearchRefused(SealedError):
    """A search that the declaration of a column does not allow, or that ciphertext cannot answer."""

    code: ClassVar[str] = "sealed.search-refused"


class NotAFile(SealedError):
    """An envelope stands where a file should be, and holds another kind of value."""

    code: ClassVar[str] = "sealed.not-a-file"


class NotWhole(SealedError):
    """A stored file is shorter or longer than it was when it was stored."""

    code: ClassVar[str] = "sealed.not-whole"
