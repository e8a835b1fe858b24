"""Move bytes from a source through a cipher to a target: 1 MiB at a time, in memory that does not grow.

The cipher holds the interpreter lock, reading and writing let go of it. So the target is written from a thread of its own, and takes
one piece while the next is read and encrypted: with a second core, encryption costs nothing beside a plain copy. Rooms are reused,
since making one anew for each piece costs more than encrypting it (docs/guide/files).
"""

from __future__ import annotations

from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from confide.crypto.stream import ROOM_BYTES, UPDATE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    Work = Callable[[memoryview, memoryview], int]

ROOMS = 3
"""One is being filled, one is being written, one lies ready between them."""


class Source(Protocol):
    """What bytes come from: a binary file, a socket's file, an object that is being read."""

    def readinto(self, room: memoryview, /) -> int | None:
        """Fill the beginning of `room` and return how many bytes that were; 0 at the end."""
        ...


class Target(Protocol):
    """Where bytes go to: a binary file, an object that is being written."""

    def write(self, piece: memoryview, /) -> int | None:
        """Take bytes and return how many; those not taken are offered again."""
        ...


def pump(source: Source, work: Work, target: Target) -> tuple[int, int]:
    """Move everything, and return how many bytes were read and how many were written.

    `work` gets a piece and a room, and returns how much of the room it filled. What source, work or target raise, this raises; what
    `work` had given by then is written.
    """
    room = memoryview(bytearray(UPDATE_BYTES))
    size = fill(source, room)
    if size < UPDATE_BYTES:  # most files end here, and a thread would take longer than they do
        out = memoryview(bytearray(UPDATE_BYTES + ROOM_BYTES))
        made = work(room[:size], out)
        write_all(target, out[:made])
        return size, made
    read = wrote = 0
    with _Behind(target) as behind:
        while size:
            out = behind.room()
            made = work(room[:size], out)
            behind.write(out, made)
            read, wrote = read + size, wrote + made
            size = fill(source, room)
    return read, wrote


def fill(source: Source, room: memoryview) -> int:
    """Read until the room is full or the source ends; return how many bytes came."""
    at = 0
    while at < len(room):
        got = source.readinto(room[at:])
        if got is None:
            raise BlockingIOError(_BLOCKS)
        if not got:
            break
        at += got
    return at


def write_all(target: Target, piece: memoryview) -> None:
    """Write all of a piece: an unbuffered file takes a part of it when its disk gets full, and refuses the rest only when asked again."""
    while piece:
        took = target.write(piece)
        if took is None:
            raise BlockingIOError(_BLOCKS)
        piece = piece[took:]


class _Behind:
    """Writes behind the back of whoever fills the rooms."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        self._full: SimpleQueue[memoryview | None] = SimpleQueue()
        self._error: BaseException | None = None
        self._rooms = [memoryview(bytearray(UPDATE_BYTES + ROOM_BYTES)) for _ in range(ROOMS)]
        for one in self._rooms:
            self._free.put(one)
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._full.put(None)
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error

    def room(self) -> memoryview:
        """Return a room to fill; raises what went wrong with those before it."""
        found = self._free.get()
        if self._error is not None:
            raise self._error
        return found

    def write(self, room: memoryview, length: int) -> None:
        """Have the beginning of a room written."""
        self._full.put(room[:length])

    def _run(self) -> None:
        while (piece := self._full.get()) is not None:
            try:
                if self._error is None:
                    write_all(self._target, piece)
            except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for it
                self._error = error
            self._free.put(memoryview(piece.obj))  # the whole bytearray that the piece is the beginning of


_BLOCKS = "Sources and targets must wait for their bytes; this one is set not to block."
