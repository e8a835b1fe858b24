"""`confide serve`: one process, HTTPS, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import gc
import os
import signal
import socket
import ssl
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click
import uvicorn

from confide.audit.event import rfc3339
from confide.cli import check, terminal
from confide.cli.bounded_http import BoundedHttp
from confide.cli.errors import CannotListen, NotADemo, ServerFailed
from confide.cli.instance import folder_option, settings_of
from confide.clinic.app import application, check_declared, clock
from confide.clinic.settings import FILE
from confide.keys.errors import ProviderRefused, ProviderUnavailable
from confide.watch.log import capture_third_party, sink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp

    from confide.clinic.settings import Settings

CONNECTIONS = 1_000
"""Open connections; beyond them 503 at once, instead of memory that grows."""
BACKLOG = 512
KEEP_ALIVE_SECONDS = 15
YOUNG_OBJECTS = 10_000
"""Made, and not freed by their last reference, before the collector looks for cycles; Python's own 700 are a dozen requests."""
GRACE_SECONDS = 10
"""Time that running requests have to end after SIGTERM."""


class Server(uvicorn.Server):
    """uvicorn's server, which says where it is once it is there."""

    def __init__(self, config: uvicorn.Config, said: str) -> None:
        """Say `said` after the house is open and the socket listens."""
        super().__init__(config)
        self._said = said

    def told_to_stop(self, _sign: int, _frame: object) -> None:
        """End with status 0 after a graceful stop: uvicorn sends itself the signal again at its end, and it lands here."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the house, listen, and say so."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what the start made stays: the collector need not walk through it again and again
        gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
        if self.started and not self.should_exit:
            terminal.done(self._said)


def configuration(settings: Settings, app: ASGIApp) -> uvicorn.Config:
    """Return what uvicorn is told. Its own logging stays unconfigured: records go through the reduced log."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedHttp,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=str(settings.server_certificate) if settings.tls else None,
        ssl_keyfile=str(settings.server_key) if settings.tls else None,
        ssl_context_factory=tls_context if settings.tls else None,
    )


def tls_context(config: uvicorn.Config, _default: object) -> ssl.SSLContext:
    """Return Python's own choice of protocols and ciphers for servers (TLS 1.2 and 1.3, forward secrecy only)."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(str(config.ssl_certfile), str(config.ssl_keyfile))
    return context


def listen(settings: Settings) -> socket.socket:
    """Return a socket that holds the address before anything else is opened.

    Raises:
        CannotListen: the address is taken, or not this machine's.
    """
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else "no such address"
        message = (
            f"Port {settings.port} of {settings.host} cannot be used ({reason}): "
            f"stop the other program, or set port in {settings.folder / FILE}."
        )
        raise CannotListen(message) from None


@contextmanager
def log_stream(settings: Settings) -> Iterator[TextIO]:
    """Yield where log lines go."""
    if not settings.log_file:
        yield sys.stderr
        return
    with (settings.folder / settings.log_file).open("a", encoding="utf-8") as stream:
        yield stream


def check_before(settings: Settings) -> None:
    """Ask what would otherwise end the start halfway.

    Raises:
        ConfideError: something is not in order; it says what to do.
    """
    check_declared()
    check.schema(settings)
    try:
        check.provider(settings)
        check.keys(settings)
    except (ProviderUnavailable, ProviderRefused) as error:
        if settings.provider_is_local:
            raise
        terminal.failed(f"{error} The server starts, answers 503, and opens as soon as it can.")
    if settings.demo and not check.is_loopback(settings.host):
        message = "This is a demo, whose passwords were printed: it listens on this machine only. Set host to 127.0.0.1."
        raise NotADemo(message)
    if settings.tls:
        for path in (settings.server_certificate, settings.server_key):
            if not path.is_file():
                message = f"{path} is missing: run {terminal.shown('init', '--renew-certificate', '--folder', settings.folder)}."
                raise ServerFailed(message)


@click.command("serve")
@folder_option
def command(folder: Path) -> None:
    """Serve FHIR over HTTPS until Ctrl-C or SIGTERM."""
    settings = settings_of(folder)
    listening = listen(settings)
    check_before(settings)
    with log_stream(settings) as stream:
        log = sink(stream, lambda: rfc3339(clock()))
        server = Server(configuration(settings, application(settings, log)), f"Confide serves {settings.public_url}/fhir (Ctrl-C stops it)")
        capture_third_party(log)
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, server.told_to_stop)
        server.run(sockets=[listening])
    if not server.started:
        message = "The server did not start: look at the log lines above, or run confide check."
        raise ServerFailed(message)
