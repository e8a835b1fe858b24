"""The bank's API for its tellers."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bank.database import Base, engine, get_session, vault
from bank.models import Account, Customer, Transfer
from bank.schemas import AccountOut, ChangedCustomer, CustomerOut, NewAccount, NewCustomer, NewTransfer, TransferOut
from confide.adopt.fastapi.install import Purpose, install

TELLERS = dict(pair.split(":") for pair in os.environ.get("BANK_TELLERS", "").split(",") if pair)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Make the tables before the first request."""
    Base.metadata.create_all(engine)
    yield


def teller(authorization: Annotated[str, Header()] = "") -> str:
    """Return who asks, by their token."""
    name = TELLERS.get(authorization.removeprefix("Bearer "))
    if name is None:
        raise HTTPException(401, "Sign in first.")
    vault.act(name, Purpose.SERVICE_PROVISION)
    return name


app = FastAPI(title="Bank", lifespan=lifespan, dependencies=[Depends(teller)])
install(app, vault)
Db = Annotated[Session, Depends(get_session)]


def find_account(session: Session, iban: str) -> Account:
    """Return an account, or answer 404."""
    account = session.scalars(select(Account).where(Account.iban.matches(iban))).one_or_none()
    if account is None:
        raise HTTPException(404, "There is no such account.")
    return account


def find_customer(session: Session, customer_id: int) -> Customer:
    """Return a customer, or answer 404."""
    customer = session.get(Customer, customer_id)
    if customer is None:
        raise HTTPException(404, "There is no such customer.")
    return customer


def commit(session: Session) -> None:
    """Store what was changed, or answer 409."""
    try:
        session.commit()
    except IntegrityError:
        raise HTTPException(409, "There is one like this already.") from None


@app.post("/customers", status_code=201)
def add_customer(new: NewCustomer, session: Db) -> CustomerOut:
    """Welcome a customer."""
    customer = Customer(**new.model_dump())
    session.add(customer)
    commit(session)
    return CustomerOut.model_validate(customer)


@app.get("/customers")
def list_customers(
    session: Db, name: str = "", email: str = "", born_from: date | None = None, born_to: date | None = None
) -> list[CustomerOut]:
    """Find customers by the beginning of their name, by e-mail address, or by date of birth."""
    found = select(Customer).order_by(Customer.id).limit(50)
    if name:
        found = found.where(Customer.name.starts_with(name))
    if email:
        found = found.where(Customer.email.matches(email))
    if born_from and born_to:
        found = found.where(Customer.born.between(born_from, born_to))
    return [CustomerOut.model_validate(one) for one in session.scalars(found)]


@app.get("/customers/{customer_id}")
def show_customer(customer_id: int, session: Db) -> CustomerOut:
    """Show a customer."""
    return CustomerOut.model_validate(find_customer(session, customer_id))


@app.patch("/customers/{customer_id}")
def change_customer(customer_id: int, changed: ChangedCustomer, session: Db) -> CustomerOut:
    """Change what a customer asks to be changed."""
    customer = find_customer(session, customer_id)
    for name, value in changed.model_dump(exclude_unset=True).items():
        setattr(customer, name, value)
    commit(session)
    return CustomerOut.model_validate(customer)


@app.post("/customers/{customer_id}/accounts", status_code=201)
def open_account(customer_id: int, new: NewAccount, session: Db) -> AccountOut:
    """Open an account for a customer."""
    account = Account(customer=find_customer(session, customer_id), iban=new.iban)
    session.add(account)
    commit(session)
    return AccountOut.model_validate(account)


@app.get("/accounts/{iban}")
def show_account(iban: str, session: Db) -> AccountOut:
    """Show an account and whose it is."""
    return AccountOut.model_validate(find_account(session, iban))


@app.post("/accounts/{iban}/transfers", status_code=201)
def book_transfer(iban: str, new: NewTransfer, session: Db) -> TransferOut:
    """Book money that comes or goes."""
    account = find_account(session, iban)
    account.balance += new.amount
    transfer = Transfer(account=account, **new.model_dump())
    session.add(transfer)
    commit(session)
    return TransferOut.model_validate(transfer)


@app.get("/accounts/{iban}/transfers")
def list_transfers(iban: str, session: Db) -> list[TransferOut]:
    """Show what came and went."""
    return [TransferOut.model_validate(one) for one in find_account(session, iban).transfers]
