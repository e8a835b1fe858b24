"""What goes in and out over HTTP."""

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class NewCustomer(BaseModel):
    """A customer to be."""

    name: str = Field(max_length=120)
    email: str = Field(max_length=254)
    phone: str | None = Field(default=None, max_length=40)
    address: str = Field(max_length=400)
    born: date
    branch: str = Field(max_length=40)


class ChangedCustomer(BaseModel):
    """What a customer may change."""

    name: str | None = Field(default=None, max_length=120)
    email: str | None = Field(default=None, max_length=254)
    phone: str | None = Field(default=None, max_length=40)
    address: str | None = Field(default=None, max_length=400)


class CustomerOut(NewCustomer):
    """A customer as shown."""

    model_config = ConfigDict(from_attributes=True)

    id: int


class NewAccount(BaseModel):
    """An account to be."""

    iban: str = Field(max_length=34)


class AccountOut(NewAccount):
    """An account as shown."""

    model_config = ConfigDict(from_attributes=True)

    customer: CustomerOut
    balance: Decimal


class NewTransfer(BaseModel):
    """A transfer to be booked; negative amounts leave the account."""

    counterparty: str = Field(max_length=120)
    counterparty_iban: str = Field(max_length=34)
    reference: str = Field(max_length=140)
    amount: Decimal = Field(max_digits=14, decimal_places=2)


class TransferOut(NewTransfer):
    """A transfer as shown."""

    model_config = ConfigDict(from_attributes=True)

    booked: datetime
