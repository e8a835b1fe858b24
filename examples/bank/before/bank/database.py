"""The database and its sessions."""

import os
from collections.abc import Iterator

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Session

DATABASE = os.environ.get("BANK_DATABASE", "sqlite:///bank.db")
engine = create_engine(DATABASE)


class Base(DeclarativeBase):
    """Every model."""


def get_session() -> Iterator[Session]:
    """Yield the session of one request."""
    with Session(engine) as session:
        yield session
