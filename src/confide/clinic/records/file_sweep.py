"""Delete the objects that nothing needs any more.

There are two kinds. A *left* file still has its row, and its version is gone: erasure leaves the rows on purpose, so that a kill or a
store that is down loses no name. An *orphan* has no row: its upload ended, and the transaction that would have named it did not. It is
found by comparing the store with the database, and only believed when it is old, since another request may be about to name it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from confide.clinic.records import file_rows
from confide.store.work import Alter, Unit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any, TypeVar

    from confide.clinic.records.filing import Files
    from confide.store.statements import Query
    from confide.store.work import Database
    from confide.values.ids import DocumentKey, TenantId

    T = TypeVar("T")

BATCH = 200


@dataclass(slots=True)
class Swept:
    """What was deleted, or would be."""

    seen: int = 0
    """Objects of this instance in the store."""
    left: int = 0
    orphans: int = 0
    unfinished: int = 0
    """Uploads that were killed before their end."""
    bytes: int = 0
    """Size of the orphans."""


async def of_patient(files: Files, database: Database, patient: DocumentKey) -> int:
    """Delete the files that an erased patient left; return how many."""
    return await _drop(files, database, file_rows.LEFT_OF_PATIENT, {"patient": patient})


async def of_document(files: Files, database: Database, document: DocumentKey) -> int:
    """Delete the files of versions of a document that are gone; return how many."""
    return await _drop(files, database, file_rows.LEFT_OF_DOCUMENT, {"document": document})


async def left(files: Files, database: Database, tenant: TenantId) -> int:
    """Delete every file whose version is gone; return how many. Others get their turn in between."""
    return sum([await _drop(files, database, file_rows.LEFT_AMONG, page) async for page in _pages(database, tenant)])


async def sweep(
    files: Files, database: Database, tenant: TenantId, before: int, report: Callable[[int], None], *, dry_run: bool = False
) -> Swept:
    """Delete what is left, and orphans and unfinished uploads from before a time (µs since 1970); a dry run only counts.

    Raises:
        Unavailable, ObjectsRefused: what was deleted stays so.
    """
    swept = Swept()
    swept.left = await _count_left(database, tenant) if dry_run else await left(files, database, tenant)
    store = files.beside.objects
    async for objects in _batches(files, store.list(files.prefix + "/")):
        for one in objects:
            key = files.key(one.name)
            swept.seen += key is not None
            if key is None or one.written >= before or await database.fetch(file_rows.HELD, {"object": key}):
                continue
            swept.orphans += 1
            swept.bytes += one.size
            if not dry_run:
                await files.beside.call(store.delete, one.name)
        report(len(objects))
    async for unfinished in _batches(files, store.unfinished(files.prefix + "/")):
        for part in unfinished:
            if part.begun < before:
                swept.unfinished += 1
                if not dry_run:
                    await files.beside.call(store.discard, part)
    return swept


async def _batches(files: Files, items: Iterator[T]) -> Any:
    """Yield lists out of an iterator that waits for the store."""
    while batch := await files.beside.call(lambda: list(islice(items, BATCH))):
        yield batch


async def _drop(files: Files, database: Database, query: Query, values: dict[str, object]) -> int:
    dropped = 0
    while rows := await database.fetch(query, {**values, "count": BATCH}):
        for _, name in rows:  # first the object: a kill in between leaves the row, and the next run deletes again
            await files.beside.call(files.beside.objects.delete, files.name(name))
        await database.commit(Unit(tuple(Alter(file_rows.DROP_FILE, {"this": row[0]}, None) for row in rows)))
        dropped += len(rows)
    return dropped


async def _count_left(database: Database, tenant: TenantId) -> int:
    return sum([len(await database.fetch(file_rows.LEFT_AMONG, {**page, "count": BATCH})) async for page in _pages(database, tenant)])


async def _pages(database: Database, tenant: TenantId) -> AsyncIterator[dict[str, object]]:
    """Yield the bounds of a few hundred files at a time, until all were looked at."""
    after = b""
    while rows := await database.fetch(file_rows.ALL_FILES, {"tenant": tenant, "after": after, "count": BATCH}):
        yield {"after": after, "last": rows[-1][0]}
        after = rows[-1][0]
        await asyncio.sleep(0)
