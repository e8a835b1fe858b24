"""What the databases hold, read past the server: how many rows and files, and the events of the audit trail."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TRAIL = "audit_outbox"
ACCOUNT, DOCUMENT, ENROLMENT, KEY, SHARED, STORED, TOKEN, VERSION = (
    "account",
    "document",
    "enrolment",
    "wrapped_key",
    "shared_version",
    "stored_file",
    "token",
    "version",
)
FILES = "files"
"""Attachments, which lie beside the database."""
ORPHANS = "token of no document"
"""Negative numbers are no documents: see records/blind.py."""
_NOT_OURS = {"alembic_version", "sqlite_sequence", TRAIL}

Counts = dict[str, int]


class Tables:
    """The two databases of an instance."""

    def __init__(self, folder: Path, postgresql: str | None) -> None:
        """Take the folder of the instance, and the address of the data database where it is not in it."""
        self._folder, self._postgresql, self._told = folder, postgresql, 0

    def count(self) -> Counts:
        """Return the rows of each table but the audit trail, the files, and the tokens that belong to no document."""
        names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'" if self._postgresql else _SQLITE_NAMES
        texts = _counting(row[0] for row in self._data([names])[0])
        texts[ORPHANS] = f"SELECT count(*) FROM {TOKEN} WHERE document > 0 AND document NOT IN (SELECT key FROM {DOCUMENT})"  # noqa: S608 - our own names
        data = dict(zip(texts, self._data(list(texts.values())), strict=True))
        data[FILES] = [[sum(path.is_file() for path in (self._folder / "objects").rglob("*"))]]
        keys = self._folder / "keys.db"
        texts = _counting(row[0] for row in _sqlite(keys, [_SQLITE_NAMES])[0])
        return {name: rows[0][0] for name, rows in (data | dict(zip(texts, _sqlite(keys, list(texts.values())), strict=True))).items()}

    def new_events(self) -> list[bytes]:
        """Return the audit events that have come since this was last asked."""
        rows = self._data([f"SELECT sequence, body FROM {TRAIL} WHERE sequence > {self._told} ORDER BY sequence"])[0]  # noqa: S608 - our own
        self._told = rows[-1][0] if rows else self._told
        return [bytes(row[1]) for row in rows]

    def _data(self, texts: Sequence[str]) -> list[list[Any]]:
        return asyncio.run(_postgresql(self._postgresql, texts)) if self._postgresql else _sqlite(self._folder / "data.db", texts)


_SQLITE_NAMES = "SELECT name FROM sqlite_master WHERE type = 'table'"


def _counting(names: Any) -> dict[str, str]:
    return {name: f"SELECT count(*) FROM {name}" for name in names if name not in _NOT_OURS}  # noqa: S608 - the database's own names


def _sqlite(path: Path, texts: Sequence[str]) -> list[list[Any]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [connection.execute(text).fetchall() for text in texts]


async def _postgresql(url: str, texts: Sequence[str]) -> list[list[Any]]:
    connection: Any = await asyncpg.connect(url)
    try:
        return [await connection.fetch(text) for text in texts]
    finally:
        await connection.close()


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> Counts:
    """Return by how much each table has changed, where it has."""
    return {name: after[name] - before[name] for name in after if after[name] != before.get(name, 0)}
