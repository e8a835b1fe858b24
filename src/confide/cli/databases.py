"""The two databases of an instance: what they are, and whether one of them was lost while the rest is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from confide.cli.errors import PartLost
from confide.clinic.records.jobs import REBUILT
from confide.identity.tokens import SESSIONS
from confide.store import migrate, snapshot
from confide.store.schema import DATA, KEYS

if TYPE_CHECKING:
    import sqlalchemy as sa

    from confide.clinic.settings import Settings


@dataclass(frozen=True, slots=True)
class Source:
    """One of the two databases."""

    which: migrate.Which
    url: str
    metadata: sa.MetaData
    without: frozenset[str]

    def is_made(self) -> bool:
        """Tell whether it has a schema."""
        return migrate.is_there(self.url) and migrate.revision(self.url, self.which) is not None

    def has_rows(self) -> bool:
        """Tell whether it holds anything."""
        return migrate.is_there(self.url) and not snapshot.is_empty(self.url, self.metadata)


def sources(settings: Settings) -> tuple[Source, Source]:
    """Return both databases, in the order in which they are saved."""
    return (
        Source(migrate.Which.DATA, settings.data_url, DATA, REBUILT | SESSIONS),
        Source(migrate.Which.KEYS, settings.keys_url, KEYS, frozenset()),
    )


def check_none_lost(settings: Settings) -> None:
    """Return if no database was lost while something that belongs to it is there; what a stopped init left is no loss.

    Init makes the data database first and the first keys last, and whoever was erased was in both.

    Raises:
        PartLost: one was; nothing is made or written.
    """
    data, keys = sources(settings)
    erased = settings.ledger.exists() and settings.ledger.stat().st_size > 0
    rows, keyed = data.has_rows(), keys.has_rows()
    gone = {"data": not rows and (erased or (keyed and not data.is_made())), "key": not keyed and (rows or erased)}
    lost = [name for name, is_gone in gone.items() if is_gone]
    if lost:
        there = [name for name, is_there in (("data", rows), ("keys", keyed), ("a shred ledger", erased)) if is_there]
        message = (
            f"{settings.folder} has {' and '.join(there)}, and its {' and '.join(lost)} database is missing or empty. A new one would open "
            "nothing of what is there: put it back, or move the other database away and restore both from backups (confide restore)."
        )
        raise PartLost(message)


def check_schema(settings: Settings) -> None:
    """Return if both databases are there, belong together and have the schema of this program; nothing is made.

    Raises:
        PartLost: one was lost.
        SchemaBehind: another schema, or none yet.
    """
    check_none_lost(settings)
    for source in sources(settings):
        migrate.check(source.url, source.which)
