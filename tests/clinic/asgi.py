"""One request to an ASGI application, message by message: to hang up in the middle, and to see where an answer breaks off."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable

    from starlette.applications import Starlette


@dataclass
class Exchange:
    """What was sent and what came back."""

    application: Starlette
    token: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    """Whether the answer came to its end."""
    pieces: int = 0
    hang_up_after: int | None = None
    """After how many pieces of the answer the client is gone."""
    at_start: Callable[[], Awaitable[None]] | None = None
    """What to look at when the first message of the answer comes."""

    async def ask(self, method: str, path: str, body: AsyncIterable[bytes | None] | None = None, **headers: str) -> Exchange:
        """Send a request; a piece of body that is None is the client hanging up."""
        sent = {"authorization": f"Bearer {self.token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        address, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "method": method,
            "path": address,
            "raw_path": address.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 1),
            "http_version": "1.1",
            "scheme": "https",
        }
        gone = asyncio.Event()
        coming = body.__aiter__() if body is not None else None

        async def receive() -> dict[str, Any]:
            nonlocal coming
            if coming is None:
                await gone.wait()
                return {"type": "http.disconnect"}
            piece = await anext(coming, b"")
            if piece is None:
                coming = None
                gone.set()
                return {"type": "http.disconnect"}
            if not piece:
                coming = None
            return {"type": "http.request", "body": piece, "more_body": bool(piece)}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                if self.at_start is not None:
                    await self.at_start()
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
                return
            self.body += message.get("body", b"")
            self.pieces += 1
            self.ended = not message.get("more_body", False)
            if self.pieces == self.hang_up_after:
                gone.set()
                await asyncio.sleep(0)

        if body is None:
            coming = _nothing()
        await self.application(scope, receive, send)
        return self


async def _nothing() -> Any:
    return
    yield
