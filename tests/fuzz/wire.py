"""A connection that sends what it is given, byte by byte, and reads what comes back."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING

from confide.cli.demonstration.server import trusting

if TYPE_CHECKING:
    import ssl

    from confide.clinic.settings import Settings

SECONDS = 60
SILENCE_SECONDS = 0.4
"""So long without a byte, and the server is taken to wait for more."""
BLOCK = 65_536

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


@dataclass(frozen=True)
class Answer:
    """One answer, or (status 0) the end of the connection without any."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    seconds: float = 0.0

    def header(self, name: str) -> str:
        """Return the value of a header, or nothing."""
        return next((value for known, value in self.headers if known.lower() == name), "")

    @property
    def all(self) -> bytes:
        """Everything that was said."""
        return b"\n".join(f"{name}: {value}".encode("latin-1", "replace") for name, value in self.headers) + b"\n\n" + self.body


class Wire:
    """A client of one connection at a time, opened again when the server has closed it."""

    def __init__(self, settings: Settings) -> None:
        """Take the address and the authority to trust."""
        self._address = ("127.0.0.1", settings.port)
        self._context = trusting(settings.ca_certificate)
        self._open: ssl.SSLSocket | None = None

    def connect(self) -> ssl.SSLSocket:
        """Return a connection of its own."""
        plain = socket.create_connection(self._address, timeout=SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._context.wrap_socket(plain, server_hostname="localhost")

    def close(self) -> None:
        """End the connection."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def exchange(self, raw: bytes, method: str) -> Answer:
        """Send one request and return its answer; over a fresh connection, if the last one turns out to be closed."""
        reused = self._open is not None
        answer = self._exchange(raw, method)
        return self._exchange(raw, method) if reused and answer.status == 0 else answer

    def _exchange(self, raw: bytes, method: str) -> Answer:
        began = time.monotonic()
        self._open = self._open or self.connect()
        try:
            self._open.sendall(raw)
            response = HTTPResponse(self._open, method=method)
            response.begin()
            answer = Answer(response.status, tuple(response.getheaders()), response.read(), time.monotonic() - began)
        except (OSError, HTTPException):
            self.close()
            return Answer(0, seconds=time.monotonic() - began)
        if response.will_close:
            self.close()
        return answer

    def listen(self, *parts: bytes) -> tuple[list[int], bytes]:
        """Send parts over a connection of its own; return the statuses and all bytes that come until it ends or falls silent."""
        heard = b""
        with self.connect() as own:
            own.settimeout(SILENCE_SECONDS)
            try:
                for part in parts:
                    own.sendall(part)
                while block := own.recv(BLOCK):
                    heard += block
            except OSError:  # closed, reset, or silent
                pass
        return [int(status) for status in _STATUS.findall(heard)], heard
