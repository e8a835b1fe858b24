"""An instance of its own, with a clinician signed in for a day, and its server as a process of its own."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pyotp

from confide.cli.account import patient_key
from confide.cli.demonstration.server import trusting
from confide.cli.init import make_instance
from confide.cli.instance import call_now, origin_now, run_in_house
from confide.clinic.app import clock
from confide.identity.accounts import create_account
from confide.identity.enrol import enrol
from confide.identity.model import Credentials, EnrolmentNeeded, NewAccount
from confide.identity.sign_in import sign_in
from confide.values.principal import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confide.clinic.app import House
    from confide.clinic.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SERVER = "confide.cli.main"
START_SECONDS, STOP_SECONDS = 60, 30
POLL_SECONDS = 0.02
TOKEN_SECONDS = 86_400
"""A day: the run signs in once, so that the one-time codes of its account do not slow it."""
PASSWORD = "a-password-of-the-tests"
MICROSECONDS = 1_000_000


class ServerFailedError(RuntimeError):
    """The server ended, or did not answer in time; its last words are in the message."""


@dataclass(frozen=True)
class Ground:
    """An instance and a bearer token for it."""

    folder: Path
    settings: Settings
    token: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"authorization": f"Bearer {self.token}", "content-type": "application/fhir+json"}

    def client(self) -> httpx.AsyncClient:
        """Return a client that trusts the authority of this instance alone."""
        trusted = trusting(self.settings.ca_certificate)
        return httpx.AsyncClient(base_url=self.settings.public_url, verify=trusted, headers=self.headers, timeout=30, trust_env=False)


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def make(folder: Path, chosen: Mapping[str, str | int | bool] | None = None) -> Ground:
    """Make an instance, with further settings, and sign its clinician in."""
    with contextlib.redirect_stdout(io.StringIO()):
        settings, _ = make_instance(folder.resolve(), {"port": free_port(), "token_seconds": TOKEN_SECONDS} | dict(chosen or {}))
    return Ground(folder.resolve(), settings, account(settings, Role.CLINICIAN).token)


@dataclass(frozen=True)
class Account:
    """An account with all its secrets, and a bearer token."""

    username: str
    password: str = field(repr=False)
    totp: str = field(repr=False)
    token: str = field(repr=False)


def account(settings: Settings, role: Role, patient: str | None = None, username: str = "", password: str = PASSWORD) -> Account:
    """Make an account, enrol its second factor, sign it in; `patient` is the id of the Patient whose account it is."""
    name = username or f"test-{role.value}"

    async def work(house: House) -> Account:
        identity = house.identity
        key = await patient_key(house, patient) if patient else None
        await create_account(identity, call_now(house).principal, NewAccount(name, password, role, key), origin_now(), clock())
        needed = await sign_in(identity, Credentials(name, password), origin_now(), clock())
        assert isinstance(needed, EnrolmentNeeded)
        now = clock()
        code = pyotp.TOTP(needed.secret).at(now // MICROSECONDS)
        return Account(name, password, needed.secret, (await enrol(identity, needed.ticket, code, origin_now(), now)).token)

    return run_in_house(settings, work)


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it with SIGKILL: no handler runs, no file is closed, what the kernel has stays in the page cache."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def stop(self) -> None:
        """End it with SIGTERM and wait until it has closed its databases."""
        self.process.terminate()
        self.process.wait(STOP_SECONDS)


def surroundings() -> dict[str, str]:
    """Return the environment of the servers; they share compiled code even where Python is told to write none, which saves seconds."""
    known = {**os.environ, "PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "bytecode")}
    known.pop("PYTHONDONTWRITEBYTECODE", None)
    return known


def start(ground: Ground, module: str = SERVER, added: Mapping[str, str] | None = None, answering: int = httpx.codes.OK) -> Server:
    """Start the server, with variables added to its environment, and return once its readiness is answered with a status.

    Raises:
        ServerFailedError: see there.
    """
    log = ground.folder.with_name(ground.folder.name + ".log")
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "serve", "--folder", str(ground.folder)],
            cwd=ROOT,
            env=surroundings() | dict(added or {}),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
    server = Server(process)
    try:
        _wait(ground, process, log, answering)
    except BaseException:
        server.kill()
        raise
    return server


def _wait(ground: Ground, process: subprocess.Popen[bytes], log: Path, answering: int) -> None:
    until = time.monotonic() + START_SECONDS
    with httpx.Client(base_url=ground.settings.public_url, verify=trusting(ground.settings.ca_certificate), trust_env=False) as client:
        while time.monotonic() < until and process.poll() is None:
            try:
                if client.get("/health").status_code == answering:
                    return
            except httpx.TransportError:
                time.sleep(POLL_SECONDS)
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    message = f"The server did not start ({process.poll()}): {' '.join(said)}"
    raise ServerFailedError(message)
