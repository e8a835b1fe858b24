"""Put a vault into an application: one line after the application is made."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse

from confide.adopt.answers import answer_of
from confide.adopt.fastapi.middleware import VaultMiddleware
from confide.values.errors import ConfideError
from confide.values.principal import Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fastapi import FastAPI, Request

    from confide.adopt.vault import Vault

__all__ = ["Purpose", "Role", "install"]
"""What an application needs, in one import."""


def install(app: FastAPI, vault: Vault) -> None:
    """Open the vault with the application and close it with it; give each request a scope; answer the vault's refusals.

    What is wrong with keys or databases stops the start.
    """
    app.add_middleware(VaultMiddleware, vault=vault)
    app.add_exception_handler(ConfideError, _refused)
    router: Any = app.router
    inner = router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[Mapping[str, Any] | None]:
        await vault.start_async()
        try:
            async with inner(running) as state:
                yield state
        finally:
            await asyncio.to_thread(vault.close)

    router.lifespan_context = lifespan


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ConfideError):  # pragma: no cover - it is installed for nothing else
        raise error
    status, headers, body = answer_of(error)
    return JSONResponse(body, status, headers)
