"""Alembic: autogenerate writes a migration that runs, and then finds nothing more to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.orm import Session

from confide.values.purpose import Purpose
from tests.adopt import town as models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.adopt.town import Town

ENV = """
from alembic import context
from confide.adopt.sqlalchemy.alembic import render_item

config = context.config
context.configure(
    connection=config.attributes["connection"],
    target_metadata=config.attributes["metadata"],
    render_item=render_item,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
"""
TEMPLATE = '''"""${message}"""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
'''


@pytest.fixture
def town(tmp_path: Path, database: str) -> Iterator[Town]:
    """The models and their vault; the tables are not made."""
    built = models.build(tmp_path, database)
    yield built
    built.vault.close()


def run(folder: Path, town: Town, engine: sa.Engine, verb: str) -> str:
    """Run an Alembic command on the models; return the newest migration's text."""
    scripts = folder / "migrations"
    (scripts / "versions").mkdir(parents=True, exist_ok=True)
    (scripts / "env.py").write_text(ENV, encoding="utf-8")
    (scripts / "script.py.mako").write_text(TEMPLATE, encoding="utf-8")
    config = Config()
    config.set_main_option("script_location", str(scripts))
    with engine.begin() as connection:
        config.attributes.update(connection=connection, metadata=town.Base.metadata)
        if verb == "revision":
            command.revision(config, "generated", autogenerate=True)
        elif verb == "upgrade":
            command.upgrade(config, "head")
        else:
            command.check(config)
    newest = max((scripts / "versions").glob("*.py"), key=lambda path: path.stat().st_mtime_ns)
    return newest.read_text(encoding="utf-8")


def test_autogenerate_makes_a_schema_that_serves(tmp_path: Path, town: Town, engine: sa.Engine) -> None:
    """With the vault's own tables, the CHECKs, and an import of what it names."""
    text = run(tmp_path, town, engine, "revision")
    run(tmp_path, town, engine, "upgrade")
    run(tmp_path, town, engine, "check")

    assert "from confide.adopt.sqlalchemy.stored import Sealed" in text
    assert "Sealed()" in text
    for name in ("sealed_name", "confide_token", "confide_unique", "confide_shredded", "audit_outbox"):
        assert name in text
    with Session(engine) as session:
        session.add(town.Customer(name="Ada", email="ada@example.org"))
        session.commit()
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE), Session(engine) as session:
        assert session.scalars(sa.select(town.Customer).where(town.Customer.email.matches("ada@example.org"))).one().name == "Ada"
        session.rollback()
    with engine.connect() as connection, pytest.raises(sa.exc.IntegrityError, match="sealed_name"):
        connection.execute(sa.update(sa.table("customer", sa.column("name"))).values(name=b"in the clear" * 6))
