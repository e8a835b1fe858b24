"""uvicorn's HTTP protocol with bounds on what it lacks them for, and with its own refusals told as every other is.

- The size of a head, and of everything else that is neither head nor body (chunk sizes, trailers): without it, one connection fills
  the memory with bytes that never end.
- The time a head may take, and the least pace of a body: without them, a few thousand connections that send a byte now and then
  (slowloris) hold every place that `limit_concurrency` gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from confide.clinic.fhir.errors import Issue
from confide.clinic.fhir.outcome import outcome

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

HEAD_BYTES = 32 * 1024
"""Request line and headers together; a search by GET has 16 KiB to say what it wants, and POST _search beyond."""
HEAD_SECONDS = 10
"""From the first byte of a head to its last; from the start of a connection to its first byte as well."""
PACE_SECONDS, PACE_BYTES = 20, 10 * 1024
"""A body that brings less than so many bytes in so many seconds is no upload."""

GOODBYE_SECONDS = 1


def _refusal(status: bytes, code: str, sentence: str) -> bytes:
    body = outcome((Issue("error", code, "", sentence),))
    head = b"content-type: application/fhir+json; charset=utf-8\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n"
    return b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, head, len(body), body)


_TOO_LARGE = _refusal(
    b"431 Request Header Fields Too Large", "too-long", f"The request line and the headers are larger than the {HEAD_BYTES} bytes taken."
)
_MALFORMED = _refusal(b"400 Bad Request", "structure", "The request is not valid HTTP/1.1.")


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    _clock: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True
    _framing_bytes = 0
    """Since the last byte of a body; what is neither head nor body counts, and is thrown away."""
    _body_came = False
    _body_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of the first head."""
        super().connection_made(transport)
        self._start_clock(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; end the connection once its head, or what is neither head nor body, is too large."""
        # Only what arrives between two heads' ends counts as a head, and a body never does.
        counted = self._in_head
        self._body_came = False
        super().data_received(data)
        if self._in_head:
            self._head_bytes = self._head_bytes + len(data) if counted else 0
        elif not counted:
            self._framing_bytes = 0 if self._body_came else self._framing_bytes + len(data)
        if max(self._head_bytes, self._framing_bytes) > HEAD_BYTES:
            self._end(_TOO_LARGE)
        elif self._in_head and self._clock is None and not self.transport.is_closing():
            self._start_clock(HEAD_SECONDS)

    def on_message_begin(self) -> None:
        """Enter a head."""
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer is ignored (RFC 9110 section 6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Leave a head; one that came in a single large piece is measured here."""
        self._in_head = False
        self._head_bytes = self._framing_bytes = self._body_bytes = 0
        self._stop_clock()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            self._end(_TOO_LARGE)
            message = "the head is too large"
            raise ValueError(message)  # the parser stops; the answer to it meets a closed transport
        super().on_headers_complete()
        self._start_clock(PACE_SECONDS)

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._body_came = True
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock of the body."""
        self._stop_clock()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; a request that was understood before it is answered first, and the connection ends with it."""
        del msg
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn states no None, and begins with it
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            cycle.keep_alive = False
        else:
            self._end(_MALFORMED)

    def shutdown(self) -> None:
        """End an idle connection within a second: TLS would wait for the other side's goodbye, and hold up the stop of the server."""
        super().shutdown()
        if self.transport.is_closing():
            self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)

    def _end(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()

    def _start_clock(self, seconds: float) -> None:
        self._clock = self.loop.call_later(seconds, self._too_slow)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _too_slow(self) -> None:
        if self.transport.is_closing():
            return
        # While reading is paused it is our turn, not the client's.
        if not self._in_head and (self._body_bytes >= PACE_BYTES or self.flow.read_paused):
            self._body_bytes = 0
            self._start_clock(PACE_SECONDS)
        else:
            self.transport.close()
