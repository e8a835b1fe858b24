"""Export and erasure: everything of one person, and nothing of anyone else."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from confide.access.errors import Denied
from confide.adopt.begin import begin
from confide.adopt.errors import ErasurePending, NobodyActs, NotYours, StillReferenced, StillWriting
from confide.adopt.parts import clock, tend_tenant
from confide.adopt.sqlalchemy.declare import Category, Erase, personal, row_id, subject_id
from confide.adopt.sqlalchemy.described import describe
from confide.adopt.sqlalchemy.vault import Vault
from confide.keys.errors import KeyMissing, ShreddingPending
from confide.keys.ledger import Ledger, State
from confide.rights import erase as rights
from confide.rights.errors import UnknownSubject
from confide.rights.holdings import Plan
from confide.sealed.finding import Find
from confide.store.opening import sqlite_path
from confide.values.ids import SubjectId
from confide.values.principal import Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from confide.adopt.erase import Erasure
    from confide.adopt.parts import Parts
    from confide.adopt.scope import Scope
    from tests.adopt.town import Town


@pytest.fixture
def people(town: Town, session: Session) -> list[Any]:
    """Two customers with everything that there is."""
    found = [
        town.Customer(
            name=f"{name} Lovelace",
            email=f"{name}@example.org",
            born=dt.date(1990, 1, 1 + at),
            accounts=[town.Account(iban=f"DE-{name}", memo=f"rent of {name}")],
        )
        for at, name in enumerate(("Ada", "Ben"))
    ]
    session.add_all(found)
    session.commit()
    return found


def events(town: Town, engine: sa.Engine) -> list[dict[str, Any]]:
    """The audit trail."""
    with engine.connect() as connection:
        outbox = town.vault.tables.outbox
        return [msgspec.json.decode(body) for body in connection.scalars(sa.select(outbox.c.body).order_by(outbox.c.sequence))]


def test_an_export_holds_everything_of_a_person(town: Town, engine: sa.Engine, session: Session, people: list[Any]) -> None:
    """Of every model, what the law keeps included; told in the trail as an export."""
    ada = people[0]
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        found = town.vault.export(session, ada.row)
        session.rollback()

    assert found == {
        "customer": [{"id": ada.id, "name": "Ada Lovelace", "email": "Ada@example.org", "born": dt.date(1990, 1, 1), "seen": None}],
        "account": [{"id": ada.accounts[0].id, "iban": "DE-Ada", "memo": "rent of Ada"}],
    }
    assert [(one["action"], len(one["patients"])) for one in events(town, engine)] == [("export", 1)]


def test_of_nobody_nothing_is_exported(town: Town, session: Session) -> None:
    """Else a mistyped identifier looks like a person of whom nothing is held."""
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT), pytest.raises(UnknownSubject):
        town.vault.export(session, bytes(16))


def test_a_person_exports_their_own(town: Town, session: Session, people: list[Any]) -> None:
    """And nobody else's."""
    ada, ben = people
    with town.vault.acting("ada", Purpose.RIGHTS_FULFILMENT, role=Role.SUBJECT, own=ada.row):
        assert town.vault.export(session, ada.row)["customer"][0]["name"] == "Ada Lovelace"
        with pytest.raises(NotYours):
            town.vault.export(session, ben.row)
        session.rollback()


def test_an_export_of_inherited_models(town: Town, session: Session, acting: Scope) -> None:
    """Each table tells its own columns."""
    nora = town.Nurse(name="Nora", licence="N-1")
    session.add_all([nora, town.Staff(kind="staff", name="Sam")])
    session.commit()

    assert town.vault.export(session, nora.id) == {
        "staff": [{"id": nora.id, "name": "Nora"}],
        "nurse": [{"id": nora.id, "licence": "N-1"}],
    }


def test_nobody_exports_or_erases_without_acting(town: Town, session: Session, people: list[Any]) -> None:
    """Nor does a role that may not."""
    with pytest.raises(NobodyActs):
        town.vault.export(session, people[0].row)
    with pytest.raises(NobodyActs):
        town.vault.erase(people[0].row)
    with town.vault.acting("ada", Purpose.RIGHTS_FULFILMENT, role=Role.SUBJECT, own=people[0].row), pytest.raises(Denied):
        town.vault.erase(people[0].row)


def test_a_dry_run_tells_and_changes_nothing(town: Town, engine: sa.Engine, session: Session, people: list[Any]) -> None:
    """The same figures as the erasure itself."""
    token = town.vault.tables.token
    tokens = session.scalar(sa.select(sa.func.count()).select_from(token).where(token.c.subject == people[0].row))
    session.rollback()
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        planned = town.vault.erase(people[0].row, dry_run=True)
        assert planned.number is None
        assert dict(planned.items) == {
            "account rows emptied": 1, "customer rows emptied": 1, "confide_token rows deleted": tokens, "confide_unique rows deleted": 1
        }  # fmt: skip
        assert people[0].name == "Ada Lovelace"
        session.rollback()
        done = town.vault.erase(people[0].row)

    assert (done.items, done.number) == (planned.items, 1)
    assert done.horizon_seconds == planned.horizon_seconds >= 7 * 86_400


def test_an_erased_person_is_gone(town: Town, engine: sa.Engine, session: Session, people: list[Any]) -> None:
    """Values and tokens; what the law keeps stays readable, and others are as they were."""
    ada, ben = people
    subject, account = ada.row, ada.accounts[0].id
    session.rollback()
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        town.vault.erase(subject)
    session.expire_all()
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE):
        assert (ada.email, ada.born) == (None, None)
        with pytest.raises(KeyMissing):
            _ = ada.name  # its column may not be empty: ciphertext without a key
        assert session.get_one(town.Account, account).memo == "rent of Ada"
        assert (ben.name, ben.email) == ("Ben Lovelace", "Ben@example.org")
        assert session.scalars(sa.select(town.Customer.id).where(town.Customer.name.matches("Ada Lovelace"))).all() == []
        assert session.scalars(sa.select(town.Customer.id).where(town.Customer.name.matches("Ben Lovelace"))).all() == [ben.id]
        session.rollback()
    token = town.vault.tables.token

    assert session.scalar(sa.select(sa.func.count()).select_from(token).where(token.c.subject == subject)) == 0
    assert [(one["action"], one["type"]) for one in events(town, engine)][:1] == [("erase", "erase")]
    session.rollback()
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT), pytest.raises(UnknownSubject):
        town.vault.erase(b"\x01" * 16)


def test_nothing_new_is_sealed_under_a_destroyed_key(town: Town, session: Session, people: list[Any]) -> None:
    """A row that is written afterwards has a key of its own, and opens."""
    ada = people[0]
    session.rollback()
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        town.vault.erase(ada.row)
    ada.name = "Someone"
    session.commit()
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE):
        assert ada.name == "Someone"
        session.rollback()


def test_rows_are_deleted_where_that_is_declared(tmp_path: Path, database: str) -> None:
    """Those that refer to others first."""

    class Base(DeclarativeBase):
        pass

    vault = Vault.of(Base, database=database, keys=f"sqlite:///{tmp_path / 'k.db'}", key_file=tmp_path / "k.key")
    begin(vault.settings)

    class Member(Base):
        __tablename__ = "member"
        id: Mapped[int] = mapped_column(primary_key=True)
        row: Mapped[bytes] = row_id()
        name: Mapped[str] = personal(is_a=Category.NAME, erase=Erase.DELETE)

    class Visit(Base):
        __tablename__ = "visit"
        id: Mapped[int] = mapped_column(primary_key=True)
        row: Mapped[bytes] = row_id()
        member_id: Mapped[int] = mapped_column(sa.ForeignKey("member.id"))
        whose: Mapped[bytes] = subject_id("member")
        note: Mapped[str] = personal(is_a=Category.ACTIVITY, erase=Erase.DELETE)
        member: Mapped[Member] = relationship()

    engine = sa.create_engine(database)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Visit(note="here", member=Member(name=name)) for name in ("Ada", "Ben")])
        session.commit()
        subject = session.scalars(sa.select(Member.row).order_by(Member.id)).first()
    assert subject is not None
    with vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        done = vault.erase(subject)
    with engine.connect() as connection:
        left = [connection.scalar(sa.select(sa.func.count()).select_from(one.__table__)) for one in (Member, Visit)]
    engine.dispose()
    vault.close()

    assert dict(done.items) == {"visit rows deleted": 1, "member rows deleted": 1}
    assert left == [1, 1]


@dataclass
class Club:
    """Members whose rows are deleted when they are erased, and what refers to them."""

    vault: Vault
    engine: sa.Engine
    Base: Any
    Member: Any
    card: sa.Table
    stamp: sa.Table

    def subject(self, name: str) -> bytes:
        """The member of that name, which is opened."""
        with self.vault.acting("clerk", Purpose.CUSTOMER_CARE), Session(self.engine) as session:
            found = session.scalars(sa.select(self.Member).where(self.Member.name.matches(name))).one()
            assert found.name == name
            row: bytes = found.row
            session.rollback()
        return row

    def erase(self, subject: bytes, *, dry_run: bool = False) -> Erasure:
        """Erase a member."""
        with self.vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
            return self.vault.erase(subject, dry_run=dry_run)

    def entries(self) -> int:
        """How many erasures were written down."""
        return len(self.vault.parts.ledgers[self.vault.tenant()].pending(State()))

    def run(self, statement: Any) -> None:
        """Change the database past the vault."""
        with self.engine.begin() as connection:
            connection.execute(statement)

    def released(self) -> bool:
        """Wait until nothing is held any more."""
        until = time.monotonic() + 20
        while (held := self.vault.parts.keyring.held) is not None and time.monotonic() < until:
            time.sleep(0.01)
        return held is None

    def why(self) -> str:
        """Wait for the reason why erasures do not get on."""
        until = time.monotonic() + 20
        while "failed" not in (held := self.vault.parts.keyring.held or "") and time.monotonic() < until:
            time.sleep(0.01)
        return held


@pytest.fixture(params=["", "CASCADE"], ids=["stays", "goes too"])
def then(request: pytest.FixtureRequest) -> str:
    """What the database does with a card whose member is deleted."""
    return str(request.param)


@pytest.fixture
def club(tmp_path: Path, database: str, then: str) -> Iterator[Club]:
    """Ada and Ben; Ada has a loyalty card with a stamp, in which nothing is personal."""

    class Base(DeclarativeBase):
        pass

    vault = Vault.of(Base, database=database, keys=f"sqlite:///{tmp_path / 'k.db'}", key_file=tmp_path / "k.key")
    begin(vault.settings)

    class Member(Base):
        __tablename__ = "member"
        id: Mapped[int] = mapped_column(primary_key=True)
        row: Mapped[bytes] = row_id()
        friend: Mapped[int | None] = mapped_column(sa.ForeignKey("member.id", ondelete="SET NULL"))
        name: Mapped[str] = personal(is_a=Category.NAME, find=Find.EXACT, erase=Erase.DELETE)

    others = sa.MetaData()  # another program's
    member = sa.Table("member", others, sa.Column("id", sa.Integer, primary_key=True))
    owner = sa.ForeignKey(member.c.id, ondelete=then or None, deferrable=True, initially="DEFERRED")
    card = sa.Table("loyalty", others, sa.Column("id", sa.Integer, primary_key=True), sa.Column("cid", sa.Integer, owner))
    stamp = sa.Table(
        "stamp", others, sa.Column("id", sa.Integer, primary_key=True), sa.Column("card", sa.Integer, sa.ForeignKey(card.c.id))
    )
    engine = sa.create_engine(database)
    Base.metadata.create_all(engine)
    others.create_all(engine)
    with Session(engine) as session:
        ada, ben = Member(name="Ada"), Member(name="Ben")
        session.add_all([ada, ben])
        session.flush()
        ben.friend = ada.id
        session.execute(sa.insert(card).values(id=1, cid=ada.id))
        session.execute(sa.insert(stamp).values(id=1, card=1))
        session.commit()
    yield Club(vault, engine, Base, Member, card, stamp)
    vault.close()
    engine.dispose()


def test_an_erasure_that_others_stand_in_the_way_of_is_refused_before_it_is_certain(club: Club, then: str) -> None:
    """Named are the tables; when their rows are gone, it is carried out. What the database deletes along is followed."""
    ada, ben = club.subject("Ada"), club.subject("Ben")
    for dry_run in (True, False):
        with pytest.raises(StillReferenced, match="Rows of stamp refer" if then else "Rows of loyalty refer"):
            club.erase(ada, dry_run=dry_run)
    assert club.entries() == 0
    assert club.subject("Ada") == ada
    assert dict(club.erase(ben, dry_run=True).items)["member rows deleted"] == 1
    club.run(sa.delete(club.stamp))
    if not then:
        club.run(sa.delete(club.card))

    assert club.erase(ada).number == 1
    with club.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(club.card)) == 0
        assert connection.scalars(sa.select(club.Member.friend)).all() == [None]


@pytest.mark.parametrize("then", [""])
def test_an_erasure_that_does_not_get_on_says_why(club: Club) -> None:
    """A row that came between the ledger and the deletion; as soon as it is gone, everything goes on."""
    ada = club.subject("Ada")

    async def write_down(parts: Parts) -> None:
        tenant = club.vault.tenant()
        await rights.write_down(parts.keyring, parts.ledgers[tenant], tenant, Plan(SubjectId(ada), (), 0), clock())

    club.vault.run(write_down)
    club.vault.close()
    club.vault.start()
    assert "adopt.still-referenced" in club.why()
    assert "Rows of loyalty refer" in club.why()
    with pytest.raises(ShreddingPending, match="loyalty"):
        club.subject("Ben")
    club.run(sa.delete(club.stamp))
    club.run(sa.delete(club.card))

    assert club.released()
    assert club.subject("Ben")
    with pytest.raises(UnknownSubject):
        club.erase(ada)


@pytest.mark.parametrize("then", [""])
def test_an_erasure_that_fails_when_it_is_certain_is_tried_until_it_is_done(club: Club) -> None:
    """Meanwhile nothing opens, and the reason is told."""
    if club.engine.dialect.name != "sqlite":
        pytest.skip("a trigger of SQLite stands in the way")
    ada = club.subject("Ada")
    club.run(sa.delete(club.stamp))
    club.run(sa.delete(club.card))
    club.run(sa.text("CREATE TRIGGER never BEFORE DELETE ON member BEGIN SELECT RAISE(ABORT, 'no'); END"))
    with pytest.raises(ErasurePending, match=r"entry 1\).*store\.conflict"):
        club.erase(ada)
    assert "store.conflict" in club.why()
    club.run(sa.text("DROP TRIGGER never"))

    assert club.released()
    assert club.entries() == 1
    with pytest.raises(UnknownSubject):
        club.erase(ada)


def test_an_erasure_that_a_transaction_stands_in_the_way_of_is_not_written_down(
    town: Town, engine: sa.Engine, session: Session, people: list[Any]
) -> None:
    """Whoever hears that it failed finds the person as before, after a restart too."""
    if engine.dialect.name != "sqlite":
        pytest.skip("SQLite takes one writer")
    row = people[0].row
    object.__setattr__(town.vault.settings, "wait_seconds", 1.0)  # long enough, and no test waits for more
    session.execute(sa.update(town.Customer).where(town.Customer.row == row).values(branch="held"))
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT), pytest.raises(StillWriting):
        town.vault.erase(row)
    session.rollback()

    assert town.vault.parts.ledgers[town.vault.tenant()].pending(State()) == []
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        assert session.scalars(sa.select(town.Customer).where(town.Customer.row == row)).one().name == "Ada Lovelace"


def key_rows(town: Town) -> list[tuple[Any, ...]]:
    """The table of keys, as whoever has the file can copy it."""
    with sqlite3.connect(str(sqlite_path(town.vault.settings.keys))) as connection:
        return connection.execute("SELECT * FROM wrapped_key").fetchall()


@pytest.mark.parametrize("by", ["restart", "tend"])
def test_a_key_that_was_put_back_after_an_erasure_opens_nothing(town: Town, session: Session, people: list[Any], by: str) -> None:
    """It is destroyed again at the next start, and before it could be taken into the next epoch."""
    ada = people[0].row
    session.rollback()
    before = key_rows(town)
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        town.vault.erase(ada)
    town.vault.close()
    with sqlite3.connect(str(sqlite_path(town.vault.settings.keys))) as connection:
        gone = [row for row in before if row not in connection.execute("SELECT * FROM wrapped_key").fetchall()]
        if by == "tend":
            town.vault.start()
        connection.executemany(f"INSERT INTO wrapped_key VALUES ({', '.join('?' * len(gone[0]))})", gone)  # noqa: S608 - no part comes from outside
        connection.commit()
    if by == "tend":
        town.vault.run(lambda parts: tend_tenant(parts, town.vault.tenant()))
        town.vault.keys.forget_all()
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE):
        with pytest.raises(KeyMissing):
            _ = session.scalars(sa.select(town.Customer).where(town.Customer.row == ada)).one().name
        session.rollback()

    assert gone
    assert not set(gone) & set(key_rows(town))


def test_what_was_written_anew_for_a_person_opens_after_a_restart(town: Town, session: Session, people: list[Any]) -> None:
    """Only the keys of before the erasure are destroyed again, and only tokens without a key are swept."""
    ada = people[0]
    session.rollback()
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        town.vault.erase(ada.row)
    ada.name = "Ada Anew"
    session.commit()
    town.vault.close()
    town.vault.run(lambda parts: tend_tenant(parts, town.vault.tenant()))
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE):
        assert session.scalars(sa.select(town.Customer).where(town.Customer.name.matches("Ada Anew"))).one().name == "Ada Anew"
        session.rollback()


def test_tokens_that_lost_their_person_are_deleted_with_their_rows(town: Town, session: Session, people: list[Any]) -> None:
    """Those of what the law keeps, and of other people, stay."""
    ada, ben = people
    table, unique = town.vault.tables.token, town.vault.tables.unique
    session.execute(sa.update(table).where(table.c.subject == ada.row).values(subject=None))
    session.execute(sa.update(unique).where(unique.c.subject == ada.row).values(subject=None))
    session.commit()
    rows, theirs = [ada.row, ada.accounts[0].row], [ben.row, ben.accounts[0].row]

    def count(of: list[bytes]) -> int:
        found = session.scalar(sa.select(sa.func.count()).select_from(table).where(table.c.row.in_(of)))
        more = session.scalar(sa.select(sa.func.count()).select_from(unique).where(unique.c.row.in_(of)))
        session.rollback()
        return int(found or 0) + int(more or 0)

    before = count(theirs)
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        town.vault.erase(ada.row)
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE):
        found = session.scalars(sa.select(town.Account.id).where(town.Account.memo.starts_with("rent"))).all()
        session.rollback()

    assert len(found) == 2
    assert count([ada.row]) == 0
    assert count(rows) == memo_tokens(town, session, ada.accounts[0].row)
    assert count(theirs) == before


def memo_tokens(town: Town, session: Session, row: bytes) -> int:
    """How many tokens the memo of an account has."""
    token = town.vault.tables.token
    bound = describe(sa.inspect(town.Account)).bound["memo"]  # type: ignore[union-attr]  # it has some
    found = session.scalar(sa.select(sa.func.count()).select_from(token).where(token.c.row == row, token.c.number.in_(bound.numbers)))
    session.rollback()
    return int(found or 0)


def test_tokens_that_were_written_after_an_erasure_are_swept(town: Town, session: Session, people: list[Any]) -> None:
    """By a process that had the key at hand; what it sealed does not open, so nothing finds it either."""
    ada = people[0].row
    token, unique = town.vault.tables.token, town.vault.tables.unique
    copies = [
        [dict(row) for row in session.execute(sa.select(table).where(table.c.subject == ada)).mappings()] for table in (token, unique)
    ]
    session.rollback()
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        town.vault.erase(ada)
    for table, rows in zip((token, unique), copies, strict=True):
        session.execute(sa.insert(table), rows)
    session.commit()
    town.vault.run(lambda parts: tend_tenant(parts, town.vault.tenant()))

    for table in (token, unique):
        assert session.scalar(sa.select(sa.func.count()).select_from(table).where(table.c.subject == ada)) == 0
        assert session.scalar(sa.select(sa.func.count()).select_from(table).where(table.c.subject == people[1].row))


def test_a_restored_backup_is_brought_up_to_the_ledger(tmp_path: Path) -> None:
    """Nothing opens until the erasure has been carried out in it again; then the person is gone from it too."""
    from tests.adopt import town as models  # noqa: PLC0415 - on SQLite alone, whose backup is a copy

    town = models.build(tmp_path, f"sqlite:///{tmp_path / 'bank.db'}")
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'bank.db'}")
    town.Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([town.Customer(name="Ada", email="ada@example.org"), town.Customer(name="Ben", email="ben@example.org")])
        session.commit()
        subject: Any = session.scalars(sa.select(town.Customer.row).order_by(town.Customer.id)).first()
    engine.dispose()
    town.vault.close()
    backup = tmp_path / "backup"
    backup.mkdir()
    for name in ("bank.db", "keys.db"):
        shutil.copy(tmp_path / name, backup / name)
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        town.vault.erase(subject)
    town.vault.close()
    for name in ("bank.db", "keys.db"):
        for left in tmp_path.glob(name + "*"):
            left.unlink()
        shutil.copy(backup / name, tmp_path / name)
    town.vault.start()
    until = time.monotonic() + 30
    while town.vault.parts.keyring.held is not None and time.monotonic() < until:
        time.sleep(0.01)
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE), Session(engine) as session:
        ada, ben = session.scalars(sa.select(town.Customer).order_by(town.Customer.id))
        with pytest.raises(KeyMissing):
            _ = ada.name
        assert (ada.email, ben.name, ben.email) == (None, "Ben", "ben@example.org")
    engine.dispose()
    ledger = town.vault.parts.ledgers[town.vault.tenant()]
    town.vault.close()

    assert isinstance(ledger, Ledger)
    assert len(ledger.pending(State())) == 1
