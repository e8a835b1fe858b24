"""Migrations make exactly the tables of this program, and only when somebody asks for it."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import confide.clinic.app  # noqa: F401 - declares every table
from confide.cli.init import make_instance
from confide.clinic.app import clock, open_house
from confide.store import migrate
from confide.store.errors import Damaged, SchemaBehind, StoreError, Unavailable
from confide.store.migrate import Which, check, configuration, revisions, upgrade, with_connection
from confide.store.opening import sqlite_path
from confide.store.schema import DATA, KEYS
from tests import postgres
from tests.cli.desk import run_apart

if TYPE_CHECKING:
    from pathlib import Path

MODELS = {Which.DATA: DATA, Which.KEYS: KEYS}
MARKER = "Zebulon"

COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length, is_identity
    FROM information_schema.columns WHERE table_schema = 'public'"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace"""
SQLITE_COLUMNS = """
    SELECT t.name, c.name, c.type, c."notnull", c.dflt_value, c.pk, t.wr, t.strict
    FROM pragma_table_list t, pragma_table_info(t.name) c WHERE t.schema = 'main'"""
SQLITE_INDEXES = """
    SELECT t.name, i.name, i."unique", i.origin, (SELECT group_concat(name) FROM pragma_index_info(i.name))
    FROM pragma_table_list t, pragma_index_list(t.name) i WHERE t.schema = 'main'"""
CATALOGUE = {"postgresql": (COLUMNS, INDEXES, CONSTRAINTS), "sqlite": (SQLITE_COLUMNS, SQLITE_INDEXES)}


def shape(url: str) -> set[tuple[Any, ...]]:
    """What the engine itself says about its tables, columns, indexes and constraints."""

    def work(connection: sa.Connection) -> set[tuple[Any, ...]]:
        rows = {tuple(row) for query in CATALOGUE[connection.dialect.name] for row in connection.execute(sa.text(query))}
        return {row for row in rows if not str(row[0]).startswith(("alembic_version", "sqlite_"))}

    return with_connection(url, work)


def revision(url: str, value: str) -> None:
    """Write another schema version into a database."""
    with_connection(url, lambda connection: connection.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": value}))


def emptied(url: str) -> str:
    """The same database without a table."""

    def work(connection: sa.Connection) -> None:
        tables = sa.MetaData()
        tables.reflect(connection)
        tables.drop_all(connection)

    with_connection(url, work)
    return url


@pytest.mark.parametrize("which", Which)
def test_migrations_make_the_tables_of_the_models(store_url: str, which: Which) -> None:
    """Alembic finds no difference, with types looked at as well."""
    upgrade(store_url, which)

    def work(connection: sa.Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, MODELS[which]))

    assert with_connection(store_url, work) == []


@pytest.mark.parametrize("which", Which)
def test_the_engine_sees_no_difference_either(store_url: str, which: Which) -> None:
    """Names, keys, indexes, constraints and SQLite's kind of table, which Alembic does not compare."""
    upgrade(store_url, which)
    migrated = shape(store_url)
    with_connection(emptied(store_url), MODELS[which].create_all)

    assert migrated == shape(store_url)
    assert {row[0] for row in migrated} == set(MODELS[which].tables)


@pytest.mark.parametrize("which", Which)
def test_a_difference_would_be_seen(store_url: str, which: Which) -> None:
    """A column more, a column less, another index: the two comparisons above are able to fail."""
    upgrade(store_url, which)
    before = shape(store_url)
    table = next(iter(MODELS[which].tables))
    with_connection(store_url, lambda connection: connection.execute(sa.text(f'ALTER TABLE "{table}" ADD COLUMN extra INTEGER')))

    def work(connection: sa.Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), MODELS[which]))

    assert [one[0] for one in with_connection(store_url, work)] == ["remove_column"]
    assert shape(store_url) != before


@pytest.mark.parametrize("which", Which)
def test_upgrading_again_changes_nothing(store_url: str, which: Which) -> None:
    """Tables and rows stay as they are, and the version is the newest."""
    upgrade(store_url, which)
    table = MODELS[which].tables["wrapped_key" if which is Which.KEYS else "import_journal"]
    row = {column.name: _value(column) for column in table.columns}
    with_connection(store_url, lambda connection: connection.execute(table.insert(), row))
    before = shape(store_url)
    upgrade(store_url, which)
    found = with_connection(store_url, lambda connection: [one._asdict() for one in connection.execute(table.select())])

    assert shape(store_url) == before
    assert found == [row]
    check(store_url, which)


def _value(column: sa.Column[Any]) -> object:
    length = getattr(column.type, "length", None) or 4
    return {int: 7, bytes: b"b" * length, str: "s" * min(length, 4)}[column.type.python_type]


@pytest.mark.parametrize("which", Which)
def test_revisions_are_one_line_without_branches(which: Which) -> None:
    """Numbered from one, each on the one before; there is no way back but a backup."""
    scripts = ScriptDirectory.from_config(configuration(which))
    line = [one.revision for one in scripts.walk_revisions()][::-1]

    assert line == revisions(which)
    assert line == [f"{number:04d}" for number in range(1, len(line) + 1)]
    assert [one.revision for one in scripts.walk_revisions() if hasattr(one.module, "downgrade")] == []


@pytest.mark.parametrize("which", Which)
def test_an_empty_database_is_refused(store_url: str, which: Which) -> None:
    """The sentence says which one it is and what to run; nothing is made by looking."""
    with_connection(store_url, lambda _: None)
    with pytest.raises(SchemaBehind, match=rf"The {which.value} database is empty"):
        check(store_url, which)

    assert shape(store_url) == set()


@pytest.mark.parametrize("which", Which)
def test_an_older_database_is_refused(monkeypatch: pytest.MonkeyPatch, store_url: str, which: Which) -> None:
    """A database without the last revision is not served."""
    upgrade(store_url, which)
    monkeypatch.setattr(migrate, "revisions", lambda _: ["0001", "0002"])

    with pytest.raises(SchemaBehind, match="confide migrate"):
        check(store_url, which)


@pytest.mark.parametrize("which", Which)
def test_a_newer_database_is_refused_and_left_alone(store_url: str, which: Which) -> None:
    """An older program neither serves nor migrates what a later one made."""
    upgrade(store_url, which)
    revision(store_url, "9999")
    before = shape(store_url)

    for attempt in (check, upgrade):
        with pytest.raises(SchemaBehind, match="later version"):
            attempt(store_url, which)
    assert shape(store_url) == before


def test_a_missing_file_is_refused_and_not_made(tmp_path: Path) -> None:
    """A disk that was not mounted does not get an empty database in its place."""
    with pytest.raises(SchemaBehind, match="There is no data database"):
        check(f"sqlite:///{tmp_path / 'data.db'}", Which.DATA)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """It is not overwritten."""
    (tmp_path / "data.db").write_text(MARKER * 1000)
    for attempt in (check, upgrade):
        with pytest.raises(Damaged, match=r"data\.db is damaged.*restore"):
            attempt(f"sqlite:///{tmp_path / 'data.db'}", Which.DATA)

    assert (tmp_path / "data.db").read_text() == MARKER * 1000


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://confide:{marker}@127.0.0.1:{port}/none",
        "postgres://confide:{marker}@127.0.0.1:{port}/none",
        "postgresql://confide:{marker}@127.0.0.1:{port}{marker}/none",
        "postgresql://{marker}",
        "sqlite:////no/such/folder/{marker}.db",
        "mysql://{marker}",
    ],
)
def test_a_database_that_cannot_be_reached_is_said_to_be_so(url: str) -> None:
    """Without its address, which may hold a password."""
    with pytest.raises(StoreError) as refused:
        upgrade(url.format(marker=MARKER, port=postgres.free_port()), Which.DATA)

    assert MARKER not in str(refused.value)
    assert re.search(r"address", str(refused.value))


def test_a_database_that_is_not_there_is_said_to_be_so(postgresql_url: str) -> None:
    """The server answers, and knows no such database."""
    with pytest.raises(Unavailable, match="cannot be reached"):
        check(f"{postgresql_url}_none", Which.DATA)


def test_the_server_does_not_migrate(store_url: str, tmp_path: Path) -> None:
    """`confide serve` over an empty database ends with one sentence, and the database is as empty as before."""
    folder = tmp_path / "instance"
    make_instance(folder, {"data_database": store_url})
    emptied(store_url)
    found = run_apart("serve", "--folder", str(folder), CONFIDE_PORT=str(postgres.free_port()))

    assert found.returncode == 1
    [said] = found.stderr.strip().splitlines()
    assert "its data database is missing or empty" in said
    assert shape(store_url) == set()


def test_nor_does_whoever_opens_the_house(store_url: str, tmp_path: Path) -> None:
    """Opening the parts of the server by themselves makes no table either, in either database."""
    settings, _ = make_instance(tmp_path / "instance", {"data_database": store_url})
    emptied(store_url)
    path = sqlite_path(settings.keys_url)
    assert path is not None
    path.unlink()

    async def work() -> None:
        async with open_house(settings, clock()):
            pass

    with pytest.raises((StoreError, sqlite3.Error)):
        asyncio.run(work())
    assert shape(store_url) | shape(settings.keys_url) == set()
