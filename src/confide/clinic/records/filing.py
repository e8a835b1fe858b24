"""Store the files of a version: sealed in the version's own place, in objects with random names, before the rows that name them.

A kill between the two leaves an object that no row names; `file_sweep` finds it.
"""

from __future__ import annotations

import io
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confide.sealed import file_objects
from confide.values.place import Place

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable

    from confide.crypto.envelope import DataKey
    from confide.crypto.stream import Piece
    from confide.keys.hierarchy import Keyring
    from confide.store.objects.beside import Beside
    from confide.values.ids import KeyRef, TenantId

TABLE = bytes.fromhex("5d3f0c7be1a94b6c8e2f7a90d4c61b35")
"""UUID of the files in envelope contexts; it stays when the table is renamed."""
COLUMN = bytes.fromhex("c1e86a4f3b7d4e0295d8a7f61b0e3c42")
"""UUID of their content."""
ID_BYTES = 16
PREFIX_BYTES = 8


@dataclass(frozen=True, slots=True)
class Files:
    """The object store of one instance."""

    beside: Beside
    prefix: str
    """What the names of its objects begin with, so that instances may share a bucket and none sweeps what another has put."""

    def name(self, key: bytes) -> str:
        """Return the name of an object: random, in one of 256 folders, telling nothing of what it holds or whose it is."""
        text = key.hex()
        return f"{self.prefix}/{text[:2]}/{text[2:]}"

    def key(self, name: str) -> bytes | None:
        """Return the random part of a name; None where it is not one of ours."""
        try:
            key = bytes.fromhex(name.rpartition(f"{self.prefix}/")[2].replace("/", ""))
        except ValueError:
            return None
        return key if len(key) == ID_BYTES and self.name(key) == name else None


@dataclass(frozen=True, slots=True)
class Filed:
    """A file of a version."""

    file: bytes
    object: bytes
    key_ref: KeyRef
    size: int


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is to be stored."""

    filed: Filed
    place: Place
    key: DataKey
    data: bytes


def files_of(beside: Beside, keyring: Keyring, tenant: TenantId) -> Files:
    """Return the object store of the organisation; its prefix comes from the index key, so it is as random and lasts as long."""
    digest = keyring.field(tenant, TABLE, COLUMN, 1).digest(b"prefix")
    return Files(beside, digest[:PREFIX_BYTES].hex())


def new_file() -> bytes:
    """Return 16 random bytes that name a file or an object."""
    return secrets.token_bytes(ID_BYTES)


def place_of(version: Place, file: bytes) -> Place:
    """Return where a file of a version is at home: with the same person, under its own identifier."""
    return Place(version.tenant, version.subject, version.purpose_class, TABLE, COLUMN, file)


async def keep(files: Files, uploads: Iterable[Upload]) -> None:
    """Store files; durable on return.

    Raises:
        Unavailable, ObjectsRefused
    """
    store = files.beside.objects
    for one in uploads:
        await files.beside.call(file_objects.put, store, files.name(one.filed.object), one.key, one.place, io.BytesIO(one.data))


async def keep_stream(files: Files, key: DataKey, version: Place, pieces: AsyncIterable[Piece]) -> Filed:
    """Store a file that comes in pieces, and return what its row says; durable on return. An empty one leaves no object.

    Raises:
        Unavailable, ObjectsRefused, and what `pieces` raises
    """
    file, name = new_file(), new_file()
    size = await file_objects.put_pieces(files.beside, files.name(name), key, place_of(version, file), pieces)
    if not size:
        await files.beside.call(files.beside.objects.delete, files.name(name))
    return Filed(file, name, key.key_ref, size)
