"""Reserve room on a disk for a file whose length is known: a full disk says so before anything is written, and writing costs half.

The C library's `posix_fallocate` would write to every block where a file system cannot reserve, and makes the file as long as what is
reserved, so that a killed writer leaves zeros. Linux's own call does neither, and Python does not offer it.
"""

from __future__ import annotations

import ctypes
import errno
import os

KEEP_SIZE = 1
"""FALLOC_FL_KEEP_SIZE of linux/falloc.h: the length of the file stays what was written."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def _find() -> ctypes._NamedFuncPointer | None:
    call = getattr(ctypes.CDLL(None, use_errno=True), "fallocate64", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return call


_FALLOCATE = _find()


def reserve(descriptor: int, at: int, size: int) -> None:
    """Reserve room for `size` bytes from a position on; where that cannot be done, nothing is.

    Raises:
        OSError: the disk has not so much room. It is asked first, since a reservation that fails has taken all there was by then.
    """
    if _FALLOCATE is None or size <= 0:
        return
    disk = os.fstatvfs(descriptor)
    if disk.f_bavail and size > disk.f_bavail * disk.f_frsize:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if _FALLOCATE(descriptor, KEEP_SIZE, at, size) and ctypes.get_errno() in _FULL:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
