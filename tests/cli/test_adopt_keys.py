"""`confide adopt keys`: the keys of a backend's vault are shown and rotated, each deed with its event."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from confide.adopt.parts import clock
from tests.adopt.bank import VAULT, environment
from tests.cli.backend import refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.backend import Shell

NAMES = "Ada, Ben"
NOW = clock()
FILL = """
from datetime import date
from sqlalchemy.orm import Session
from bank.database import Base, engine
from bank.models import Customer
Base.metadata.create_all(engine)
with Session(engine) as session:
    born = date(1990, 1, 1)
    session.add_all([Customer(name=one, email=one, address="Square", born=born, branch="London") for one in ("Ada", "Ben")])
    session.commit()
"""
READ = """
from sqlalchemy import select
from sqlalchemy.orm import Session
from bank.database import engine, vault
from bank.models import Customer
from confide.values.purpose import Purpose
with vault.acting("anna", Purpose.SERVICE_PROVISION), Session(engine) as session:
    print(*[one.name for one in session.scalars(select(Customer).order_by(Customer.id))], sep=", ")
"""
TWO = """
import dataclasses
from sqlalchemy.orm import DeclarativeBase
from confide.adopt.settings import of
from confide.adopt.sqlalchemy.vault import Vault
class Base(DeclarativeBase):
    pass
settings = of(keys="sqlite:///keys.db", key_file="root.key", database="sqlite:///two.db")
vault = Vault(Base, dataclasses.replace(settings, tenants=(1, 2)))
"""


@pytest.fixture
def python(shell: Shell) -> Callable[[str], str]:
    """Runs a program of the backend, in a process of its own."""

    def run(text: str) -> str:
        known = environment("after")
        done = subprocess.run([sys.executable, "-c", text], cwd=shell.folder, env=known, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return run


def events(folder: Path, file: str) -> list[tuple[int, str, Any]]:
    """What was done with the keys of each tenant, and for whom it passes."""
    with closing(sqlite3.connect(folder / file)) as connection:
        found = connection.execute("SELECT tenant, body FROM audit_outbox ORDER BY sequence").fetchall()
    told = [(tenant, json.loads(body)) for tenant, body in found]
    return [(tenant, event["action"], event["role"]) for tenant, event in told if event["type"] == "keys"]


def test_every_key_is_shown_and_rotated(shell: Shell, python: Callable[[str], str]) -> None:
    """Root, KEK, epoch and data keys; what was sealed before opens, and each deed stands in the trail of the backend."""
    shell("init", VAULT, variant="after")
    python(FILL)

    def keys(*words: str) -> str:
        status, said, errors = shell("keys", *words, variant="after")
        assert (status, errors) == (0, "")
        return said

    before = keys("status", VAULT)
    assert all(name in before for name in ("root-1", "epoch-1", "kek-1", "data keys"))
    assert "index" not in before
    assert "root-2 wraps every KEK" in keys("rotate", "root", VAULT)
    assert "kek-2 wraps every key" in keys("rotate", "kek", VAULT)
    assert "epoch-2 holds every key of a person" in keys("rotate", "epoch", VAULT)
    assert "0 superseded data keys" in keys("rotate", "data", VAULT, "--models", "bank.models")
    assert "nothing is due" in keys("tend", VAULT)
    assert python(READ) == NAMES
    lines = {line["name"]: line["state"] for line in json.loads(keys("status", VAULT, "--json"))["1"]}
    assert lines == {
        "epoch-1": "superseded", "epoch-2": "living", "root-1": "superseded", "root-2": "living", "kek-1": "superseded",
        "kek-2": "living", "data keys": "living",
    }  # fmt: skip
    deeds = ("rotate-root", "rotate-kek", "begin-epoch", "reseal")
    assert events(shell.folder, "bank.db") == [(1, deed, "operator") for deed in deeds]


def test_what_is_due_is_done_and_told(shell: Shell, python: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three years later: status names what is due, and tend begins an epoch."""
    shell("init", VAULT, variant="after")
    python(FILL)
    for module in ("confide.cli.adopt_keys", "confide.adopt.parts"):
        monkeypatch.setattr(f"{module}.clock", lambda: NOW + 3 * 365 * 86_400 * 1_000_000)

    said = shell("keys", "status", VAULT, variant="after")[1]
    assert said.count("due") == 5
    assert "keys rotate" in said
    assert "epoch-2 begun" in shell("keys", "tend", VAULT, variant="after")[1]
    assert [event[1] for event in events(shell.folder, "bank.db")] == ["tend"]


def test_each_tenant_is_rotated(shell: Shell) -> None:
    """What is everybody's once, what is a tenant's own for each; and the event in the trail of each."""
    (shell.folder / "two.py").write_text(TWO)
    shell("init", "two:vault")
    program = "import sqlalchemy as sa, two; two.Base.metadata.create_all(sa.create_engine('sqlite:///two.db'))"
    subprocess.run([sys.executable, "-c", program], cwd=shell.folder, env=environment("after"), check=True)

    assert shell("keys", "rotate", "root", "two:vault")[1].count("root-2 wraps") == 1
    assert shell("keys", "rotate", "kek", "two:vault")[1].count("kek-2 wraps") == 2
    assert shell("keys", "rotate", "data", "two:vault")[1].count("0 superseded") == 2
    said = shell("keys", "status", "two:vault")[1]
    assert all(name in said for name in ("tenant 1", "tenant 2"))
    assert events(shell.folder, "two.db") == [
        (tenant, deed, "operator") for deed in ("rotate-root", "rotate-kek", "reseal") for tenant in (1, 2)
    ]


def test_wrong_words_are_told(shell: Shell, python: Callable[[str], str]) -> None:
    """Nothing is destroyed by a rotation that destroys nothing; a vault or database that is not there is named."""
    shell("init", VAULT, variant="after")
    python(FILL)

    status, _, errors = shell("keys", "rotate", "root", VAULT, "--destroy", variant="after")
    assert (status, "goes with data" in errors) == (2, True)
    assert "names no vault" in refused(shell("keys", "status", "bank.database:engine", variant="after"))
    assert "There is no database file" in refused(shell("keys", "rotate", "data", VAULT, variant="after", BANK_DATABASE="sqlite:///o.db"))
    assert "root-2" not in shell("keys", "status", VAULT, variant="after")[1]
