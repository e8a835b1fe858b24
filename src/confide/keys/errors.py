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


class ProviderUnavailable(KeysError):
    """What holds the keys does not answer; nothing is known to have changed, and a later call may work."""

    code: ClassVar[str] = "keys.provider-unavailable"


class ProviderRefused(KeysError):
    """What holds the keys refuses: credentials, policy or settings; waiting does not help."""

    code: ClassVar[str] = "keys.provider-refused"


class SlotMissing(KeysError):
    """The slot has no key: it was destroyed, or never made."""

    code: ClassVar[str] = "keys.slot-missing"


class KeyMissing(KeysError):
    """No key row has the reference that the envelope names: it was shredded, or the key database is not this one's."""

    code: ClassVar[str] = "keys.missing"


class NotPermitted(KeysError):
    """The permit does not cover this tenant."""

    code: ClassVar[str] = "keys.not-permitted"


class LedgerRefused(KeysError):
    """The shred ledger is missing, cut short or changed: without it, what was erased could come back."""

    code: ClassVar[str] = "keys.ledger-refused"


class ShreddingPending(KeysError):
    """The ledger holds erasures that this database has not carried out: nothing is opened until it has."""

    code: ClassVar[str] = "keys.shredding-pending"


class KitRefused(KeysError):
    """A recovery kit is not one, or not of this instance."""

    code: ClassVar[str] = "keys.kit-refused"
