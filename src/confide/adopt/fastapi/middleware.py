"""A scope for each request, and no byte of an answer before the events of what was opened for it are stored.

The application says who acts where it authenticates the request: `vault.act(…)`. A pure ASGI middleware, so that streams, background
tasks and WebSockets keep working.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fastapi.exceptions import ResponseValidationError
from pydantic import ValidationError

from confide.adopt.answers import answer_of
from confide.adopt.scope import SCOPE
from confide.values.errors import ConfideError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from confide.adopt.scope import Scope as ActingScope
    from confide.adopt.vault import Vault


class VaultMiddleware:
    """Wraps an ASGI application."""

    def __init__(self, app: ASGIApp, vault: Vault) -> None:
        """Take the application and its vault."""
        self._app = app
        self._vault = vault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request in a scope of its own."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        acting = self._vault.new_scope()
        leaving = _Leaving(self._vault, acting, send, is_http=scope["type"] == "http")
        before = SCOPE.set(acting)
        try:
            await self._app(scope, receive, leaving.send)
        except (ValidationError, ResponseValidationError):
            if not acting.refusals:
                raise
            await leaving.refuse(acting.refusals[-1])  # the model of an answer met it, and tells of it as a fault of the program
        finally:
            SCOPE.reset(before)
            acting.close()
            await self._vault.record_async(acting)  # what was opened after the last byte, as in a background task


class _Leaving:
    """What leaves for the client; once the events cannot be stored, nothing of the application's does."""

    def __init__(self, vault: Vault, acting: ActingScope, send: Send, *, is_http: bool) -> None:
        self._vault, self._acting, self._send, self._is_http = vault, acting, send, is_http
        self._started = self._stopped = False

    async def send(self, message: Message) -> None:
        """Store the events, then let the message go."""
        if self._stopped:
            return
        if self._acting.owes:
            try:
                await self._vault.record_async(self._acting)
            except ConfideError as error:
                self._stopped = True
                await self.refuse(error)
                return
        self._started = True
        await self._send(message)

    async def refuse(self, error: ConfideError) -> None:
        """Answer in the application's place; where its answer has begun, break off, so that the client sees that it is not whole."""
        if self._started or not self._is_http:
            raise error
        status, headers, body = answer_of(error)
        content = json.dumps(body).encode()
        names = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json"), *names]})
        await self._send({"type": "http.response.body", "body": content})
