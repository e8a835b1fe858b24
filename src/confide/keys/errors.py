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


class ProviderUnavailable(KeysError):
    """The key provider does not answer now; what it would have opened stays closed."""

    code: ClassVar[str] = "keys.provider-unavailable"


class ProviderRefused(KeysError):
    """The key provider answers and does not let us in."""

    code: ClassVar[str] = "keys.provider-refused"


class SlotMissing(KeysError):
    """The provider has no such slot: it was destroyed, or never made there."""

    code: ClassVar[str] = "keys.slot-missing"


class LedgerRefused(KeysError):
    """The shred ledger is missing, cut short or changed: without it, what was erased could come back."""

    code: ClassVar[str] = "keys.ledger-refused"


class ShreddingPending(KeysError):
    """The ledger holds erasures that this database has not carried out: nothing is opened until it has."""

    code: ClassVar[str] = "keys.shredding-pending"


class KitRefused(KeysError):
    """A recovery kit is not one, or not of this instance."""

    code: ClassVar[str] = "keys.kit-refused"
