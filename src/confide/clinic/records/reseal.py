"""Seal again what is sealed under superseded keys: the slow half of a rotation of data keys, while the server goes on.

Nothing is remembered between two runs: what is left to do is read off the headers of the envelopes, so a killed run is simply repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.clinic.records import file_rows, store
from confide.clinic.records.model import found
from confide.clinic.records.read import unseal_stored
from confide.crypto.envelope import parse_header
from confide.sealed import documents
from confide.store.work import Alter, Unit
from confide.values.ids import KeyRef

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from confide.keys.hierarchy import Keyring
    from confide.store.work import Database
    from confide.values.permit import Permit

BATCH = 500
"""Headers looked at, and at most versions sealed again, in one transaction."""


async def versions(database: Database, tenant: int) -> int:
    """Return how many versions there are to look at."""
    return int((await database.fetch(store.COUNT_VERSIONS, {"tenant": tenant}))[0][0])


async def reseal(
    database: Database, keyring: Keyring, permit: Permit, superseded: Collection[KeyRef], report: Callable[[int], None], now: int
) -> None:
    """Seal every version that is under a superseded key under the newest one of its place.

    The caller owes the audit trail an event.

    Raises:
        KeysError, CryptoError: a value does not open; what was sealed before it stays so.
    """
    after, number = 0, 0
    tenant = permit.principal.tenant
    while True:
        rows = await database.fetch(store.HEADERS, {"tenant": tenant, "after": after, "number": number, "count": BATCH})
        if not rows:
            return
        old = [(row[0], row[1]) for row in rows if parse_header(row[2]).key_ref in superseded]
        steps = [step for one in old if (step := await _renewed(database, keyring, permit, *one, now)) is not None]
        if steps:
            await database.commit(Unit(tuple(steps)))
        after, number = rows[-1][0], rows[-1][1]
        report(len(rows))


async def in_use(database: Database, tenant: int) -> set[KeyRef]:
    """Return the keys that some version or some file is sealed under."""
    after, number, found_keys = 0, 0, set()
    while rows := await database.fetch(store.HEADERS, {"tenant": tenant, "after": after, "number": number, "count": BATCH}):
        found_keys |= {parse_header(row[2]).key_ref for row in rows}
        after, number = rows[-1][0], rows[-1][1]
    file = b""
    while rows := await database.fetch(file_rows.ALL_FILES, {"tenant": tenant, "after": file, "count": BATCH}):
        found_keys |= {KeyRef(row[4]) for row in rows}
        file = rows[-1][0]
    return found_keys


async def _renewed(database: Database, keyring: Keyring, permit: Permit, document: int, number: int, now: int) -> Alter | None:
    rows = await database.fetch(store.ONE_VERSION, {"document": document, "number": number})
    version = found(rows[0]) if rows else None
    if version is None or version.sealed is None:
        return None  # erased meanwhile
    [content] = await unseal_stored(keyring, permit, [version], now)
    place = version.home.place(permit.principal.tenant, version.id, version.number)
    key = await keyring.sealer(place.tenant, place.subject, place.purpose_class, now)
    return Alter(store.RESEAL, {"this": document, "seen": number, "sealed": documents.seal(key, place, content)}, None)
