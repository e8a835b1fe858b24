"""What an object store is: named, immutable runs of bytes that it does not understand.

Every store takes sealed bytes only, and gets no metadata but a name. The name is random and comes from whoever puts the object.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from confide.store.objects.errors import UnknownObjects

if TYPE_CHECKING:
    from collections.abc import Iterator

    Piece = bytes | bytearray | memoryview

_NAME = re.compile(r"[a-z0-9]+(?:[-/][a-z0-9]+)*")
NAME_CHARACTERS = 200


def check_name(name: str) -> str:
    """Return a name that every store can hold and that leads nowhere else: small letters and digits, with - and / between them.

    Raises:
        UnknownObjects: any other.
    """
    if len(name) > NAME_CHARACTERS or _NAME.fullmatch(name) is None:
        message = "The name of an object has small letters and digits, with - and / between them, and at most 200 characters."
        raise UnknownObjects(message)
    return name


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that is there."""

    name: str
    size: int
    """Bytes."""
    written: int
    """Microseconds since 1970, by the clock of the store."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a writer left that was killed before it could finish or abort."""

    name: str
    handle: str
    """How the store itself knows it."""
    begun: int
    """Microseconds since 1970, by the clock of the store; of a folder, when it was last written to."""


class Writing(Protocol):
    """An object that is being written; it does not exist before `finish`."""

    def write(self, piece: Piece, /) -> int:
        """Take the next bytes, all of them, and return how many.

        Raises:
            Unavailable, ObjectsRefused
        """
        ...

    def finish(self) -> None:
        """Make the object exist; durable on return.

        Raises:
            ObjectExists: the name was taken meanwhile; that object stays as it was.
            Unavailable, ObjectsRefused: whether the object exists is told by `find`.
        """
        ...

    def abort(self) -> None:
        """Leave nothing behind, as far as the store can be reached; after `finish` it does nothing. Never raises."""
        ...


class Reading(Protocol):
    """An object that is being read."""

    size: int
    """Bytes of the whole object."""

    def readinto(self, room: memoryview, /) -> int:
        """Fill the beginning of `room` and return how many bytes that were; 0 at the end.

        Raises:
            Unavailable, ObjectMissing
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class ObjectStore(Protocol):
    """Synchronous, and safe to call from several threads. Whoever calls from an event loop uses a thread."""

    def put(self, name: str) -> Writing:
        """Begin to write an object; finish or abort it. See `written`.

        Raises:
            ObjectExists, Unavailable, ObjectsRefused
        """
        ...

    def get(self, name: str, limit: int | None = None) -> Reading:
        """Open an object from its beginning, to read all of it or at most `limit` bytes.

        There is no other start: a Cobblestone message is authenticated from its front, so bytes out of its middle prove nothing.

        Raises:
            ObjectMissing, Unavailable, ObjectsRefused
        """
        ...

    def find(self, name: str) -> Stored | None:
        """Return what is known of an object, or None where there is none.

        Raises:
            Unavailable, ObjectsRefused
        """
        ...

    def delete(self, name: str) -> None:
        """Delete an object; one that is not there stays so.

        Raises:
            Unavailable, ObjectsRefused
        """
        ...

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield the objects whose names begin with `prefix`, in no order.

        Raises:
            Unavailable, ObjectsRefused
        """
        ...

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Yield what killed writers left under `prefix`, and what others are still writing.

        Raises:
            Unavailable, ObjectsRefused
        """
        ...

    def discard(self, one: Unfinished) -> None:
        """Remove what a killed writer left; what is not there any more stays so.

        Raises:
            Unavailable, ObjectsRefused
        """
        ...


@contextmanager
def written(objects: ObjectStore, name: str) -> Iterator[Writing]:
    """Write one object inside a `with`: it is finished at the end, and aborted by an exception.

    Raises:
        ObjectExists, Unavailable, ObjectsRefused
    """
    writing = objects.put(name)
    try:
        yield writing
        writing.finish()
    except BaseException:
        writing.abort()
        raise
