"""A small town of models: a bank's customers with accounts, members of staff, and notes in every type that there is."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - SQLAlchemy reads annotations
from dataclasses import dataclass
from decimal import Decimal  # noqa: TC003 - as above
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID  # noqa: TC003 - as above

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from confide.adopt.begin import begin
from confide.adopt.sqlalchemy.declare import personal, row_id, subject_id
from confide.adopt.sqlalchemy.vault import Vault
from confide.datamap.terms import Category, Erase
from confide.sealed.finding import Find
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from pathlib import Path


class Colour(Enum):
    RED = "r"
    GREEN = "g"


@dataclass
class Town:
    """The models and their vault."""

    Base: Any
    vault: Vault
    Customer: Any
    Account: Any
    Staff: Any
    Nurse: Any
    Note: Any


def build(folder: Path, database: str) -> Town:
    """Declare the models anew, make the keys, and return both; the tables are still to be made."""

    class Base(DeclarativeBase):
        pass

    vault = Vault.of(Base, database=database, keys=f"sqlite:///{folder / 'keys.db'}", key_file=folder / "root.key")
    begin(vault.settings)

    class Customer(Base):
        __tablename__ = "customer"
        id: Mapped[int] = mapped_column(primary_key=True)
        row: Mapped[bytes] = row_id()
        name: Mapped[str] = personal(sa.String(80), is_a=Category.NAME, find={Find.EXACT, Find.PREFIX, Find.PHONETIC})
        email: Mapped[str | None] = personal(sa.String(120), is_a=Category.CONTACT, find=Find.EXACT, unique=True)
        born: Mapped[dt.date | None] = personal(sa.Date(), is_a=Category.BIRTH, find=Find.RANGE)
        seen: Mapped[dt.datetime | None] = personal(sa.DateTime(timezone=True), is_a=Category.ACTIVITY, find=Find.RANGE)
        branch: Mapped[str] = mapped_column(sa.String(20), default="main")
        accounts: Mapped[list[Account]] = relationship(back_populates="customer", cascade="all, delete-orphan")

        def __repr__(self) -> str:
            return f"Customer({self.id}, {self.name}, {self.email})"

    class Account(Base):
        __tablename__ = "account"
        id: Mapped[int] = mapped_column(primary_key=True)
        row: Mapped[bytes] = row_id()
        customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"))
        owner: Mapped[bytes] = subject_id("customer")
        iban: Mapped[str] = personal(sa.String(34), is_a=Category.FINANCIAL, find=Find.EXACT)
        memo: Mapped[str | None] = personal(
            sa.Text(), is_a=Category.FINANCIAL, purpose=PurposeClass.STATUTORY, erase=Erase.KEEP, find=Find.PREFIX
        )
        customer: Mapped[Customer] = relationship(back_populates="accounts")

    class Staff(Base):
        __tablename__ = "staff"
        id: Mapped[UUID] = row_id(sa.Uuid(), primary_key=True)
        kind: Mapped[str] = mapped_column(sa.String(10))
        name: Mapped[str] = personal(sa.String(80), is_a=Category.NAME, find={Find.EXACT, Find.PREFIX})
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "staff"}  # noqa: RUF012 - SQLAlchemy's way of declaring

    class Nurse(Staff):
        __tablename__ = "nurse"
        id: Mapped[UUID] = mapped_column(sa.ForeignKey("staff.id"), primary_key=True)
        licence: Mapped[str] = personal(sa.String(20), is_a=Category.IDENTIFIER, find=Find.EXACT)
        __mapper_args__ = {"polymorphic_identity": "nurse"}  # noqa: RUF012 - SQLAlchemy's way of declaring

    class Note(Base):
        __tablename__ = "note"
        id: Mapped[int] = mapped_column(primary_key=True)
        row: Mapped[bytes] = row_id()
        text: Mapped[str | None] = personal(sa.Text(), is_a=Category.ACTIVITY)
        number: Mapped[int | None] = personal(sa.BigInteger(), is_a=Category.ACTIVITY)
        amount: Mapped[Decimal | None] = personal(sa.Numeric(12, 2), is_a=Category.FINANCIAL)
        ratio: Mapped[float | None] = personal(sa.Double(), is_a=Category.ACTIVITY)
        truth: Mapped[bool | None] = personal(sa.Boolean(), is_a=Category.ACTIVITY)
        day: Mapped[dt.date | None] = personal(sa.Date(), is_a=Category.ACTIVITY)
        moment: Mapped[dt.datetime | None] = personal(sa.DateTime(timezone=True), is_a=Category.ACTIVITY)
        hour: Mapped[dt.time | None] = personal(sa.Time(), is_a=Category.ACTIVITY)
        span: Mapped[dt.timedelta | None] = personal(sa.Interval(), is_a=Category.ACTIVITY)
        raw: Mapped[bytes | None] = personal(sa.LargeBinary(), is_a=Category.PICTURE)
        uuid: Mapped[UUID | None] = personal(sa.Uuid(), is_a=Category.IDENTIFIER)
        colour: Mapped[Colour | None] = personal(sa.Enum(Colour), is_a=Category.DEMOGRAPHIC)
        json: Mapped[Any | None] = personal(sa.JSON(), is_a=Category.ACTIVITY)

    Base.registry.configure()
    return Town(Base, vault, Customer, Account, Staff, Nurse, Note)
