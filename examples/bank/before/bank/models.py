"""What the bank stores."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Date, ForeignKey, Numeric, String, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bank.database import Base


class Customer(Base):
    """A person with accounts."""

    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), index=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    phone: Mapped[str | None] = mapped_column(String(40))
    address: Mapped[str] = mapped_column(String(400))
    born: Mapped[date] = mapped_column(Date(), index=True)
    branch: Mapped[str] = mapped_column(String(40))
    joined: Mapped[datetime] = mapped_column(server_default=func.now())
    accounts: Mapped[list["Account"]] = relationship(back_populates="customer")


class Account(Base):
    """An account of a customer."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    iban: Mapped[str] = mapped_column(String(34), unique=True)
    balance: Mapped[Decimal] = mapped_column(Numeric(14, 2), default=Decimal(0))
    customer: Mapped[Customer] = relationship(back_populates="accounts")
    transfers: Mapped[list["Transfer"]] = relationship(back_populates="account", order_by="Transfer.id")


class Transfer(Base):
    """Money that came or went."""

    __tablename__ = "transfer"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    counterparty: Mapped[str] = mapped_column(String(120))
    counterparty_iban: Mapped[str] = mapped_column(String(34))
    reference: Mapped[str] = mapped_column(String(140))
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    booked: Mapped[datetime] = mapped_column(server_default=func.now())
    account: Mapped[Account] = relationship(back_populates="transfers")
