"""What an interaction returns to the door: a status, bytes, and the headers that FHIR wants."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FHIR_JSON = b"application/fhir+json; charset=utf-8"


class Pieces(Protocol):
    """A body that comes a piece at a time."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Begin."""
        ...

    async def aclose(self) -> None:
        """Let go of what it comes from."""
        ...


@dataclass(frozen=True, slots=True)
class Stream:
    """A body that is not held whole. Its event is durable by the time it is in an answer."""

    pieces: Pieces
    """Closed by whoever sends it."""
    length: int
    kind: bytes = FHIR_JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, ready to be sent."""

    status: int
    body: bytes = b""
    version: int | None = None
    updated: int | None = None
    """Microseconds since 1970."""
    location: str | None = None
    """Address of the version that was made."""
    shown: str | None = None
    """Address of the version whose content the body is."""
    stream: Stream | None = None
    """In place of the body."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return ETag, Last-Modified, Location and Content-Location (RFC 9110 8.7) where they apply."""
        found: list[tuple[bytes, bytes]] = []
        if self.version is not None:
            found.append((b"etag", b'W/"%d"' % self.version))
        if self.updated is not None:
            found.append((b"last-modified", formatdate(self.updated // 1_000_000, usegmt=True).encode()))
        if self.location is not None:
            found.append((b"location", self.location.encode()))
        if self.shown is not None:
            found.append((b"content-location", self.shown.encode()))
        return found
