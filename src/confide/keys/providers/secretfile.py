"""Where a credential comes from: a file, or an environment variable."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from confide.keys.errors import ProviderRefused

if TYPE_CHECKING:
    from pathlib import Path

WORLD = 0o007
"""Group bits are let pass: systemd shows them on a credential that an access control list gives to one user, and OpenBao's agent
writes its token with them."""
MOST_BYTES = 64 * 1024


def from_file(path: Path, what: str) -> str:
    """Return the text of a file without the line break at its end; `what` is what people call it.

    Raises:
        ProviderRefused: missing, unreadable, readable by the world, empty, or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(MOST_BYTES)
    except OSError as error:
        message = f"The file {path} with the {what} cannot be read ({error.strerror}): put it back, or name another in the settings."
        raise ProviderRefused(message) from None
    if mode & WORLD:
        message = (
            f"The file {path} with the {what} can be read by everyone (mode {mode:04o}): run chmod o-rwx on it, and change the {what}."
        )
        raise ProviderRefused(message)
    text = _line(content)
    if not text:
        message = f"The file {path} holds no {what} as a line of UTF-8 text: write it there."
        raise ProviderRefused(message)
    return text


def from_environment(variable: str) -> str | None:
    """Return the text of an environment variable, None where it is not set or empty."""
    return os.environ.get(variable) or None


def _line(content: bytes) -> str:
    try:
        return content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        return ""
