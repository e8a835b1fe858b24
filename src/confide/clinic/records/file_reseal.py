"""Seal files again that are under superseded keys: the part of a rotation of data keys that moves most bytes, in constant memory.

Each goes into a new object; the row then names it, and the old one is an orphan for the sweep. A killed run is simply repeated.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from confide.access.unseal import stream_opener
from confide.clinic.records import file_rows, store
from confide.clinic.records.filing import new_file, place_of
from confide.clinic.records.model import found
from confide.sealed import file_objects
from confide.store.work import Alter, Unit
from confide.values.ids import KeyRef

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from confide.clinic.records.attachments import Reader

BATCH = 200


async def reseal_files(reader: Reader, superseded: Collection[KeyRef], report: Callable[[int], None]) -> int:
    """Seal every file that is under a superseded key under the newest one of its place; return how many.

    The caller owes the audit trail an event.

    Raises:
        KeysError, CryptoError, SealedError, StoreError: a file does not open or cannot be had; what was sealed before it stays so.
    """
    done, after = 0, b""
    values = {"tenant": reader.permit.principal.tenant, "count": BATCH}
    while rows := await reader.database.fetch(file_rows.ALL_FILES, {**values, "after": after}):
        for row in rows:
            if row[4] in superseded:
                done += await _renew(reader, *row)
        after = rows[-1][0]
        report(len(rows))
    return done


async def _renew(reader: Reader, file: bytes, document: int, number: int, name: bytes, key_ref: bytes, size: int) -> int:
    rows = await reader.database.fetch(store.ONE_VERSION, {"document": document, "number": number})
    if not rows:
        return 0  # its version is gone, and so will it be
    version, files, now = found(rows[0]), reader.files, reader.now
    home = version.home.place(reader.permit.principal.tenant, version.id, version.number)
    place = place_of(home, file)
    opener = await stream_opener(reader.keyring, reader.permit, [KeyRef(key_ref)], now)
    key = await reader.keyring.sealer(place.tenant, place.subject, place.purpose_class, now)
    renewed = new_file()
    async with aclosing(file_objects.get_pieces(files.beside, files.name(name), opener, place, size)) as pieces:
        await file_objects.put_pieces(files.beside, files.name(renewed), key, place, pieces)
    values = {"this": file, "seen": name, "object": renewed, "key_ref": key.key_ref}
    await reader.database.commit(Unit((Alter(file_rows.MOVE_FILE, values, None),)))
    return 1
