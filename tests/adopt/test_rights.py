"""Export and erasure: everything of one person, and nothing of anyone else."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from confide.access.errors import Denied
from confide.adopt.begin import begin
from confide.adopt.errors import NobodyActs, NotYours
from confide.adopt.sqlalchemy.declare import Category, Erase, personal, row_id, subject_id
from confide.adopt.sqlalchemy.vault import Vault
from confide.keys.errors import KeyMissing
from confide.keys.ledger import Ledger, State
from confide.rights.errors import UnknownSubject
from confide.values.principal import Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from pathlib import Path

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
