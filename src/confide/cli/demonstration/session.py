"""Signing in to the demo's server over HTTPS, as any client would: password and one-time code."""

from __future__ import annotations

import os
import shlex
import time
from typing import TYPE_CHECKING

import httpx

from confide.cli import terminal
from confide.cli.demonstration import accounts
from confide.cli.demonstration.server import trusting
from confide.cli.errors import ServerFailed

if TYPE_CHECKING:
    from pathlib import Path

    from confide.cli.demonstration.accounts import DemoAccount
    from confide.clinic.settings import Settings

STEPS_AHEAD = 2
"""A code works once; the present one and the next are taken, so two sign-ins within 30 seconds need no waiting."""
OWNER_ONLY = 0o600


def client(settings: Settings) -> httpx.Client:
    """Return a client that trusts this instance's authority alone and uses no proxy.

    Raises:
        ServerFailed: there is no authority's certificate.
    """
    try:
        return httpx.Client(base_url=settings.public_url, verify=trusting(settings.ca_certificate), timeout=10, trust_env=False)
    except OSError:
        message = f"{settings.ca_certificate} is missing: run {terminal.shown('demo', '--folder', settings.folder)} again."
        raise ServerFailed(message) from None


def header_file(folder: Path, role: str) -> Path:
    """Return where the token of a role is kept in the form in which curl reads a header (`-H @file`)."""
    return folder / f"{role}.header"


def curl(settings: Settings, folder: Path, role: str, address: str) -> str:
    """Return the command that sends `GET [base]/address` as a role; the token stays in its file."""
    words = [
        "curl",
        "--cacert",
        str(folder / "tls" / "ca.pem"),
        "-H",
        f"@{header_file(folder, role)}",
        f"{settings.public_url}/fhir/{address}",
    ]
    return shlex.join(words)


def sign_in(settings: Settings, folder: Path, role: str) -> str:
    """Sign in and return a bearer token; it is written to the role's header file as well.

    Raises:
        ServerFailed: the server does not answer, or does not let the account in.
    """
    account = accounts.read(folder)[role]
    with client(settings) as http:
        token = _attempt(http, account, STEPS_AHEAD)
        if token is None:
            pause = accounts.STEP_SECONDS - time.time() % accounts.STEP_SECONDS
            terminal.kept(f"each one-time code works once: waiting {pause:.0f} s for the next")
            time.sleep(pause)
            token = _attempt(http, account, STEPS_AHEAD)
    if token is None:
        message = f"The server does not let {account.username} in: remove {folder} and run {terminal.shown('demo', '--folder', folder)}."
        raise ServerFailed(message)
    _keep(header_file(folder, role), token)
    return token


def _attempt(http: httpx.Client, account: DemoAccount, steps: int) -> str | None:
    for step in range(steps):
        answer = post(http, account, account.code(time.time(), step))
        if answer.status_code == httpx.codes.OK:
            token: str = answer.json()["access_token"]
            return token
    return None


def post(http: httpx.Client, account: DemoAccount, code: str | None) -> httpx.Response:
    """Send one sign-in.

    Raises:
        ServerFailed: nobody answers.
    """
    body = {"username": account.username, "password": account.password}
    if code is not None:
        body["code"] = code
    try:
        return http.post("/auth/sign-in", json=body)
    except httpx.TransportError as error:
        message = f"The server does not answer at {http.base_url} ({type(error).__name__}): start it with {terminal.shown('demo')}."
        raise ServerFailed(message) from None


def _keep(path: Path, token: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, OWNER_ONLY)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"Authorization: Bearer {token}\n")
