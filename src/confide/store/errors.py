"""What can go wrong with a database."""

from __future__ import annotations

from typing import ClassVar

from confide.values.errors import ConfideError


class StoreError(ConfideError):
    """The database refused or could not be reached."""

    code: ClassVar[str] = "store.error"


class Conflict(StoreError):
    """A precondition of the unit of work did not hold; nothing of it was stored."""

    code: ClassVar[str] = "store.conflict"


class Unavailable(StoreError):
    """The database cannot be used now; whether the last unit of work was stored is told by a later read."""

    code: ClassVar[str] = "store.unavailable"


class Damaged(Unavailable):
    """A file is no database, or what is in it is not whole."""

    code: ClassVar[str] = "store.damaged"


class UnknownDatabase(StoreError):
    """The database address has a scheme that is neither sqlite nor postgresql."""

    code: ClassVar[str] = "store.unknown-database"


class SchemaBehind(StoreError):
    """The database has another schema version than this program."""

    code: ClassVar[str] = "store.schema-behind"


class SnapshotRefused(StoreError):
    """A backup is none, is not whole, or does not fit."""

    code: ClassVar[str] = "store.snapshot-refused"
