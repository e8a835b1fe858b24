"""What can go wrong with keys."""

from __future__ import annotations

from typing import ClassVar

from confide.values.errors import ConfideError


class KeysError(ConfideError):
    """A key cannot be used."""

    code: ClassVar[str] = "keys.error"


class KeyFileRefused(KeysError):
    """The key file is missing, unreadable, open to others, or not a key file."""

    code: ClassVar[str] = "keys.file-refused"


class KeyMissing(KeysError):
    """No key row has the reference that the envelope names: it was shredded, or the key database is not this one's."""

    code: ClassVar[str] = "keys.missing"


class NotPermitted(KeysError):
    """The permit does not cover this tenant."""

    code: ClassVar[str] = "keys.not-permitted"
