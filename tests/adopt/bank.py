"""The example bank as a process of its own, with a client that knows nothing of Confide."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "bank"
START_SECONDS = 60
ADDRESS = re.compile(rb'"(GET|POST|PATCH) [^"]* HTTP/1.1"')
VAULT = "bank.database:vault"
CONFIDE = (sys.executable, "-m", "confide.cli.main", "adopt")
ERASE = """
from sqlalchemy import select
from sqlalchemy.orm import Session
from bank.database import engine, vault
from bank.models import Customer
from confide.rights.errors import UnknownSubject
from confide.values.purpose import Purpose
with Session(engine) as session:
    subject = session.scalars(select(Customer.row).order_by(Customer.id)).first()
with vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
    print(", ".join(f"{count} {kind}" for kind, count in vault.erase(subject).items))
    try:
        vault.erase(subject, dry_run=True)
    except UnknownSubject:
        print("nothing is left to erase")
vault.close()
"""
"""Erases the first customer, and looks whether there is anything left of them."""
TOKEN = "Bearer token-of-anna"
"""What a teller sends; the bank has it from its environment."""


@dataclass(frozen=True)
class Bank:
    """A running bank."""

    variant: str
    folder: Path
    client: httpx.Client
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it as an operator does."""
        self.client.close()
        self.process.terminate()
        self.process.wait(30)

    def content(self) -> bytes:
        """Every byte of its files, database and log included; but for the addresses of requests, which the server writes down as before."""
        whole = b"".join(path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file())
        return ADDRESS.sub(b"", whole)


def environment(variant: str) -> dict[str, str]:
    """Return what the bank is told by its surroundings."""
    code = [str(EXAMPLES / variant), *([str(EXAMPLES / "after")] if variant == "migrating" else []), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, code)),
        "BANK_TELLERS": "token-of-anna:anna",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@contextlib.contextmanager
def running(variant: str, folder: Path, database: str = "") -> Iterator[Bank]:
    """Run the bank of before, of after, or of the time between in a folder."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = int(found.getsockname()[1])
    known = environment(variant) | ({"BANK_DATABASE": database} if database else {})
    if variant != "before":
        subprocess.run([*CONFIDE, "init", VAULT], check=True, cwd=folder, env=known, stdout=subprocess.DEVNULL)
    log = folder / "log.txt"
    with log.open("ab") as stream:
        command = [sys.executable, "-m", "uvicorn", "bank.main:app", "--port", str(port), "--log-level", "debug"]
        process = subprocess.Popen(command, cwd=folder, env=known, stdout=stream, stderr=stream)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"authorization": TOKEN}, trust_env=False, timeout=30)
    bank = Bank(variant, folder, client, process)
    try:
        _wait(bank, log)
        yield bank
    finally:
        if process.poll() is None:
            bank.stop()


def _wait(bank: Bank, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and bank.process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            bank.client.get("/openapi.json")
            return
        time.sleep(0.02)
    message = f"The bank did not start: {log.read_text(encoding='utf-8')[-2000:]}"
    raise RuntimeError(message)
