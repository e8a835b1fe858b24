"""`confide adopt`: keys and migration of a backend of one's own, and what is said when something is wrong."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.adopt.bank import VAULT
from tests.cli.backend import refused

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.backend import Shell

MODELS = ("--models", "bank.models")
CUSTOMERS = (
    ("Ada", "ada@example.org"),
    ("Ben", "ben@example.org"),
    ("Cleo", "cleo@example.org"),
)

BEFORE = """
CREATE TABLE customer (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(120) NOT NULL, email VARCHAR(254) NOT NULL UNIQUE, phone VARCHAR(40),
    address VARCHAR(400) NOT NULL, born DATE NOT NULL, branch VARCHAR(40) NOT NULL, joined DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL);
CREATE INDEX ix_customer_name ON customer (name);
CREATE TABLE account (id INTEGER NOT NULL PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer (id),
    iban VARCHAR(34) NOT NULL UNIQUE, balance NUMERIC(14, 2) NOT NULL);
CREATE TABLE transfer (id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES account (id),
    counterparty VARCHAR(120) NOT NULL, counterparty_iban VARCHAR(34) NOT NULL, reference VARCHAR(140) NOT NULL,
    amount NUMERIC(14, 2) NOT NULL, booked DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL);
"""


@pytest.fixture
def run(shell: Shell) -> Shell:
    """In a folder with the database of the bank of before."""
    with closing(sqlite3.connect(shell.folder / "bank.db")) as connection:
        connection.executescript(BEFORE)
        connection.executemany(
            "INSERT INTO customer (name, email, address, born, branch) VALUES (?, ?, 'Square', '1990-01-01', 'London')", CUSTOMERS
        )
        connection.commit()
    return shell


def rows(folder: Path) -> list[tuple[str | None, str | None]]:
    """What stands in the clear."""
    with closing(sqlite3.connect(folder / "bank.db")) as connection:
        return connection.execute("SELECT name, email FROM customer ORDER BY id").fetchall()


def test_the_whole_way(run: Shell) -> None:
    """Keys, room, sealing, back, sealing, end: each step says what it did, and can be run again."""
    assert "The key file is made" in run("init", VAULT)[1]
    assert "are there" in run("init", VAULT)[1]
    said = run("migrate", VAULT, *MODELS, "--dry-run")[1]
    assert "3 rows, of which 3 are still to be sealed" in said
    assert "would be done: column customer.name_sealed added" in said
    assert "There is room" in run("migrate", VAULT, *MODELS, "--prepare")[1]
    assert rows(run.folder) == list(CUSTOMERS)
    assert "3 rows sealed" in run("migrate", VAULT, *MODELS)[1]
    assert rows(run.folder) == [(None, None)] * 3
    assert "3 rows hold their clear text again" in run("migrate", VAULT, *MODELS, "--undo")[1]
    assert rows(run.folder) == list(CUSTOMERS)
    assert "run this without --finish first" in refused(run("migrate", VAULT, *MODELS, "--finish"))
    assert rows(run.folder) == list(CUSTOMERS)
    run("migrate", VAULT, *MODELS)
    assert "There is no way back now" in run("migrate", VAULT, *MODELS, "--finish")[1]
    assert rows(run.folder) == [(None, None)] * 3
    assert "Finished already" in run("migrate", VAULT, *MODELS)[1]
    assert "database file written anew" in run("migrate", VAULT, *MODELS, "--finish")[1]
    assert "there is no way back" in refused(run("migrate", VAULT, *MODELS, "--undo"))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere:vault", "nowhere cannot be imported (ModuleNotFoundError nowhere"),
        ("bank.database:nothing", "names no vault"),
        ("bank.database:engine", "names no vault"),
        ("broken:vault", "broken cannot be imported (ZeroDivisionError, broken.py line 1)"),
        ("", "cannot be imported"),
    ],
)
def test_a_wrong_name_is_told(shell: Shell, name: str, sentence: str) -> None:
    """With what Python found, and where; nothing is made."""
    (shell.folder / "broken.py").write_text("1 / 0\n")

    assert sentence in refused(shell("init", name))
    assert [path.name for path in shell.folder.iterdir() if path.is_file()] == ["broken.py"]


def test_lost_or_open_keys_are_told_before_anything_is_changed(run: Shell) -> None:
    """A key file that others can read, one that is gone, and a key database that is gone."""
    migrate = ("migrate", VAULT, *MODELS)
    assert "is not there" in refused(run(*migrate))
    run("init", VAULT)
    (run.folder / "root.key").chmod(0o644)
    assert "chmod 600" in refused(run(*migrate))
    assert "chmod 600" in refused(run("init", VAULT))
    (run.folder / "root.key").rename(run.folder / "elsewhere")
    assert "put it back" in refused(run(*migrate))
    assert "put it back" in refused(run("init", VAULT))
    (run.folder / "elsewhere").rename(run.folder / "root.key")
    (run.folder / "root.key").chmod(0o600)
    (run.folder / "keys.db").rename(run.folder / "elsewhere")
    assert "put it back" in refused(run(*migrate))
    assert rows(run.folder) == list(CUSTOMERS)
    assert not (run.folder / "keys.db").exists()


def test_a_database_that_is_not_there_is_told(run: Shell) -> None:
    """A file that is missing is not made; a server that does not answer is named as such, without its password."""
    run("init", VAULT)
    missing = refused(run("migrate", VAULT, *MODELS, BANK_DATABASE="sqlite:///other.db"))
    assert "There is no database file other.db" in missing
    assert not (run.folder / "other.db").exists()
    down = refused(run("migrate", VAULT, *MODELS, BANK_DATABASE="postgresql+psycopg://teller:geheim@127.0.0.1:1/bank"))
    assert "takes connections" in down
    assert "geheim" not in down
    (run.folder / "empty.db").touch()
    assert "There is no table customer" in refused(run("migrate", VAULT, *MODELS, BANK_DATABASE="sqlite:///empty.db"))


def test_models_without_anything_to_migrate_are_told(run: Shell) -> None:
    """Those of after say no was=…; and a table that there is not has none."""
    run("init", VAULT)

    assert "says was=…" in refused(run("migrate", VAULT, *MODELS, variant="after"))
    assert "No column of customers says was=…" in refused(run("migrate", VAULT, *MODELS, "--table", "customers"))
    assert "bank.other cannot be imported" in refused(run("migrate", VAULT, "--models", "bank.other"))
    assert rows(run.folder) == list(CUSTOMERS)


def test_rows_that_cannot_be_sealed_are_told_and_left(run: Shell) -> None:
    """Two addresses that are one but for their case, and a name longer than is declared; no value is in the sentence."""
    run("init", VAULT)
    with closing(sqlite3.connect(run.folder / "bank.db")) as connection:
        connection.execute("UPDATE customer SET email = 'ADA@example.org' WHERE id = 2")
        connection.commit()
    said = refused(run("migrate", VAULT, *MODELS))
    assert "declared unique (email)" in said
    assert "ada" not in said.lower()
    with closing(sqlite3.connect(run.folder / "bank.db")) as connection:
        connection.execute("UPDATE customer SET email = 'ben@example.org', name = ? WHERE id = 2", ("Ben" * 100,))
        connection.commit()
    said = refused(run("migrate", VAULT, *MODELS))
    assert "customer.name" in said
    assert "Ben" not in said
    assert rows(run.folder)[0] == CUSTOMERS[0]


def test_a_column_of_before_that_is_not_there_is_told(run: Shell) -> None:
    """Before anything is changed, and by a dry run as well."""
    run("init", VAULT)
    with closing(sqlite3.connect(run.folder / "bank.db")) as connection:
        connection.execute("ALTER TABLE customer RENAME COLUMN address TO street")
    for more in ((), ("--dry-run",)):
        assert "says was=address, and the table has no such column" in refused(run("migrate", VAULT, *MODELS, *more))
    with closing(sqlite3.connect(run.folder / "bank.db")) as connection:
        assert "name_sealed" not in connection.execute("SELECT sql FROM sqlite_master WHERE name = 'customer'").fetchone()[0]
