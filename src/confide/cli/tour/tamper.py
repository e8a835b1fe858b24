"""Move a ciphertext in the demo's database, and put it right, whatever happens in between."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from confide.cli.errors import ClaimFailed
from confide.cli.making import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from confide.cli.tour.walk import Walk

UNDO = "tour-undo.json"

ROW = (
    "SELECT v.document, v.number, v.sealed, v.patient FROM version v"
    " JOIN document d ON d.key = v.document AND d.version = v.number WHERE d.id = ?"
)
"""The current version of a resource, as the server stores it."""
SHOWN = "SELECT hex(substr(sealed, 1, 64)) FROM version JOIN document ON document = key WHERE id = ?"
_OTHER = "SELECT sealed FROM version WHERE patient = ? AND document <> ? AND sealed IS NOT NULL LIMIT 1"
_PUT = "UPDATE version SET sealed = ? WHERE document = ? AND number = ?"


class Undo(msgspec.Struct, frozen=True):
    """What was in the row; written before the row is touched, so that a killed tour is put right by the next one."""

    document: int
    number: int
    sealed: bytes


@contextmanager
def moved_ciphertext(walk: Walk, identifier: str) -> Iterator[None]:
    """Put another ciphertext of the same person into the row of a Patient for as long as the block runs.

    Raises:
        ClaimFailed: the person has no second record.
    """
    with walk.database() as database:
        document, number, sealed, patient = database.execute(ROW, (bytes.fromhex(identifier.replace("-", "")),)).fetchone()
        other = database.execute(_OTHER, (patient, document)).fetchone()
    if other is None:
        message = "This person has one record only, so there is nothing to move: make the demo again."
        raise ClaimFailed(message)
    write(walk.folder / UNDO, msgspec.json.encode(Undo(document, number, sealed)))
    try:
        with walk.database(write=True) as database:
            database.execute(_PUT, (other[0], document, number))
        yield
    finally:
        put_right(walk)


def put_right(walk: Walk) -> None:
    """Put back what a tour moved, if it did not come to that itself."""
    path: Path = walk.folder / UNDO
    if not path.exists():
        return
    undo = msgspec.json.decode(path.read_bytes(), type=Undo)
    with walk.database(write=True) as database:
        database.execute(_PUT, (undo.sealed, undo.document, undo.number))
    path.unlink()
