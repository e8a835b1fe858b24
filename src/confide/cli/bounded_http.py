"""uvicorn's HTTP protocol with bounds on what it lacks them for: the size of a request's head, and the time a head may take.

Without the first, one connection fills the memory with header bytes that never end; without the second, a few thousand
connections that send a byte now and then (slowloris) hold every place that `limit_concurrency` gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

HEAD_BYTES = 32 * 1024
"""Request line and headers together; a search by GET has 16 KiB to say what it wants, and POST _search beyond."""
HEAD_SECONDS = 10
"""From the first byte of a head to its last; from the start of a connection to its first byte as well."""

GOODBYE_SECONDS = 1

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    _clock: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of the first head."""
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; end the connection once its head is too large."""
        # Only what arrives between two heads' ends counts, and a body never does.
        counted = self._in_head
        super().data_received(data)
        if not self._in_head:
            return
        self._head_bytes = self._head_bytes + len(data) if counted else 0
        if self._head_bytes > HEAD_BYTES:
            self._refuse()
        elif self._clock is None and not self.transport.is_closing():
            self._start_clock()

    def on_message_begin(self) -> None:
        """Enter a head."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Leave a head; one that came in a single large piece is measured here."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_clock()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            self._refuse()
            message = "the head is too large"
            raise ValueError(message)  # the parser stops; uvicorn's own answer to it meets a closed transport
        super().on_headers_complete()

    def shutdown(self) -> None:
        """End an idle connection within a second: TLS would wait for the other side's goodbye, and hold up the stop of the server."""
        super().shutdown()
        if self.transport.is_closing():
            self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def _start_clock(self) -> None:
        self._clock = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
