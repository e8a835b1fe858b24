"""Data keys of a backend's vault are renewed and what they sealed is sealed again, while everything stays readable."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from confide.access.errors import Denied
from confide.adopt.begin import begin
from confide.adopt.policy import ADOPTED
from confide.adopt.sqlalchemy import reseal as resealing
from confide.adopt.sqlalchemy.declare import Category, personal, row_id
from confide.adopt.sqlalchemy.in_use import in_use
from confide.adopt.sqlalchemy.migrate.engine import open_engine
from confide.adopt.sqlalchemy.vault import Vault
from confide.cli import adopt_keys as command
from confide.cli.errors import NotFinished
from confide.clinic.app import clock
from confide.keys import rotate
from confide.keys.errors import KeyMissing
from confide.values.ids import TenantId
from confide.values.purpose import Purpose
from tests.adopt import town as models

if TYPE_CHECKING:
    from tests.adopt.town import Town

TENANT = TenantId(1)
DAY = 86_400 * 1_000_000
YEARS = 3 * 365 * DAY
PEOPLE = 12
CUSTOMERS = range(1, PEOPLE + 1)


@pytest.fixture
def people(town: Town, session: Session) -> None:
    """Customers with accounts, a nurse, and a note in several types."""
    for at in CUSTOMERS:
        one = town.Customer(name=f"Name Nr{at}", email=f"m{at}@example.org", born=dt.date(1990, 1, at))
        one.accounts = [town.Account(iban=f"DE{at}", memo=f"rent {at}")]
        session.add(one)
    session.add(town.Nurse(name="Florence", licence="N-1"))
    session.add(town.Note(text="a note", raw=bytes(3_000), truth=True, json={"a": [1]}))
    session.commit()


def shown(town: Town, session: Session) -> list[Any]:
    """Everything that is personal, opened, and what is found by searching."""
    customer = town.Customer
    with town.vault.acting("clerk", Purpose.SERVICE_PROVISION):
        found: list[Any] = [
            (one.name, one.email, one.born, [(each.iban, each.memo) for each in one.accounts])
            for one in session.scalars(sa.select(customer).order_by(customer.id))
        ]
        found += [(one.name, one.licence) for one in session.scalars(sa.select(town.Nurse))]
        found += [(one.text, one.raw, one.truth, one.json) for one in session.scalars(sa.select(town.Note))]
        found += session.scalars(sa.select(customer.id).where(customer.name.starts_with("name nr1")).order_by(customer.id)).all()
        found += session.scalars(sa.select(customer.id).where(customer.email.matches("M7@example.org"))).all()
        session.rollback()
    session.expire_all()
    return found


def renew(town: Town, monkeypatch: pytest.MonkeyPatch, later: int, *, destroy: bool = False) -> str:
    """Run the rotation of data keys at a later time."""
    monkeypatch.setattr(command, "clock", lambda: clock() + later)
    return command.data(town.vault, TENANT, destroy=destroy)


def superseded(town: Town) -> dict[Any, int]:
    """The data keys that have a successor."""
    return dict(town.vault.run(lambda parts: rotate.superseded(parts.keys, TENANT)))


def keys_of(town: Town, subject: Any) -> list[Any]:
    """The keys of a person."""
    return town.vault.run(lambda parts: parts.keyring.references(TENANT, subject))


def anew(town: Town, folder: Path, database: str) -> Town:
    """The same backend as another process, which remembers no key."""
    town.vault.close()
    return models.build(folder, database)


@pytest.mark.usefixtures("people")
def test_everything_is_sealed_again_and_reads_as_before(
    town: Town, engine: sa.Engine, session: Session, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kind of column, class and inheritance: nothing is under the old keys, and they go once no backup needs them."""
    monkeypatch.setattr(resealing.reseal, "__defaults__", (5,))
    with engine.connect() as connection:
        looked_at = [work.table.name for work in resealing.holding(town.Base.registry, connection)]
    assert looked_at == ["account", "customer", "note", "nurse", "staff"]
    before, keys = shown(town, session), PEOPLE + 3  # the tenant's for what the law keeps among them
    assert renew(town, monkeypatch, 0) == "0 superseded data keys, 0 of them in use, 0 destroyed"
    assert renew(town, monkeypatch, YEARS) == f"{keys} superseded data keys, 0 of them in use, 0 destroyed"
    assert shown(town, session) == before
    assert renew(town, monkeypatch, YEARS + 30 * DAY, destroy=True) == f"{keys} superseded data keys, 0 of them in use, 0 destroyed"
    later = YEARS + 36 * DAY
    assert renew(town, monkeypatch, later) == f"{keys} superseded data keys, 0 of them in use, 0 destroyed; {keys} may go (--destroy)"
    assert renew(town, monkeypatch, later, destroy=True) == f"{keys} superseded data keys, 0 of them in use, {keys} destroyed"
    assert superseded(town) == {}
    other = anew(town, tmp_path, database)
    assert shown(other, session) == before
    other.vault.close()
    with engine.connect() as connection:
        bodies = connection.scalars(sa.select(town.vault.tables.outbox.c.body))
        told = [event["action"] for event in map(msgspec.json.decode, bodies) if event["type"] == "keys"]
    assert told == ["reseal"] * 5


KILLED = """
import sys, pathlib
import sqlalchemy as sa
from confide.adopt.sqlalchemy.migrate.engine import open_engine
from confide.adopt.sqlalchemy.reseal import holding, reseal
from tests.adopt import test_rekey as t
town = t.models.build(pathlib.Path(sys.argv[1]), sys.argv[2])
old = t.superseded(town)
engine = open_engine(sys.argv[2])
with engine.connect() as connection:
    works = holding(town.Base.registry, connection)
with t.command._acting(town.vault, t.TENANT):
    for work in works:
        reseal(engine, work, old, lambda rows: print(rows, flush=True), 1)
"""


@pytest.mark.usefixtures("people")
def test_a_killed_run_goes_on(
    town: Town, engine: sa.Engine, session: Session, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it was stopped everything opens and is found, and a later run does the rest."""
    monkeypatch.setattr(resealing.reseal, "__defaults__", (2,))
    before = shown(town, session)
    with monkeypatch.context() as patch:
        patch.setattr(command, "reseal", lambda *_: 0)
        assert renew(town, patch, YEARS) == f"{PEOPLE + 3} superseded data keys, {PEOPLE + 3} of them in use, 0 destroyed"
    old = superseded(town)
    left = [len(old)]
    for batches in (3, 9):
        running = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path), database], stdout=subprocess.PIPE, env=os.environ, cwd=Path.cwd()
        )
        assert running.stdout is not None
        for _ in range(batches):
            running.stdout.readline()
        running.send_signal(signal.SIGKILL)
        running.wait()
        running.stdout.close()
        left.append(len(in_use(engine, town.Base.metadata, old)))
        assert shown(town, session) == before
    assert 0 < left[2] <= left[1] <= left[0]
    assert renew(town, monkeypatch, YEARS) == f"{len(old)} superseded data keys, 0 of them in use, 0 destroyed"
    assert shown(anew(town, tmp_path, database), session) == before


@pytest.mark.usefixtures("people")
def test_what_the_backend_writes_meanwhile_stays(town: Town, engine: sa.Engine, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that was changed between being read and being replaced keeps the change, and a row that went stays gone."""
    before, renewed = shown(town, session), resealing._renewed

    def overtaken(vault: Any, old: Any) -> Any:
        """Let the backend write when the values are sealed again and not stored yet."""
        done = renewed(vault, old)
        with Session(engine) as other:
            if old[0].bound.mapper.class_ is town.Customer:
                other.get_one(town.Customer, 3).name = "Changed"
            for gone in other.scalars(sa.select(town.Account).where(town.Account.customer_id == 5)):
                other.delete(gone)
            other.commit()
        return done

    monkeypatch.setattr(resealing, "_renewed", overtaken)
    renew(town, monkeypatch, YEARS)

    wanted = list(before)
    wanted[2] = ("Changed", *before[2][1:])
    wanted[4] = (*before[4][:3], [])
    assert shown(town, session) == wanted
    assert renew(town, monkeypatch, YEARS).startswith(f"{PEOPLE + 3} superseded data keys, 0 of them in use")


@pytest.mark.usefixtures("people")
def test_a_backend_writes_all_the_time(town: Town, engine: sa.Engine, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thread beside thread: no write fails, none is lost, and after the last run nothing is under an old key."""
    monkeypatch.setattr(resealing.reseal, "__defaults__", (2,))
    faults: list[BaseException] = []
    done, written = threading.Event(), dict.fromkeys(CUSTOMERS, "")

    def write() -> None:
        rounds = 0
        try:
            while not done.is_set() or rounds < PEOPLE:
                at = rounds % PEOPLE + 1
                with Session(engine) as other:
                    other.get_one(town.Customer, at).name = written[at] = f"Round {rounds}"
                    other.commit()
                rounds += 1
        except BaseException as fault:
            faults.append(fault)
            raise

    thread = threading.Thread(target=write)
    thread.start()
    try:
        renew(town, monkeypatch, YEARS)
    finally:
        done.set()
        thread.join()

    assert faults == []
    assert renew(town, monkeypatch, YEARS).startswith(f"{PEOPLE + 3} superseded data keys, 0 of them in use")
    assert [one[0] for one in shown(town, session)[:PEOPLE]] == list(written.values())


@pytest.mark.postgresql
def test_rows_that_a_transaction_holds_are_left_to_a_later_run(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits: neither the rotation for the backend, nor the backend for it."""
    database = postgresql_url.replace("postgresql://", "postgresql+psycopg://", 1)
    town, engine = models.build(tmp_path, database), sa.create_engine(database)
    town.Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([town.Customer(name="Ada"), town.Customer(name="Ben")])
        session.commit()
    with Session(engine) as holder:
        holder.execute(sa.update(town.Customer.__table__).where(town.Customer.id == 1).values(branch="other"))
        assert renew(town, monkeypatch, YEARS) == "2 superseded data keys, 1 of them in use, 0 destroyed"
        holder.commit()
    assert renew(town, monkeypatch, YEARS) == "2 superseded data keys, 0 of them in use, 0 destroyed"
    town.vault.close()
    engine.dispose()


@pytest.mark.usefixtures("people")
def test_a_key_is_kept_as_long_as_anything_in_the_database_needs_it(town: Town, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that no model declares counts as well, however old the key is."""
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE archive AS SELECT text AS kept FROM note"))
    renew(town, monkeypatch, YEARS)
    later = YEARS + 36 * DAY
    assert renew(town, monkeypatch, later, destroy=True) == f"{PEOPLE + 3} superseded data keys, 1 of them in use, {PEOPLE + 2} destroyed"
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE archive"))
    assert renew(town, monkeypatch, later, destroy=True) == "1 superseded data keys, 0 of them in use, 1 destroyed"


@pytest.mark.usefixtures("people")
def test_whoever_is_erased_meanwhile_stays_erased(
    town: Town, session: Session, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of them as ciphertext, in a column that may not be empty, is not sealed under a key that opens."""
    monkeypatch.setattr(resealing.reseal, "__defaults__", (1,))
    ada, sealing = session.get_one(town.Customer, 1), town.vault.keys.sealing
    other, subject = models.build(tmp_path, database), ada.row
    erased: list[bytes] = []
    session.rollback()

    def erasing(identities: Any, **named: Any) -> Any:
        """Erase the first customer when the values of their own row were read, and before any key is looked up."""
        wanted = list(identities)
        if len(wanted) == 3 and wanted[0][1] == subject:
            erased.append(subject)
            with other.vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
                other.vault.erase(subject)
        return sealing(wanted, **named)

    monkeypatch.setattr(town.vault.keys, "sealing", erasing)
    renew(town, monkeypatch, YEARS)
    town.vault.close()
    other.vault.keys.forget_all()
    session.expire_all()
    with other.vault.acting("clerk", Purpose.SERVICE_PROVISION):
        people = session.scalars(sa.select(other.Customer).order_by(other.Customer.id)).all()
        with pytest.raises(KeyMissing):
            _ = people[0].name
        assert (people[0].email, people[1].name) == (None, "Name Nr2")
        session.rollback()
    other.vault.close()

    assert erased == [subject]


@pytest.mark.usefixtures("people")
def test_whoever_was_erased_gets_no_key(town: Town, engine: sa.Engine, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Since the run began, and with ciphertext left in a column that may not be empty."""
    with monkeypatch.context() as patch:
        patch.setattr(command, "reseal", lambda *_: 0)
        renew(town, patch, YEARS)
    old, subject = superseded(town), session.get_one(town.Customer, 1).row
    session.rollback()
    with town.vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        town.vault.erase(subject)
    with engine.connect() as connection:
        works = resealing.holding(town.Base.registry, connection)
    made = len(keys_of(town, subject))
    migrating, operator = open_engine(str(engine.url.render_as_string(hide_password=False))), command._acting(town.vault, TENANT)
    with operator:
        failed = [resealing.reseal(migrating, work, old, lambda _rows: None) for work in works]
    migrating.dispose()

    assert (made, set(failed)) == (0, {0})
    assert keys_of(town, subject) == []


@pytest.mark.usefixtures("people")
def test_what_does_not_open_is_told_and_the_rest_is_done(
    town: Town, engine: sa.Engine, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An envelope that was copied from one row to another past the models: its key stays, and no value is in the sentence."""
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE customer SET name = (SELECT name FROM customer WHERE id = 2) WHERE id = 1"))
    with pytest.raises(NotFinished, match=r"^1 values of tenant 1 do not open") as told:
        renew(town, monkeypatch, YEARS)
    assert "Name" not in str(told.value)
    old = superseded(town)
    assert len(in_use(engine, town.Base.metadata, old)) == 1
    with pytest.raises(NotFinished):
        renew(town, monkeypatch, YEARS + 36 * DAY, destroy=True)
    assert len(superseded(town)) == 1
    with town.vault.acting("clerk", Purpose.SERVICE_PROVISION):
        assert session.get_one(town.Customer, 2).name == "Name Nr2"
        session.rollback()


@pytest.mark.usefixtures("people")
def test_whoever_may_not_maintain_changes_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy without a sentence for the operator: refused before any key is made."""
    town.vault.settings = dataclasses.replace(town.vault.settings, policy=ADOPTED[:2])

    with pytest.raises(Denied):
        renew(town, monkeypatch, YEARS)
    assert superseded(town) == {}


def test_no_other_column_is_changed(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even one that every update of the backend sets; in a table whose primary key has two columns."""

    class Base(DeclarativeBase):
        pass

    vault = Vault.of(Base, database=database, keys=f"sqlite:///{tmp_path / 'keys.db'}", key_file=tmp_path / "root.key")
    begin(vault.settings)

    class Letter(Base):
        __tablename__ = "letter"
        year: Mapped[int] = mapped_column(primary_key=True)
        number: Mapped[int] = mapped_column(primary_key=True)
        row: Mapped[bytes] = row_id()
        text: Mapped[str] = personal(sa.Text(), is_a=Category.ACTIVITY)
        changed: Mapped[int] = mapped_column(default=0, onupdate=1)

    engine = sa.create_engine(database)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Letter(year=2_000 + at // 3, number=at % 3, text=f"Text {at}") for at in range(9)])
        session.commit()
    monkeypatch.setattr(resealing.reseal, "__defaults__", (2,))
    monkeypatch.setattr(command, "clock", lambda: clock() + YEARS)
    assert command.data(vault, TENANT) == "9 superseded data keys, 0 of them in use, 0 destroyed"
    with vault.acting("clerk", Purpose.SERVICE_PROVISION), Session(engine) as session:
        letters = session.scalars(sa.select(Letter).order_by(Letter.year, Letter.number))
        assert [(one.text, one.changed) for one in letters] == [(f"Text {at}", 0) for at in range(9)]
        session.rollback()
    vault.close()
    engine.dispose()
