"""Three personal columns through the ORM of SQLAlchemy: what each way to encrypt them adds to writing and reading a row.

Everybody has the same table, a UUID as key, whose row it is, three texts; what plain texts cost is taken off. SQLAlchemy, SQLite and the
objects of the session cost the same for all, several times what is measured here.
"""

from __future__ import annotations

import gc
import secrets
import statistics
import time
from contextlib import nullcontext
from dataclasses import dataclass
from dataclasses import field as made_by
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from fieldseal import FieldContext, Fieldseal
from fieldseal.keyprovider import StaticKeyProvider
from sealed_fields import create_sealed_fields, generate_key
from sealed_fields.sqlalchemy import SealedText
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy_utils import StringEncryptedType
from sqlalchemy_utils.types.encrypted.encrypted_type import AesGcmEngine, FernetEngine

from benchmarks import charts
from benchmarks.asked import Asked
from confide.adopt.begin import begin
from confide.adopt.sqlalchemy.declare import Category, personal, row_id, subject_id
from confide.adopt.sqlalchemy.identifiers import maker
from confide.adopt.sqlalchemy.vault import Vault
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

PLAIN, CONFIDE, EVENTS = "plain columns", "Confide", "Confide, with the audit events of reading"
STRANGERS = "Confide, and each row the first of a new person"
GCM, FERNET = "sqlalchemy-utils, AES-GCM", "sqlalchemy-utils, Fernet"
SEALED_FIELDS, FIELDSEAL = "sealed-fields", "fieldseal"
SAYS = {
    CONFIDE: "bound to row, column and person; a key for each person, at hand; lengths padded. Its scope is still open: no event stored",
    EVENTS: "the same until its scope has ended: an event for each person whose rows were read is durable",
    STRANGERS: "a key is made for each row and durable before the row is; reading opens as many, and stores as many events",
    GCM: "one key for all; bound to nothing, so that values can be moved between rows and columns; no events",
    FERNET: "one key for all, AES-128; bound to nothing; no events",
    SEALED_FIELDS: "one key for all; bound to the version of the key alone, so that values can be moved; no events",
    FIELDSEAL: "one key for all; bound to table and column, not to the row; no events. Its adapter for SQLAlchemy is ours, it has none",
}
ROWS, PEOPLE, ROUNDS = 1_000, 100, 15


class Fieldsealed(sa.types.TypeDecorator[str]):
    """A text sealed by fieldseal."""

    impl = sa.LargeBinary
    cache_ok = True

    def __init__(self, client: Fieldseal, context: FieldContext) -> None:
        """Take the client and the place of the column."""
        super().__init__()
        self.client, self.context = client, context

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> bytes | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Seal."""
        return None if value is None else self.client.encrypt(value.encode(), self.context)

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 - as above
        """Open."""
        return None if value is None else self.client.decrypt(value, self.context).decode()


def model(name: str, columns: Sequence[sa.types.TypeEngine[str]]) -> Any:
    """Return the model with columns of given types."""

    class Base(DeclarativeBase):
        pass

    class Entry(Base):
        __tablename__ = name
        id: Mapped[UUID] = mapped_column(sa.Uuid(), primary_key=True, default=maker(sa.Uuid()))
        owner: Mapped[UUID] = mapped_column(sa.Uuid(), index=True)
        counterparty: Mapped[str] = mapped_column(columns[0])
        iban: Mapped[str] = mapped_column(columns[1])
        reference: Mapped[str] = mapped_column(columns[2])

    return Entry


def personal_model(name: str) -> tuple[Any, Any]:
    """Return the model with personal columns, and its base."""

    class Base(DeclarativeBase):
        pass

    class Entry(Base):
        __tablename__ = name
        id: Mapped[UUID] = row_id(sa.Uuid(), primary_key=True)
        owner: Mapped[UUID] = subject_id("", sa.Uuid())
        counterparty: Mapped[str] = personal(sa.String(), is_a=Category.NAME)
        iban: Mapped[str] = personal(sa.String(), is_a=Category.FINANCIAL)
        reference: Mapped[str] = personal(sa.String(), is_a=Category.FINANCIAL)

    return Entry, Base


@dataclass
class Cost:
    """CPU µs of a row, round by round."""

    write: list[float] = made_by(default_factory=list)
    read: list[float] = made_by(default_factory=list)

    def added(self, plain: Cost) -> tuple[float, float]:
        """Return the median of what writing and reading cost more than plain columns in the same round."""
        pairs = (self.write, plain.write), (self.read, plain.read)
        write, read = (statistics.median(one - other for one, other in zip(mine, theirs, strict=True)) for mine, theirs in pairs)
        return write, read


class Bench:
    """The models, their database and their rows."""

    def __init__(self, folder: Path, rows: int, people: int) -> None:
        """Make the keys and the tables."""
        url = f"sqlite:///{folder / 'columns.db'}"
        self.rows, self.people = rows, [uuid4() for _ in range(people)]
        self.models = {PLAIN: model("plain", [sa.String()] * 3), **_peers()}
        self.vaults = {}
        for name, table in ((CONFIDE, "known"), (STRANGERS, "strangers")):  # else the keys of strangers would push out those of people
            self.models[name], base = personal_model(table)
            place = folder / table
            place.mkdir()
            vault = Vault.of(base, database=url, keys=f"sqlite:///{place / 'keys.db'}", key_file=place / "root.key")
            begin(vault.settings)
            self.vaults[name] = vault
        self.engine = sa.create_engine(url)
        for one in self.models.values():
            one.metadata.create_all(self.engine)

    def close(self) -> None:
        """Let go of everything."""
        for vault in self.vaults.values():
            vault.close()
        self.engine.dispose()

    def measure(self, rounds: int) -> dict[str, Cost]:
        """Return what everybody costs; each round begins with another, and the first is not counted."""
        found, names = {name: Cost() for name in (*self.models, EVENTS)}, list(self.models)
        for number in range(rounds + 1):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                spent = self._once(name)
                if number:
                    for row, cost in spent.items():
                        found[row].write.append(cost[0])
                        found[row].read.append(cost[1])
        return found

    def _once(self, name: str) -> dict[str, tuple[float, float]]:
        """Write, read and delete; return CPU µs a row, for Confide once more with the end of its scope, where events are stored."""
        kind, rows = self.models[name], list(self._rows(strangers=name == STRANGERS))
        gc.collect()
        with self._acting(name):
            before = time.process_time_ns()
            with Session(self.engine) as session:
                session.add_all([kind(**row) for row in rows])
                session.commit()
            write = time.process_time_ns() - before
        gc.collect()
        before = time.process_time_ns()
        with self._acting(name):
            with Session(self.engine) as session:
                read = [(one.counterparty, one.iban, one.reference) for one in session.scalars(sa.select(kind))]
            opened = time.process_time_ns() - before
        recorded = time.process_time_ns() - before
        assert sorted(read) == sorted((row["counterparty"], row["iban"], row["reference"]) for row in rows)
        with Session(self.engine) as session:
            session.execute(sa.delete(kind))
            session.commit()
        written = write / self.rows / 1000
        spent = {name: (written, opened / self.rows / 1000)}
        return spent | {EVENTS: (written, recorded / self.rows / 1000)} if name == CONFIDE else spent

    def _acting(self, name: str) -> AbstractContextManager[object]:
        vault = self.vaults.get(name)
        return nullcontext() if vault is None else vault.acting("clerk", Purpose.SERVICE_PROVISION)

    def _rows(self, *, strangers: bool) -> Iterator[dict[str, Any]]:
        for number in range(self.rows):
            yield {
                "owner": uuid4() if strangers else self.people[number % len(self.people)],
                "counterparty": f"{charts.GIVEN[number % len(charts.GIVEN)]} {charts.family(number)}",
                "iban": f"DE{number:020d}",
                "reference": f"Invoice {number} of the last month, thank you",
            }


def _peers() -> dict[str, Any]:
    """Return the models of the others, each declared as its documentation shows."""
    secret = secrets.token_hex(32)
    fields = create_sealed_fields(namespaces={"PII": {"key": generate_key()}})
    keys = StaticKeyProvider(secrets.token_bytes(16), secrets.token_bytes(32), secrets.token_bytes(32))
    client = Fieldseal(key_provider=keys, allowed_suites={0xFF01}, write_suite=0xFF01, arm_provisional_suites=True)
    table = secrets.token_bytes(16)
    return {
        GCM: model("gcm", [StringEncryptedType(sa.String, secret, AesGcmEngine) for _ in range(3)]),
        FERNET: model("fernet", [StringEncryptedType(sa.String, secret, FernetEngine) for _ in range(3)]),
        SEALED_FIELDS: model("sealed_fields", [SealedText(fields) for _ in range(3)]),
        FIELDSEAL: model("fieldseal", [Fieldsealed(client, FieldContext(table, secrets.token_bytes(16))) for _ in range(3)]),
    }


def measure(folder: Path, rows: int = ROWS, people: int = PEOPLE, rounds: int = ROUNDS) -> dict[str, Cost]:
    """Return what everybody costs."""
    bench = Bench(folder, rows, people)
    try:
        return bench.measure(rounds)
    finally:
        bench.close()


def report(found: Mapping[str, Cost]) -> list[Asked]:
    """Print the figures, and return what is asked of them."""
    plain, rounds = found[PLAIN], len(found[PLAIN].write)
    print(f"\n{f'Three personal columns, CPU µs a row, medians of {rounds} rounds':<62}{'write':>8}{'added':>8}{'read':>9}{'added':>8}")
    for name, cost in found.items():
        write, read = cost.added(plain)
        print(f"{name:<62}{statistics.median(cost.write):8.1f}{write:8.1f}{statistics.median(cost.read):9.1f}{read:8.1f}")
        if name in SAYS:
            print(f"    {SAYS[name]}")
    return asked({name: cost.added(plain) for name, cost in found.items()})


def asked(added: Mapping[str, tuple[float, float]]) -> list[Asked]:
    """Return what is asked of added (write, read): at most a third of sqlalchemy-utils with AES-GCM, no more than sealed-fields."""
    return [
        Asked(f"columns: added on {what}, of what {peer} adds", added[CONFIDE][at] / added[peer][at], limit, at_most=True)
        for at, what in enumerate(("write", "read"))
        for peer, limit in ((GCM, 1 / 3), (SEALED_FIELDS, 1.0))
    ]
