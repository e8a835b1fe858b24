"""A plaintext table is sealed in place: while it is read and written, after kills, and with a way back until it is finished."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from confide.adopt.begin import begin
from confide.adopt.errors import NobodyActs
from confide.adopt.refusals import CannotAlter, MigrationOver, NotFinished, Unbound
from confide.adopt.sqlalchemy.declare import Category, Find, personal, row_id, subject_id
from confide.adopt.sqlalchemy.migrate import engine as migrate_engine
from confide.adopt.sqlalchemy.migrate.count import count, is_finished
from confide.adopt.sqlalchemy.migrate.drop import drop, leftovers
from confide.adopt.sqlalchemy.migrate.engine import open_engine
from confide.adopt.sqlalchemy.migrate.finish import finish, rewrite
from confide.adopt.sqlalchemy.migrate.open import undo
from confide.adopt.sqlalchemy.migrate.prepare import prepare
from confide.adopt.sqlalchemy.migrate.seal import seal
from confide.adopt.sqlalchemy.migrate.work import works
from confide.adopt.sqlalchemy.migrating import PLAIN_READS
from confide.adopt.sqlalchemy.reveal import Opened, open_rows
from confide.adopt.sqlalchemy.vault import Vault
from confide.sealed.errors import DeclarationRefused
from confide.values.principal import Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 60
UNTIL = dt.date(2999, 1, 1)
SEALED = {"id": False, "row": False, "name_sealed": False, "email_sealed": False, "born_sealed": True, "city": False}
"""Columns of a member when all is done, and whether they may be empty."""


class Club(NamedTuple):
    """An existing application that is being migrated."""

    Base: Any
    vault: Vault
    Member: Any
    Fee: Any
    engine: sa.Engine
    database: str

    def acting(self) -> Any:
        """Someone who reads."""
        return self.vault.acting("clerk", Purpose.CUSTOMER_CARE)

    def migrate(self, verb: Any, **options: Any) -> list[Any]:
        """Do a step of the migration, as the command does it, for both tables."""
        engine = open_engine(self.database)
        try:
            with self.vault.acting("operator", Purpose.MAINTENANCE, role=Role.OPERATOR):
                return [verb(engine, work, lambda _rows: None, **options) for work in works(self.Base.registry)]
        finally:
            engine.dispose()

    def prepare(self) -> None:
        """Make room."""
        engine = open_engine(self.database)
        try:
            with engine.begin() as connection:
                for work in works(self.Base.registry):
                    prepare(connection, work, self.vault.tables)
        finally:
            engine.dispose()

    def raw(self, table: str) -> list[dict[str, Any]]:
        """The rows as they are stored."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(sa.text(f"SELECT * FROM {table} ORDER BY id")).mappings()]  # noqa: S608 - our own


def existing(engine: sa.Engine) -> None:
    """Make the tables as they were before anybody thought of Confide, and fill them."""
    metadata = sa.MetaData()
    member = sa.Table(
        "member",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(80), nullable=False, index=True),
        sa.Column("email", sa.String(120), nullable=False),
        sa.Column("born", sa.Date),
        sa.Column("city", sa.String(20), nullable=False),
        sa.UniqueConstraint("email", name="uq_member_email"),
    )
    fee = sa.Table(
        "fee",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("member_id", sa.ForeignKey("member.id"), nullable=False),
        sa.Column("amount", sa.Numeric(10, 2), nullable=False),
    )
    metadata.create_all(engine)
    with engine.begin() as connection:
        for at in range(1, ROWS + 1):  # one by one, so that the database numbers them in this order
            connection.execute(sa.insert(member), {key: value for key, value in member_row(at).items() if key != "id"})
            connection.execute(sa.insert(fee), {"member_id": at, "amount": Decimal(at)})


def member_row(at: int) -> dict[str, Any]:
    """A row of before."""
    return {"id": at, "name": f"Name Nr{at}", "email": f"M{at}@example.org", "born": dt.date(1990, 1, 1) + dt.timedelta(at), "city": "Ulm"}


@pytest.fixture
def club(tmp_path: Path, database: str) -> Iterator[Club]:
    """The old tables, and the new models on them."""
    engine = sa.create_engine(database)
    existing(engine)
    built = models(tmp_path, database, engine)
    yield built
    built.vault.close()
    engine.dispose()


def models(folder: Path, database: str, engine: sa.Engine, until: dt.date | None = UNTIL) -> Club:
    """Declare the models of the new program; without a day those of the one after it, which knows no clear text any more."""

    class Base(DeclarativeBase):
        pass

    vault = Vault.of(Base, database=database, keys=f"sqlite:///{folder / 'keys.db'}", key_file=folder / "root.key")
    begin(vault.settings)

    def was(name: str) -> dict[str, Any]:
        return {} if until is None else {"was": name, "until": until}

    class Member(Base):
        __tablename__ = "member"
        id: Mapped[int] = mapped_column(primary_key=True)
        row: Mapped[bytes] = row_id()
        name: Mapped[str] = personal("name_sealed", sa.String(80), is_a=Category.NAME, find={Find.EXACT, Find.PREFIX}, **was("name"))
        email: Mapped[str] = personal("email_sealed", sa.String(120), is_a=Category.CONTACT, find=Find.EXACT, unique=True, **was("email"))
        born: Mapped[dt.date | None] = personal("born_sealed", sa.Date(), is_a=Category.BIRTH, find=Find.RANGE, **was("born"))
        city: Mapped[str] = mapped_column(sa.String(20))

    class Fee(Base):
        __tablename__ = "fee"
        id: Mapped[int] = mapped_column(primary_key=True)
        row: Mapped[bytes] = row_id()
        member_id: Mapped[int] = mapped_column(sa.ForeignKey("member.id"))
        whose: Mapped[bytes] = subject_id("member")
        amount: Mapped[Decimal] = personal("amount_sealed", sa.Numeric(10, 2), is_a=Category.FINANCIAL, **was("amount"))
        member: Mapped[Member] = relationship()

    return Club(Base, vault, Member, Fee, engine, database)


def shown(club: Club) -> list[tuple[Any, ...]]:
    """Every member as the new program sees them."""
    with club.acting(), Session(club.engine) as session:
        found = session.scalars(sa.select(club.Member).order_by(club.Member.id))
        return [(one.id, one.name, one.email, one.born) for one in found]


def expected() -> list[tuple[Any, ...]]:
    """Every member as it was."""
    return [(row["id"], row["name"], row["email"], row["born"]) for row in (member_row(at) for at in range(1, ROWS + 1))]


def test_from_clear_text_to_sealed_and_finished(club: Club) -> None:
    """Read as ever before, during and after, by a program that still says was=…; nothing in the clear is left in the tables."""
    club.prepare()
    club.prepare()
    assert shown(club) == expected()
    assert club.migrate(seal, size=7) == [ROWS, ROWS]
    assert shown(club) == expected()
    assert all(row["name"] is row["email"] is row["born"] is None for row in club.raw("member"))
    club.migrate(finish)
    assert shown(club) == expected()
    assert all(row["name"] is row["email"] is row["born"] is None for row in club.raw("member"))
    with club.acting(), Session(club.engine) as session:
        assert [one.amount for one in session.scalars(sa.select(club.Fee).order_by(club.Fee.id))] == [
            Decimal(at) for at in range(1, ROWS + 1)
        ]
        session.add(club.Member(name="New", email="new@example.org", city="Ulm"))
        session.commit()
        found = session.scalars(sa.select(club.Member.id).where(club.Member.name.starts_with("name nr1"))).all()
        assert len(found) == 11
        session.rollback()
    assert club.migrate(finish) == [[], []]


def test_the_database_holds_what_the_models_say_when_it_is_finished(club: Club) -> None:
    """Not null, unique and sealed, as if it had been made anew."""
    club.prepare()
    club.migrate(seal)
    club.migrate(finish)
    with club.engine.connect() as connection:
        columns = {one["name"]: one["nullable"] for one in sa.inspect(connection).get_columns("member")}
        checks = {one["name"] for one in sa.inspect(connection).get_check_constraints("member")}
    assert columns == SEALED | {"name": True, "email": True, "born": True}
    assert checks >= {"sealed_name_sealed", "sealed_email_sealed", "sealed_born_sealed"}
    with club.engine.connect() as connection, pytest.raises(sa.exc.IntegrityError):  # an older program
        connection.execute(sa.text("UPDATE member SET name = 'Newer'"))
    with club.engine.connect() as connection, pytest.raises(sa.exc.IntegrityError):
        connection.execute(
            sa.text("UPDATE member SET name_sealed = :plain"), {"plain": b"in the clear and long enough to be an envelope, almost"}
        )


def test_what_no_model_names_any_more_is_dropped(club: Club, tmp_path: Path) -> None:
    """Columns of before with their index and constraint, once they are closed and was=… is gone; nothing else."""
    club.prepare()
    club.migrate(seal)
    after = models(tmp_path, club.database, club.engine, until=None)
    with club.engine.connect() as connection:
        assert leftovers(connection, after.Base.registry) == {}
    club.migrate(finish)
    engine = open_engine(club.database)
    with engine.connect() as connection:
        assert leftovers(connection, club.Base.registry) == {}
        found = leftovers(connection, after.Base.registry)
    said = [line for table, names in found.items() for line in drop(engine, table, names)]
    engine.dispose()
    with club.engine.connect() as connection:
        inspector = sa.inspect(connection)
        columns = {one["name"]: one["nullable"] for one in inspector.get_columns("member")}
        checks = {one["name"] for one in inspector.get_check_constraints("member")}

    assert columns == SEALED
    assert set(club.raw("fee")[0]) == {"id", "row", "member_id", "whose", "amount_sealed"}
    assert checks >= {"sealed_name_sealed", "sealed_email_sealed", "sealed_born_sealed"}
    assert not any(str(check).startswith("cleared_") for check in checks)
    assert {"column member.name dropped", "constraint uq_member_email dropped", "column fee.amount dropped"} <= set(said)
    assert shown(after) == expected()
    after.vault.close()


def test_the_way_back(club: Club) -> None:
    """Half-way or all the way: the clear text is as it was, and nothing is left in the index."""
    club.prepare()
    club.migrate(seal, size=7)
    club.migrate(undo, size=7)
    token = club.vault.tables.token
    with club.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(token).where(token.c.row != b"")) == 0
        assert connection.scalar(sa.select(sa.func.count()).select_from(club.vault.tables.unique)) == 0
    assert [(row["id"], row["name"], row["email"]) for row in club.raw("member")] == [one[:3] for one in expected()]
    assert all(row["name_sealed"] is None for row in club.raw("member"))
    assert shown(club) == expected()
    assert club.migrate(seal) == [ROWS, ROWS]
    assert shown(club) == expected()


def test_rows_that_are_not_sealed_yet_are_searched_read_and_changed(club: Club) -> None:
    """By the new program, while nothing has been migrated; what it writes is sealed, and its clear text goes."""
    club.prepare()
    with club.acting(), Session(club.engine) as session:
        member = club.Member
        one = session.scalars(sa.select(member).where(member.email.matches("m7@EXAMPLE.org"))).one()
        assert one.name == "Name Nr7"
        assert len(session.scalars(sa.select(member.id).where(member.name.starts_with("Name Nr1"))).all()) == 11
        assert session.scalars(sa.select(member.id).where(member.born.between(dt.date(1990, 1, 2), dt.date(1990, 1, 3)))).all()
        one.name = "Changed"
        session.add(club.Fee(member_id=9, amount=Decimal(5)))
        session.commit()
        assert session.scalars(sa.select(member.id).where(member.name.matches("changed"))).all() == [7]
        assert (one.name, one.email) == ("Changed", "M7@example.org")
        fee: Any = session.scalars(sa.select(club.Fee).order_by(club.Fee.id.desc())).first()
        assert fee.amount == Decimal(5)
        session.rollback()
    seven = club.raw("member")[6]
    assert (seven["name"], seven["name_sealed"] is None, seven["email"]) == (None, False, "M7@example.org")
    assert club.raw("member")[8]["row"] is not None
    club.migrate(seal)
    wanted = [(*one[:1], "Changed", *one[2:]) if one[0] == 7 else one for one in expected()]
    assert shown(club) == wanted


@pytest.mark.postgresql
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_asynchronous_sessions_meet_rows_that_are_not_sealed_yet(tmp_path: Path, postgresql_url: str, driver: str) -> None:
    """As threads do: read, searched, changed and bulk-updated."""
    engine = sa.create_engine(postgresql_url.replace("postgresql://", "postgresql+psycopg://", 1))
    existing(engine)
    club = models(tmp_path, str(engine.url), engine)
    club.prepare()
    loop = create_async_engine(postgresql_url.replace("postgresql://", f"postgresql+{driver}://", 1))
    async with club.vault.acting("clerk", Purpose.CUSTOMER_CARE), AsyncSession(loop) as session:
        one = (await session.scalars(sa.select(club.Member).where(club.Member.email.matches("m7@example.org")))).one()
        assert (one.name, one.born) == ("Name Nr7", member_row(7)["born"])
        one.name = "Changed"
        fee = await session.get_one(club.Fee, 9)
        fee.amount = Decimal(5)
        await session.execute(sa.update(club.Member), [{"id": 3, "name": "Bulk"}])
        await session.commit()
        found = (await session.scalars(sa.select(club.Member).where(club.Member.id.in_([3, 7, 8])).order_by(club.Member.id))).all()
        assert [each.name for each in found] == ["Bulk", "Changed", "Name Nr8"]
        await session.refresh(fee)
        assert fee.amount == Decimal(5)
    await loop.dispose()
    rows = club.raw("member")
    await asyncio.to_thread(club.vault.close)
    engine.dispose()

    assert [rows[at - 1]["name"] for at in (3, 7, 8)] == [None, None, "Name Nr8"]


def test_bulk_updates_of_rows_that_are_not_sealed_yet(club: Club) -> None:
    """By primary key: the row gets its identifier, and its clear text goes."""
    club.prepare()
    with Session(club.engine) as session:
        session.execute(sa.update(club.Member), [{"id": 3, "name": "Bulk"}])
        session.execute(sa.update(club.Fee), [{"id": 3, "amount": Decimal("1.50")}])
        session.commit()
    assert (club.raw("member")[2]["name"], club.raw("fee")[2]["amount"]) == (None, None)
    with club.acting(), Session(club.engine) as session:
        assert session.get_one(club.Member, 3).name == "Bulk"
        assert session.get_one(club.Fee, 3).amount == Decimal("1.50")


def test_a_person_finds_nobody_in_the_clear(club: Club) -> None:
    """Whose a row is shows when it is sealed; until then a search for another finds nothing."""
    club.prepare()
    member = club.Member
    searches = [member.email.matches("m7@example.org"), member.name.matches("name nr7"), member.name.starts_with("name nr7")]
    with Session(club.engine) as session:
        for condition in searches:
            counted = sa.select(sa.func.count()).select_from(member).where(condition)
            with pytest.raises(NobodyActs):
                session.scalar(counted)
            with club.acting():
                assert session.scalar(counted) == 1
                session.rollback()
            with club.vault.acting("mallory", Purpose.RIGHTS_FULFILMENT, role=Role.SUBJECT, own=bytes(16)):
                assert session.scalar(counted) == 0
                session.rollback()


def test_reading_clear_text_is_counted_told_and_takes_someone_who_acts(club: Club) -> None:
    """As opening does."""
    club.prepare()
    with Session(club.engine) as session:
        one = session.get_one(club.Member, 1)
        with pytest.raises(NobodyActs):
            _ = one.name
        before = PLAIN_READS["member.name_sealed"]
        with club.acting() as scope:
            assert one.name == "Name Nr1"
            assert scope.opened
            session.rollback()

        assert PLAIN_READS["member.name_sealed"] == before + 1
        assert "Nr1" not in repr(one)


def test_columns_are_opened_whether_they_are_sealed_or_not(club: Club) -> None:
    """Of a select of columns and of rows of Core; who selects too little for that is told, and gets no empty value."""
    club.prepare()
    with club.acting(), Session(club.engine) as session:
        session.get_one(club.Member, 1).name = "Ada"
        session.commit()
        two = sa.select(Opened(club.Member.name)).where(club.Member.id < 3).order_by(club.Member.id)
        assert session.scalars(two).all() == ["Ada", "Name Nr2"]
        columns = club.Member.__table__.c
        rows = session.connection().execute(sa.select(columns["row", "name_sealed", "name"]).where(columns.id < 3).order_by(columns.id))
        assert [one["name_sealed"] for one in open_rows(club.Member, rows.mappings())] == ["Ada", "Name Nr2"]
        rows = session.connection().execute(sa.select(columns["row", "name_sealed"]).where(columns.id == 2))
        with pytest.raises(Unbound, match="name"):
            list(open_rows(club.Member, rows.mappings()))
        session.rollback()
    with Session(club.engine) as session, pytest.raises(NobodyActs):
        session.scalars(two).all()


def test_nobody_is_exported_or_erased_in_part(club: Club) -> None:
    """Rows that are not sealed yet may be theirs: not a row is touched until all are."""
    club.prepare()
    with club.acting(), Session(club.engine) as session:
        session.get_one(club.Member, 1).name = "Ada"
        session.commit()
        subject = session.get_one(club.Member, 1).row
        with pytest.raises(NotFinished, match="migrate first"):
            club.vault.export(session, subject)
        session.rollback()
        for dry_run in (True, False):
            with pytest.raises(NotFinished, match="migrate first"):
                club.vault.erase(subject, dry_run=dry_run)
        assert session.get_one(club.Member, 1).name == "Ada"
        session.rollback()
    club.migrate(seal)
    with club.acting(), Session(club.engine) as session:
        assert {name: len(rows) for name, rows in club.vault.export(session, subject).items()} == {"member": 1, "fee": 1}
        session.rollback()
        club.vault.erase(subject)


def test_a_migration_does_not_last_for_ever(club: Club, tmp_path: Path) -> None:
    """After its day nothing is read from the clear text, nor searched in it; and a day must be named."""
    club.prepare()
    late = models(tmp_path, club.database, club.engine, until=dt.date(2020, 1, 1))
    with late.acting(), Session(club.engine) as session:
        one = session.get_one(late.Member, 1)
        with pytest.raises(MigrationOver, match="2020-01-01"):
            _ = one.name
        with pytest.raises(MigrationOver):
            late.Member.email.matches("m1@example.org")
        session.rollback()
    late.vault.close()
    with pytest.raises(DeclarationRefused, match="until"):
        personal(is_a=Category.NAME, was="name")


def test_an_older_program_that_writes_meanwhile_is_taken_up(club: Club) -> None:
    """It knows nothing of sealed columns: its clear text is newer than what was sealed, and is sealed in its place."""
    club.prepare()
    club.migrate(seal)
    with club.engine.begin() as connection:
        connection.execute(sa.text("UPDATE member SET name = 'Newer' WHERE id = 5"))
        connection.execute(sa.text("INSERT INTO member (id, name, email, city) VALUES (900, 'Late', 'late@example.org', 'Ulm')"))
    with pytest.raises(NotFinished, match="2 rows"):
        club.migrate(finish)
    assert club.migrate(seal)[0] == 2
    with club.acting(), Session(club.engine) as session:
        assert session.get_one(club.Member, 5).name == "Newer"
        assert session.get_one(club.Member, 900).email == "late@example.org"
        assert session.scalars(sa.select(club.Member.id).where(club.Member.name.matches("name nr5"))).all() == []
        assert session.scalars(sa.select(club.Member.id).where(club.Member.name.matches("newer"))).all() == [5]
        session.rollback()
    club.migrate(finish)


def test_nothing_is_dropped_while_a_row_does_not_open(club: Club) -> None:
    """Every row is opened before."""
    club.prepare()
    club.migrate(seal)
    with club.engine.begin() as connection:
        rows = connection.execute(sa.text("SELECT name_sealed FROM member WHERE id IN (1, 2) ORDER BY id")).scalars().all()
        connection.execute(sa.text("UPDATE member SET name_sealed = :other WHERE id = 1"), {"other": bytes(rows[1])})
    with pytest.raises(NotFinished, match="1 rows of member do not open"):
        club.migrate(finish)
    assert "name" in club.raw("member")[0]


def test_reads_and_writes_go_on(club: Club) -> None:
    """Another thread reads everyone and changes somebody, again and again, while rows are sealed."""
    club.prepare()
    faults: list[BaseException] = []
    rounds = 0
    done = threading.Event()

    def work() -> None:
        nonlocal rounds
        while not done.is_set() or rounds < 3:
            try:
                with club.acting(), Session(club.engine) as session:
                    everyone = session.scalars(sa.select(club.Member).order_by(club.Member.id)).all()
                    assert [one.email for one in everyone] == [one[2] for one in expected()]
                    everyone[rounds % ROWS].name = f"Round {rounds}"
                    session.commit()
                rounds += 1
            except sa.exc.OperationalError as error:  # SQLite takes one writer: the backend tries again
                if "locked" not in str(error):
                    faults.append(error)
                    return
            except BaseException as error:  # noqa: BLE001 - shown below
                faults.append(error)
                return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        club.migrate(seal, size=5)
    finally:
        done.set()
        thread.join()
    club.migrate(seal)

    assert faults == []
    names = {one[0]: one[1] for one in shown(club)}
    assert {names[at % ROWS + 1] for at in range(max(0, rounds - ROWS), rounds)} == {
        f"Round {at}" for at in range(max(0, rounds - ROWS), rounds)
    }
    club.migrate(finish)


KILLED = """
import sys, pathlib
import sqlalchemy as sa
from tests.adopt import test_migrate as t
folder, database = pathlib.Path(sys.argv[1]), sys.argv[2]
club = t.models(folder, database, sa.create_engine(database))
club.prepare()
def report(rows):
    print(rows, flush=True)
engine = t.open_engine(database)
for work in t.works(club.Base.registry):
    t.seal(engine, work, report, size=3)
"""


def test_a_killed_migration_goes_on(club: Club, tmp_path: Path) -> None:
    """Wherever it was stopped: no row is half sealed, and none is lost."""
    club.vault.close()
    for batches in (1, 4, 9):
        running = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path), club.database], stdout=subprocess.PIPE, env=os.environ, cwd=Path.cwd()
        )
        assert running.stdout is not None
        for _ in range(batches):
            running.stdout.readline()
        running.send_signal(signal.SIGKILL)
        running.wait()
        running.stdout.close()
        assert shown(club) == expected()
    rows = club.raw("member")
    assert any(row["name"] is not None for row in rows) or any(row["amount"] is not None for row in club.raw("fee"))
    assert all((row["name"] is None) is (row["name_sealed"] is not None) for row in rows)
    club.migrate(seal)
    club.migrate(finish)

    assert shown(club) == expected()


MEMBER = """CREATE TABLE member (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(80) NOT NULL, email VARCHAR(120) NOT NULL, born DATE,
    city VARCHAR(20) NOT NULL CHECK (length(city) > 1), CONSTRAINT no_digits CHECK (city <> '1'))"""


def test_what_else_a_table_has_survives(tmp_path: Path) -> None:
    """SQLite makes an altered table anew: checks, triggers, indexes on expressions, views and numbering come along."""
    database = f"sqlite:///{tmp_path / 'club.db'}"
    club = models(tmp_path, database, sa.create_engine(database))
    with club.engine.begin() as connection:
        for text in (
            MEMBER,
            "CREATE TABLE fee (id INTEGER PRIMARY KEY, member_id INTEGER NOT NULL REFERENCES member (id), amount NUMERIC NOT NULL)",
            "CREATE INDEX ix_lower_city ON member (lower(city))",
            "CREATE INDEX ix_lower_email ON member (lower(email))",
            "CREATE INDEX ix_some ON member (city) WHERE city <> 'Ulm'",
            "CREATE VIEW cities AS SELECT DISTINCT city FROM member",
            "CREATE TABLE seen (city TEXT)",
            "CREATE TRIGGER tr_seen AFTER INSERT ON member BEGIN INSERT INTO seen VALUES (new.city); END",
            "INSERT INTO member (name, email, city) VALUES ('Ada', 'a@example.org', 'Ulm')",
        ):
            connection.exec_driver_sql(text)
    club.prepare()
    club.migrate(seal)
    club.migrate(finish)
    after = models(tmp_path, database, club.engine, until=None)
    engine = open_engine(database)
    with engine.connect() as connection:
        found = leftovers(connection, after.Base.registry)
    for table, names in found.items():
        drop(engine, table, names)
    engine.dispose()
    with club.engine.connect() as connection:
        texts: dict[str, str] = dict(connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all())
        assert connection.scalar(sa.text("SELECT city FROM cities")) == "Ulm"
    club.vault.close()
    after.vault.close()

    assert {"ix_lower_city", "ix_some", "cities", "tr_seen"} <= set(texts)
    assert "ix_lower_email" not in texts
    assert "AUTOINCREMENT" in texts["member"]
    assert "length(city) > 1" in texts["member"]
    assert "no_digits" in texts["member"]
    assert "email " not in texts["member"]


@pytest.mark.parametrize(
    "clause", ["city TEXT COLLATE NOCASE", "city TEXT GENERATED ALWAYS AS (name)", "city TEXT UNIQUE ON CONFLICT REPLACE"]
)
def test_a_table_that_would_lose_something_is_left_as_it_is(tmp_path: Path, clause: str) -> None:
    """SQLite cannot alter it, and making it anew would drop what SQLAlchemy does not know of."""
    database = f"sqlite:///{tmp_path / 'club.db'}"
    club = models(tmp_path, database, sa.create_engine(database))
    with club.engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE member (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT, born DATE, {clause})")
        before = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all()
    with pytest.raises(CannotAlter, match="nothing was changed"):
        club.prepare()
    with club.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all() == before
    club.vault.close()


def test_counts(club: Club) -> None:
    """What the command says before, during and after."""
    engine = open_engine(club.database)
    work = works(club.Base.registry)[0]
    figures = []
    with engine.connect() as connection:
        figures.append(count(connection, work))
    club.prepare()
    with club.acting(), Session(club.engine) as session:
        session.get_one(club.Member, 1).name = "Ada"
        session.commit()
    with engine.connect() as connection:
        figures.append(count(connection, work))
    club.migrate(seal)
    club.migrate(finish)
    with engine.connect() as connection:
        figures.append(count(connection, work))
        assert is_finished(connection, work)
    engine.dispose()

    assert [(one.rows, one.unfinished, one.sealed) for one in figures] == [(ROWS, ROWS, 0), (ROWS, ROWS, 1), (ROWS, 0, ROWS)]


@pytest.mark.parametrize("verb", [finish, prepare])
def test_a_table_that_somebody_holds_is_not_waited_for_for_ever(club: Club, monkeypatch: pytest.MonkeyPatch, verb: Any) -> None:
    """The step ends in an error, nothing of it is done, and it may be repeated."""
    monkeypatch.setattr(migrate_engine, "BUSY_SECONDS", 1)
    if verb is finish:
        club.prepare()
        club.migrate(seal)
    with club.engine.connect() as holder:
        holder.execute(sa.text("UPDATE member SET city = 'Bonn' WHERE id = 1"))
        with pytest.raises(sa.exc.OperationalError):
            club.migrate(finish) if verb is finish else club.prepare()
        holder.rollback()
    if verb is prepare:
        club.prepare()
        club.migrate(seal)
    club.migrate(finish)

    assert shown(club) == expected()


def test_nothing_in_the_clear_is_left_in_the_file(tmp_path: Path) -> None:
    """Of an SQLite database, its log included: pages are overwritten, and the file is written anew."""
    database = f"sqlite:///{tmp_path / 'club.db'}"
    engine = sa.create_engine(database)
    existing(engine)
    club = models(tmp_path, database, engine)
    engine.dispose()
    assert b"M7@example.org" in content(tmp_path)
    club.prepare()
    club.migrate(seal)
    club.migrate(finish)
    club.vault.close()

    assert not [
        at for at in range(1, ROWS + 1) if f"M{at}@example.org".encode() in content(tmp_path) or f"Nr{at}".encode() in content(tmp_path)
    ]


def test_a_log_that_cannot_be_emptied_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that reads keeps SQLite from emptying it; clear text is in it until the end is repeated."""
    monkeypatch.setattr(migrate_engine, "BUSY_SECONDS", 0)
    database = f"sqlite:///{tmp_path / 'club.db'}"
    engine = sa.create_engine(database)
    existing(engine)
    club = models(tmp_path, database, engine)
    engine.dispose()
    club.vault.start()  # which turns the log on
    club.prepare()
    reader = sqlite3.connect(tmp_path / "club.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM member").fetchone()
    club.migrate(seal)
    said = club.migrate(finish)
    assert b"M7@example.org" in content(tmp_path)
    reader.close()
    with_engine = open_engine(database)
    again = rewrite(with_engine, club.Member.__table__)
    with_engine.dispose()
    club.vault.close()

    assert "run --finish again" in said[0][-1]
    assert again == ["database file written anew"]
    assert b"M7@example.org" not in content(tmp_path)


def content(folder: Path) -> bytes:
    """Every byte of every file."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())
