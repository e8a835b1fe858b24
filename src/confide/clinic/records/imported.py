"""Which files were imported: a journal row in the transaction of the bundle, so that a second run skips what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.clinic.records import store
from confide.store.work import Add

if TYPE_CHECKING:
    from confide.keys.hierarchy import Keyring
    from confide.store.work import Database
    from confide.values.ids import TenantId

TABLE, COLUMN = b"import_journal", b"digest"


def digest(keyring: Keyring, tenant: TenantId, content: bytes) -> bytes:
    """Return the 32 bytes under which a file is remembered; equal files have equal digests."""
    return keyring.field(tenant, TABLE, COLUMN, 1).digest(content)


async def is_known(database: Database, tenant: TenantId, known: bytes) -> bool:
    """Tell whether a file with this digest was imported."""
    return bool(await database.fetch(store.IMPORTED_BEFORE, {"tenant": tenant, "digest": known}))


def step(tenant: TenantId, known: bytes, now: int) -> Add:
    """Return the step that remembers a file; a second one for the same file makes its unit of work fail as a Conflict."""
    return Add(store.ADD_IMPORTED, [(tenant, known, now)])
