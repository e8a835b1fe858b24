"""Which files were imported: a journal row in the transaction of the bundle, so that a second run skips what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from confide.datamap.columns import RANDOM, TENANT, WHEN
from confide.store.schema import DATA
from confide.store.statements import Insert, Query
from confide.store.work import Add

if TYPE_CHECKING:
    from confide.keys.hierarchy import Keyring
    from confide.store.work import Database
    from confide.values.ids import TenantId

TABLE, COLUMN = b"import_journal", b"digest"

IMPORTED = sa.Table(
    "import_journal",
    DATA,
    sa.Column("tenant", sa.Integer, primary_key=True, autoincrement=False, info=TENANT),
    sa.Column("digest", sa.LargeBinary(32), primary_key=True, info=RANDOM),
    sa.Column("imported", sa.BigInteger, nullable=False, info=WHEN),
    sqlite_with_rowid=False,
)
"""`digest` is a keyed hash of the file's bytes, which tells nothing without the index key; `imported` in µs since 1970."""

ADD_IMPORTED = Insert(IMPORTED)

KNOWN = Query(
    sa.select(IMPORTED.c.imported).where(IMPORTED.c.tenant == sa.bindparam("tenant"), IMPORTED.c.digest == sa.bindparam("digest"))
)


def digest(keyring: Keyring, tenant: TenantId, content: bytes) -> bytes:
    """Return the 32 bytes under which a file is remembered; equal files have equal digests."""
    return keyring.field(tenant, TABLE, COLUMN, 1).digest(content)


async def is_known(database: Database, tenant: TenantId, known: bytes) -> bool:
    """Tell whether a file with this digest was imported."""
    return bool(await database.fetch(KNOWN, {"tenant": tenant, "digest": known}))


def step(tenant: TenantId, known: bytes, now: int) -> Add:
    """Return the step that remembers a file; a second one for the same file makes its unit of work fail as a Conflict."""
    return Add(ADD_IMPORTED, [(tenant, known, now)])
