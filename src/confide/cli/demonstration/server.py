"""The demo's server in the background: started, found again and stopped by its process id."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from confide.cli.errors import ServerFailed

if TYPE_CHECKING:
    from confide.clinic.settings import Settings

PID_FILE, LOG_FILE = "server.pid", "server.log"
START_SECONDS = 30
STOP_SECONDS = 15
POLL_SECONDS = 0.1
OWNER_ONLY = 0o600


def trusting(certificate: Path) -> ssl.SSLContext:
    """Return a TLS context that trusts the instance's own authority, and no other."""
    return ssl.create_default_context(cafile=str(certificate))


def running(folder: Path) -> int | None:
    """Return the process id of the folder's server, or None if there is none. A number that now is another program's is not it."""
    try:
        pid = int((folder / PID_FILE).read_text(encoding="ascii"))
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if b"serve" in arguments and str(folder.resolve()).encode() in arguments else None


def start(folder: Path, settings: Settings) -> int:
    """Start the server and return its process id once it answers.

    Raises:
        ServerFailed: it ended, or does not answer within 30 seconds; its own words are passed on.
    """
    log = os.open(folder / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, OWNER_ONLY)
    began = os.lseek(log, 0, os.SEEK_END)
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own arguments
            [sys.executable, "-m", "confide.cli.main", "serve", "--folder", str(folder.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)
    (folder / PID_FILE).write_text(str(process.pid), encoding="ascii")
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if answers(settings):
            return process.pid
        time.sleep(POLL_SECONDS)
    stop(folder)
    raise ServerFailed(_last_words(folder / LOG_FILE, began))


def answers(settings: Settings) -> bool:
    """Tell whether the server says that it is well."""
    try:
        answer = httpx.get(f"{settings.public_url}/health", verify=trusting(settings.ca_certificate), timeout=5, trust_env=False)
    except (httpx.TransportError, OSError):
        return False
    return answer.status_code == httpx.codes.OK


def stop(folder: Path) -> bool:
    """Stop the folder's server gracefully; tell whether one was running.

    Raises:
        ServerFailed: it does not end within 15 seconds.
    """
    pid = running(folder)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        while running(folder) is not None:
            if time.monotonic() > until:
                message = f"The server (process {pid}) does not stop: look at what it does, or end it with kill -9."
                raise ServerFailed(message)
            _reap(pid)
            time.sleep(POLL_SECONDS)
    (folder / PID_FILE).unlink(missing_ok=True)
    return pid is not None


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # another process started it


def _last_words(log: Path, began: int) -> str:
    with log.open("rb") as file:
        file.seek(began)
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    said = lines[-1].removeprefix("✗ ") if lines else "it said nothing"
    return f"The demo server did not start: {said}"
