"""Move bytes from a source through a cipher to a target: 1 MiB at a time, in memory that does not grow.

The cipher holds the interpreter lock, reading and writing let go of it. So where a processor is idle, the target is written from a
thread of its own, and takes one piece while the next is read and encrypted: encryption then costs no time beside a plain copy. On a
busy machine it would only cost processor time. Rooms are reused, since making one anew for each piece can cost more than encrypting
it, and bytes lie in them as they will lie in the pages of the target, which saves a tenth. The target's room on the disk is reserved,
which halves the cost of writing (docs/guide/files). What lies in a room is this process's alone: a child does not share it.
"""

from __future__ import annotations

import os
import stat
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, PAGESIZE, mmap
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from confide.crypto.stream import ROOM_BYTES, UPDATE_BYTES
from confide.store.objects.reserve import reserve

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


def pump(source: Source, work: Work, target: Target, at: int = 0) -> tuple[int, int]:
    """Move everything, and return how many bytes were read and how many were written.

    `work` gets a piece and a room, and returns how much of the room it filled. What source, work or target raise, this raises; what
    `work` had given by then is written. `at` is where in the target's pages the first byte comes to lie.
    """
    room = _room()[:UPDATE_BYTES]
    size = fill(source, room)
    # Most files are one piece, and a thread would take longer than they do.
    writer = _Behind(target) if size == UPDATE_BYTES and idle_processor() else _Inline(target)
    read = wrote = 0
    with writer as writing:
        while size:
            out = writing.room()[(at + wrote) % PAGESIZE :]
            made = work(room[:size], out)
            writing.write(out, made)
            read, wrote = read + size, wrote + made
            size = fill(source, room)
    return read, wrote


def idle_processor() -> bool:
    """Tell whether fewer threads want to run than there are processors, this one included."""
    try:
        with open("/proc/loadavg", encoding="ascii") as file:  # noqa: PTH123 - once for each file
            running = int(file.read().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return True  # not Linux: nothing is known
    return running < (os.cpu_count() or 1)


def reserve_for(source: Any, target: Any, length: Callable[[int], int]) -> None:
    """Reserve room on the target's disk for as many bytes as `length` makes of those that are left in the source, where both are files.

    Raises:
        OSError, Unavailable: the disk has not so much room; nothing was written.
    """
    left = _left(source)
    if left < UPDATE_BYTES:
        return
    if hasattr(target, "reserve"):  # an object of a folder
        target.reserve(length(left))
    elif _is_file(target):
        reserve(target.fileno(), target.tell(), length(left))


def _left(source: Any) -> int:
    return os.fstat(source.fileno()).st_size - os.lseek(source.fileno(), 0, os.SEEK_CUR) if _is_file(source) else 0


def _is_file(one: Any) -> bool:
    try:
        return stat.S_ISREG(os.fstat(one.fileno()).st_mode)
    except (AttributeError, OSError):  # nothing with a descriptor
        return False


def _room() -> memoryview:
    """Return fresh pages for one piece and what sealing adds to it."""
    return memoryview(mmap(-1, UPDATE_BYTES + ROOM_BYTES + PAGESIZE, flags=MAP_PRIVATE | MAP_ANONYMOUS))


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


class _Inline:
    """Writes at once, from one room."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._room = _room()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def room(self) -> memoryview:
        """Return the room."""
        return self._room

    def write(self, room: memoryview, length: int) -> None:
        """Write the beginning of a room."""
        write_all(self._target, room[:length])


class _Behind:
    """Writes behind the back of whoever fills the rooms."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        self._full: SimpleQueue[memoryview | None] = SimpleQueue()
        self._error: BaseException | None = None
        for _ in range(ROOMS):
            self._free.put(_room())
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
            self._free.put(memoryview(piece.obj))  # the whole room that the piece is a part of


_BLOCKS = "Sources and targets must wait for their bytes; this one is set not to block."
