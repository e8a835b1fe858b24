"""What the stops of the tour share: a client for each role, what was seen so far, and `claim`."""

from __future__ import annotations

import shlex
import shutil
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from confide.cli import terminal
from confide.cli.demonstration.session import client, curl, sign_in
from confide.cli.errors import ClaimFailed, ServerFailed
from confide.store.opening import sqlite_path

if TYPE_CHECKING:
    from pathlib import Path

    from confide.clinic.settings import Settings

BUSY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """The chart that the clinician read."""

    id: str
    names: tuple[str, ...]
    """Given and family names and identifiers: what must not be found in the databases."""
    body: bytes
    request: str
    """The request id of the read, under which the audit trail tells of it."""


@dataclass
class Walk:
    """One tour."""

    settings: Settings
    folder: Path
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    seen: Seen | None = None

    def token(self, role: str) -> str:
        """Return the token of a role, signing in first where that was not done."""
        if role not in self.tokens:
            self.tokens[role] = sign_in(self.settings, self.folder, role)
        return self.tokens[role]

    def get(self, role: str, address: str) -> httpx.Response:
        """Send `GET [base]/address` as a role.

        Raises:
            ServerFailed: nobody answers.
        """
        headers = {"authorization": f"Bearer {self.token(role)}"}
        try:
            with client(self.settings) as http:
                return http.get(f"/fhir/{address}", headers=headers)
        except httpx.TransportError as error:
            message = (
                f"The server does not answer ({type(error).__name__}): start it with {terminal.shown('demo', '--folder', self.folder)}."
            )
            raise ServerFailed(message) from None

    def curl(self, role: str, address: str) -> str:
        """Return the command that sends the same."""
        return curl(self.settings, self.folder, role, address)

    def chart(self) -> Seen:
        """Return what the clinician saw.

        Raises:
            ClaimFailed: the chart could not be read.
        """
        if self.seen is None:
            self.seen = _seen(self)
        return self.seen

    def data_file(self) -> Path:
        """Return the file of the data database.

        Raises:
            ClaimFailed: the demo was moved to another database.
        """
        path = sqlite_path(self.settings.data_url)
        if path is None:
            message = "The tour looks into the bytes of an SQLite file, and this demo has another database."
            raise ClaimFailed(message)
        return path

    def database(self, *, write: bool = False) -> sqlite3.Connection:
        """Return a connection beside the server, as anyone has who gets hold of the file."""
        mode = "rw" if write else "ro"
        return sqlite3.connect(f"{self.data_file().absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def claim(holds: bool, what: str) -> None:  # noqa: FBT001 - a claim holds or not
    """Say that a claim holds.

    Raises:
        ClaimFailed: it does not.
    """
    if not holds:
        message = f"This claim does not hold: {what}. Tell us, with the output of confide check."
        raise ClaimFailed(message)
    terminal.done(what)


def _seen(walk: Walk) -> Seen:
    bundle = _json(walk.get("clinician", "Patient?_count=1"))
    identifier = bundle["entry"][0]["resource"]["id"]
    answer = walk.get("clinician", f"Patient/{identifier}")
    patient = _json(answer)
    named = [patient["name"][0].get("family", ""), *patient["name"][0].get("given", [])]
    named += [one["value"] for one in patient.get("identifier", []) if "value" in one]
    return Seen(identifier, tuple(named), answer.content, answer.headers["x-request-id"])


def _json(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code != httpx.codes.OK:
        message = f"The chart could not be read (HTTP {answer.status_code}): look into server.log in the demo's folder."
        raise ClaimFailed(message)
    found: dict[str, Any] = answer.json()
    return found


def sql_command(database: Path, statement: str) -> str:
    """Return a command that runs a query on a file, with what this machine has."""
    if shutil.which("sqlite3"):
        return shlex.join(["sqlite3", "-readonly", str(database), statement])
    return shlex.join(["python3", "-c", f"import sqlite3; print(*sqlite3.connect({str(database)!r}).execute({statement!r}).fetchone())"])
