"""What the bank stores."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Date, ForeignKey, Numeric, String, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bank.database import Base
from confide.adopt.sqlalchemy.declare import Category, Erase, Find, personal, row_id, subject_id


class Customer(Base):
    """A person with accounts."""

    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    row: Mapped[bytes] = row_id()
    name: Mapped[str] = personal(String(120), is_a=Category.NAME, find=Find.PREFIX, erase=Erase.DELETE)
    email: Mapped[str] = personal(String(254), is_a=Category.CONTACT, find=Find.EXACT, unique=True)
    phone: Mapped[str | None] = personal(String(40), is_a=Category.CONTACT)
    address: Mapped[str] = personal(String(400), is_a=Category.ADDRESS)
    born: Mapped[date] = personal(Date(), is_a=Category.BIRTH, find=Find.RANGE)
    branch: Mapped[str] = mapped_column(String(40))
    joined: Mapped[datetime] = mapped_column(server_default=func.now())
    accounts: Mapped[list["Account"]] = relationship(back_populates="customer")


class Account(Base):
    """An account of a customer."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    row: Mapped[bytes] = row_id()
    owner: Mapped[bytes] = subject_id("customer")
    iban: Mapped[str] = personal(String(34), is_a=Category.FINANCIAL, find=Find.EXACT, unique=True, erase=Erase.DELETE)
    balance: Mapped[Decimal] = mapped_column(Numeric(14, 2), default=Decimal(0))
    customer: Mapped[Customer] = relationship(back_populates="accounts")
    transfers: Mapped[list["Transfer"]] = relationship(back_populates="account", order_by="Transfer.id")


class Transfer(Base):
    """Money that came or went."""

    __tablename__ = "transfer"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    row: Mapped[bytes] = row_id()
    owner: Mapped[bytes] = subject_id("account")
    counterparty: Mapped[str] = personal(String(120), is_a=Category.NAME, erase=Erase.DELETE)
    counterparty_iban: Mapped[str] = personal(String(34), is_a=Category.FINANCIAL)
    reference: Mapped[str] = personal(String(140), is_a=Category.FINANCIAL)
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    booked: Mapped[datetime] = mapped_column(server_default=func.now())
    account: Mapped[Account] = relationship(back_populates="transfers")
