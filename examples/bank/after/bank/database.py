"""The database and its sessions."""

import os
from collections.abc import Iterator

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Session

from confide.adopt.sqlalchemy.vault import Vault

DATABASE = os.environ.get("BANK_DATABASE", "sqlite:///bank.db")
engine = create_engine(DATABASE)


class Base(DeclarativeBase):
    """Every model."""


vault = Vault.of(Base, database=DATABASE, keys=os.environ.get("BANK_KEYS", "sqlite:///keys.db"), key_file="root.key")


def get_session() -> Iterator[Session]:
    """Yield the session of one request."""
    with Session(engine) as session:
        yield session
