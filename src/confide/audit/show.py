"""Read events back, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.audit import store

if TYPE_CHECKING:
    from confide.store.work import Database
    from confide.values.ids import TenantId

END = (1 << 63) - 1


async def newest(database: Database, tenant: TenantId, count: int, before: int = END) -> list[tuple[int, bytes]]:
    """Return up to `count` (sequence, canonical body) pairs stored before a sequence number, newest first."""
    rows = await database.fetch(store.NEWEST, {"tenant": tenant, "before": before, "count": count})
    return [(row[0], row[1]) for row in rows]
