"""Selects of columns: opened on request, and only together with what they are bound to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from confide.adopt.errors import NobodyActs
from confide.adopt.refusals import Unbound
from confide.adopt.sqlalchemy.reveal import Opened, open_rows
from confide.sealed.cell import Envelope

if TYPE_CHECKING:
    from confide.adopt.scope import Scope
    from tests.adopt.town import Town


@pytest.fixture
def people(town: Town, session: Session) -> list[Any]:
    """Three customers with an account each."""
    found = [town.Customer(name=f"Person {at}", accounts=[town.Account(iban=f"DE{at}")]) for at in range(3)]
    session.add_all(found)
    session.commit()
    return found


def test_a_selected_column_is_an_envelope(town: Town, session: Session, people: list[Any]) -> None:
    """Until it is asked to be opened."""
    assert [type(value) for value in session.scalars(sa.select(town.Customer.name))] == [Envelope] * 3


def test_opened_columns(town: Town, session: Session, people: list[Any], acting: Scope) -> None:
    """Beside others, of aliases, in joins, and where they are empty."""
    customer, account = aliased(town.Customer), town.Account
    statement = (
        sa.select(customer.id, Opened(customer.name), Opened(customer.email), Opened(account.iban))
        .join(account, account.customer_id == customer.id)
        .order_by(customer.id)
    )

    assert [tuple(row)[1:] for row in session.execute(statement)] == [(f"Person {at}", None, f"DE{at}") for at in range(3)]
    assert session.execute(sa.select(Opened(town.Customer.name)).order_by(town.Customer.id)).scalars().first() == "Person 0"


def test_opening_columns_takes_someone_who_acts(town: Town, session: Session, people: list[Any]) -> None:
    """As any opening does."""
    with pytest.raises(NobodyActs):
        session.execute(sa.select(Opened(town.Customer.name))).all()


def test_rows_of_a_core_select_are_opened(town: Town, engine: sa.Engine, session: Session, people: list[Any], acting: Scope) -> None:
    """By the names of their columns; the rest stays as it is, and every opening is in the trail."""
    table = town.Account.__table__
    with engine.connect() as connection:
        rows = connection.execute(sa.select(table).order_by(table.c.id)).mappings().all()
    opened = list(open_rows(town.Account, rows))

    assert [(row["iban"], row["memo"], row["customer_id"]) for row in opened] == [
        (f"DE{at}", None, one.id) for at, one in enumerate(people)
    ]
    assert {subject for subject, _ in acting.opened} == {one.row for one in people}


def test_rows_without_what_they_are_bound_to_are_refused(town: Town, engine: sa.Engine, people: list[Any], acting: Scope) -> None:
    """The refusal names what is missing."""
    table = town.Account.__table__
    with engine.connect() as connection:
        rows = connection.execute(sa.select(table.c.iban, table.c.row, table.c.owner)).mappings().all()
        renamed = connection.execute(sa.select(table.c.iban.label("number"), table.c.row)).mappings().all()
    with pytest.raises(Unbound, match="customer_id"):
        list(open_rows(town.Account, rows))
    with pytest.raises(Unbound, match="number"):
        list(open_rows(town.Account, renamed))
