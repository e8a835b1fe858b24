"""What the bank stores, while its tables of before are sealed in place; it runs with these models meanwhile."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Date, ForeignKey, Numeric, String, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bank.database import Base
from confide.adopt.sqlalchemy.declare import Category, Erase, Find, personal, row_id, subject_id

UNTIL = date(2099, 12, 31)
"""After this day nothing is read from what is still in the clear: name one soon, of your own."""


class Customer(Base):
    """A person with accounts."""

    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    row: Mapped[bytes] = row_id()
    name: Mapped[str] = personal(
        "name_sealed", String(120), is_a=Category.NAME, find=Find.PREFIX, erase=Erase.DELETE, was="name", until=UNTIL
    )
    email: Mapped[str] = personal(
        "email_sealed", String(254), is_a=Category.CONTACT, find=Find.EXACT, unique=True, was="email", until=UNTIL
    )
    phone: Mapped[str | None] = personal("phone_sealed", String(40), is_a=Category.CONTACT, was="phone", until=UNTIL)
    address: Mapped[str] = personal("address_sealed", String(400), is_a=Category.ADDRESS, was="address", until=UNTIL)
    born: Mapped[date] = personal("born_sealed", Date(), is_a=Category.BIRTH, find=Find.RANGE, was="born", until=UNTIL)
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
    iban: Mapped[str] = personal(
        "iban_sealed", String(34), is_a=Category.FINANCIAL, find=Find.EXACT, unique=True, erase=Erase.DELETE, was="iban", until=UNTIL
    )
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
    counterparty: Mapped[str] = personal(
        "counterparty_sealed", String(120), is_a=Category.NAME, erase=Erase.DELETE, was="counterparty", until=UNTIL
    )
    counterparty_iban: Mapped[str] = personal(
        "counterparty_iban_sealed", String(34), is_a=Category.FINANCIAL, was="counterparty_iban", until=UNTIL
    )
    reference: Mapped[str] = personal("reference_sealed", String(140), is_a=Category.FINANCIAL, was="reference", until=UNTIL)
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    booked: Mapped[datetime] = mapped_column(server_default=func.now())
    account: Mapped[Account] = relationship(back_populates="transfers")
