"""Store a unit of work in the backend's database, waiting for the backend where an SQLite file takes one writer."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from confide.adopt.errors import StillWriting
from confide.store.errors import Unavailable

if TYPE_CHECKING:
    from confide.store.work import Database, Unit

RETRY_SECONDS = 0.02
_BUSY = "SQLITE_BUSY"


async def store(database: Database, unit: Unit, seconds: float) -> None:
    """Store a unit; the event loop goes on while another writer holds the file.

    Raises:
        StillWriting: it held the file all the time.
        Unavailable, Conflict: as the database says.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            await database.commit(unit)
        except Unavailable as error:
            if _BUSY not in str(error):
                raise
            if time.monotonic() > until:
                message = (
                    "A transaction that writes to the database was still open while the vault had to write: commit it or roll it back "
                    "before the scope ends or the answer leaves. SQLite takes one writer."
                )
                raise StillWriting(message) from None
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
