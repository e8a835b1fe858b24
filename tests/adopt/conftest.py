"""A town on each engine, with a thread-bound session or an asynchronous one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from confide.values.purpose import Purpose
from tests.adopt import town as models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from confide.adopt.scope import Scope
    from tests.adopt.town import Town


@pytest.fixture
def database(store_url: str) -> str:
    """The address of an empty database, as `create_engine` takes it."""
    return store_url.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture
def town(tmp_path: Path, database: str) -> Iterator[Town]:
    """The models, their vault and an empty database with their tables."""
    built = models.build(tmp_path, database)
    engine = sa.create_engine(database)
    built.Base.metadata.create_all(engine)
    engine.dispose()
    yield built
    built.vault.close()


@pytest.fixture
def engine(database: str, town: Town) -> Iterator[sa.Engine]:
    """An engine on the town's database."""
    found = sa.create_engine(database)
    yield found
    found.dispose()


@pytest.fixture
def session(engine: sa.Engine) -> Iterator[Session]:
    """A session on the town's database."""
    with Session(engine) as found:
        yield found


@pytest.fixture
def acting(town: Town, session: Session) -> Iterator[Scope]:
    """A scope for the whole test: a clerk who serves."""
    with town.vault.acting("clerk", Purpose.SERVICE_PROVISION) as scope:
        yield scope
        session.rollback()  # SQLite takes one writer
