"""The books of an instance whose files were torn."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tests.faults import books

if TYPE_CHECKING:
    from pathlib import Path


def test_a_torn_file_is_told_and_not_read(tmp_path: Path) -> None:
    """Its rows are of any kind: an event that may not be NULL is."""
    for name in books.DATABASES:
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            connection.execute("CREATE TABLE version (document INTEGER, number INTEGER)")
            connection.execute("CREATE TABLE document (key INTEGER, id BLOB, pseudonym BLOB, version INTEGER)")
            connection.execute("CREATE TABLE audit_outbox (body BLOB)")
            connection.execute("INSERT INTO audit_outbox VALUES (NULL)")
            connection.execute("PRAGMA writable_schema=ON")
            connection.execute(
                "UPDATE sqlite_master SET sql = 'CREATE TABLE audit_outbox (body BLOB NOT NULL)' WHERE name = 'audit_outbox'"
            )
            connection.commit()
    found = books.read(tmp_path)

    assert found.faults() == [f"integrity_check of {name} says: NULL value in audit_outbox.body" for name in books.DATABASES]
    assert found.documents == {}
