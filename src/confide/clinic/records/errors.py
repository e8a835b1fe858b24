"""What can go wrong with the records."""

from __future__ import annotations

from typing import ClassVar

from confide.sealed.errors import SealedError


class NotFramed(SealedError):
    """A stored document is in a form that this program does not know."""

    code: ClassVar[str] = "records.not-framed"


class HoldsFiles(SealedError):
    """A document has files, and whoever opened it did not ask for them: a program error, told before anything is lost."""

    code: ClassVar[str] = "records.holds-files"


class FileMissing(SealedError):
    """A document names a file of which the database knows nothing."""

    code: ClassVar[str] = "records.file-missing"


class Hollow(SealedError):
    """A version has no content although nothing says that it was deleted: someone took it out of the database."""

    code: ClassVar[str] = "records.hollow"
