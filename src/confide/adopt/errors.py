"""What can go wrong in an adopting backend."""

from __future__ import annotations

from typing import ClassVar

from confide.values.errors import ConfideError


class AdoptError(ConfideError):
    """The vault of an adopting backend cannot do what was asked."""

    code: ClassVar[str] = "adopt.error"


class NobodyActs(AdoptError):
    """A personal value was to be opened, and nobody said who acts and why."""

    code: ClassVar[str] = "adopt.nobody-acts"


class AlreadyActing(AdoptError):
    """Someone acts already in this scope, or for another purpose."""

    code: ClassVar[str] = "adopt.already-acting"


class NotYours(AdoptError):
    """A person was to be shown a value of somebody else."""

    code: ClassVar[str] = "adopt.not-yours"


class TimedOut(AdoptError):
    """The keys or the audit trail did not answer in time."""

    code: ClassVar[str] = "adopt.timed-out"


class Misused(AdoptError):
    """The vault was called in a way that cannot work."""

    code: ClassVar[str] = "adopt.misused"


class KeysLost(AdoptError):
    """The key database or the key file is missing; nothing was made in its place."""

    code: ClassVar[str] = "adopt.keys-lost"


class StillWriting(AdoptError):
    """The backend's own transaction kept the audit trail from being written; nothing that was opened may leave."""

    code: ClassVar[str] = "adopt.still-writing"


class ErasurePending(AdoptError):
    """An erasure is certain and could not be carried out at once; nothing opens until it is."""

    code: ClassVar[str] = "adopt.erasure-pending"


class StillReferenced(AdoptError):
    """Rows that an erasure deletes are referred to by rows that it leaves; nothing was deleted, and nothing written down."""

    code: ClassVar[str] = "adopt.still-referenced"
