"""Files that leave: written under a temporary name, durable and complete before they get their own; in constant memory."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import click
import pyrage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PART, AGE = ".part", ".age"
OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class Encryption:
    """To whom a file is encrypted."""

    recipients: tuple[pyrage.x25519.Recipient, ...]


def recipient_of(text: str) -> Encryption:
    """Return the recipient of an age public key.

    Raises:
        click.UsageError: it is none; an identity (the secret part) is named as such and not repeated.
    """
    if text.upper().startswith("AGE-SECRET-KEY"):
        message = (
            "--recipient takes the public key (age1…), and this is the secret one: consider it known, since command lines are not secret."
        )
        raise click.UsageError(message)
    try:
        return Encryption((pyrage.x25519.Recipient.from_str(text),))
    except pyrage.RecipientError:
        message = "--recipient takes an age public key (age1…), as age-keygen prints it."
        raise click.UsageError(message) from None


@contextmanager
def open_sink(path: Path, encryption: Encryption | None) -> Iterator[IO[bytes]]:
    """Yield a file to write to. It gets its name once it is complete and has content; after an error nothing of it stays."""
    final = path.with_name(path.name + AGE) if encryption else path
    part = final.with_name(final.name + PART)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, OWNER_ONLY)
    try:
        with os.fdopen(handle, "wb") as file:
            if encryption is None:
                yield file
                written = file.tell()
            else:
                with _encrypted(file, encryption) as source:
                    yield source.file
                written = source.written
            file.flush()
            os.fsync(file.fileno())
        if written:
            part.rename(final)
    finally:
        part.unlink(missing_ok=True)


class _Counted:
    """What is written into the pipe, counted."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self.written = 0

    @property
    def file(self) -> IO[bytes]:
        return self  # type: ignore[return-value]  # only `write` is used

    def write(self, data: bytes) -> int:
        """Hand bytes to the encryption."""
        self.written += len(data)
        return self._pipe.write(data)


@contextmanager
def _encrypted(file: IO[bytes], encryption: Encryption) -> Iterator[_Counted]:
    """Encrypt through a pipe: pyrage pulls from a reader, and we push, so a thread stands between the two."""
    reading, writing = os.pipe()
    faults: list[BaseException] = []

    def work() -> None:
        try:
            with os.fdopen(reading, "rb") as reader:
                pyrage.encrypt_io(reader, file, list(encryption.recipients))
        except BaseException as fault:  # noqa: BLE001 - raised again by the thread that waits
            faults.append(fault)

    thread = threading.Thread(target=work, name="age")
    thread.start()
    try:
        with os.fdopen(writing, "wb") as pipe:
            yield _Counted(pipe)
    except BrokenPipeError:
        if not faults:
            raise
    finally:
        thread.join()
    if faults:
        raise faults[0]
