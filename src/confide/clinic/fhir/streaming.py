"""Send a body that is not held whole."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive, Send

    from confide.clinic.fhir.answer import Stream


async def streamed(stream: Stream, receive: Receive, send: Send, status: int, headers: list[tuple[bytes, bytes]], *, head: bool) -> None:
    """Send the pieces until they end or the client hangs up.

    What a piece raises, this raises, without the end of the body: the server then breaks the connection off, so that nobody takes a
    beginning for the whole.
    """
    try:
        sent = [
            (b"content-type", stream.kind),
            (b"content-length", b"%d" % stream.length),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            *headers,
            *stream.headers,
        ]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        if not head and await _pieces(stream, receive, send):
            return
        await send({"type": "http.response.body", "body": b""})
    finally:
        await stream.pieces.aclose()


async def _pieces(stream: Stream, receive: Receive, send: Send) -> bool:
    """Send every piece; tell whether the client hung up before the end."""
    gone = asyncio.ensure_future(_gone(receive))
    try:
        async for piece in stream.pieces:
            if gone.done():
                return True
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        return False
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _gone(receive: Receive) -> None:
    """Return once the client is gone; whatever else a request for content brings is of no interest."""
    while (await receive())["type"] != "http.disconnect":
        pass
