"""Bulk statements: what is given as rows is sealed, and nothing in the clear gets past the vault by any other way."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from confide.adopt.refusals import NoSubject, PlainValue, Unbound
from confide.sealed.errors import WrongKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from confide.adopt.scope import Scope
    from tests.adopt.town import Town


@pytest.fixture
def three(town: Town, session: Session) -> list[int]:
    """Three customers from a bulk insert; their keys."""
    rows = [{"name": f"Name {at}", "email": f"n{at}@example.org", "born": dt.date(2000, 1, 1 + at)} for at in range(3)]
    found = session.scalars(sa.insert(town.Customer).returning(town.Customer.id, sort_by_parameter_order=True), rows).all()
    session.commit()
    return sorted(found)


def shown(session: Session, town: Town) -> list[tuple[str, str | None]]:
    """Every customer."""
    session.expire_all()
    return [(one.name, one.email) for one in session.scalars(sa.select(town.Customer).order_by(town.Customer.id))]


def test_rows_of_an_insert_are_sealed_and_found(town: Town, session: Session, three: list[int], acting: Scope) -> None:
    """As if each had been an object."""
    assert shown(session, town) == [(f"Name {at}", f"n{at}@example.org") for at in range(3)]
    assert session.scalars(sa.select(town.Customer.id).where(town.Customer.email.matches("N1@example.org"))).all() == [three[1]]
    assert (
        session.scalars(sa.select(town.Customer.id).where(town.Customer.name.starts_with("na")).order_by(town.Customer.id)).all() == three
    )
    assert session.scalars(sa.select(town.Customer.id).where(town.Customer.born.between(dt.date(2000, 1, 2), dt.date(2000, 1, 3)))).all()


def test_rows_of_an_insert_belong_to_whom_their_key_names(town: Town, session: Session, three: list[int], acting: Scope) -> None:
    """One look-up for all of them; a row of nobody is refused."""
    session.execute(sa.insert(town.Account), [{"customer_id": key, "iban": f"DE{key}"} for key in (*three, three[0])])
    found = session.scalars(sa.select(town.Account)).all()

    assert sorted((one.customer_id, one.iban) for one in found) == sorted((key, f"DE{key}") for key in (*three, three[0]))
    with pytest.raises((NoSubject, sa.exc.IntegrityError)):
        session.execute(sa.insert(town.Account), [{"customer_id": 99, "iban": "DE99"}])


def test_a_single_row_and_returned_objects(town: Town, session: Session, acting: Scope) -> None:
    """A mapping in place of a list, and RETURNING whole objects."""
    one = session.scalars(sa.insert(town.Customer).returning(town.Customer), {"name": "Ada"}).one()

    assert one.name == "Ada"


def test_updates_by_primary_key_are_sealed_and_found(town: Town, session: Session, three: list[int], acting: Scope) -> None:
    """What is not named stays as it is; objects in the session follow."""
    loaded = session.get_one(town.Customer, three[0])
    assert loaded.name == "Name 0"
    session.execute(sa.update(town.Customer), [{"id": three[0], "name": "Zoe"}, {"id": three[1], "name": "Zachary", "branch": "side"}])

    assert loaded.name == "Zoe"
    assert shown(session, town)[:2] == [("Zoe", "n0@example.org"), ("Zachary", "n1@example.org")]
    assert session.scalars(sa.select(town.Customer.id).where(town.Customer.name.starts_with("Z" + "oe"))).all() == [three[0]]
    assert session.scalars(sa.select(town.Customer.id).where(town.Customer.name.matches("Name 0"))).all() == []
    assert session.scalars(sa.select(town.Customer.id).where(town.Customer.email.matches("n0@example.org"))).all() == [three[0]]


def test_emptying_by_primary_key(town: Town, session: Session, three: list[int], acting: Scope) -> None:
    """None is stored as NULL and leaves the index."""
    session.execute(sa.update(town.Customer), [{"id": key, "email": None} for key in three])

    assert [email for _, email in shown(session, town)] == [None] * 3
    assert session.scalar(sa.select(sa.func.count()).select_from(town.vault.tables.unique)) == 0


def test_updates_of_what_is_not_personal_are_left_alone(town: Town, session: Session, three: list[int]) -> None:
    """By condition as by key."""
    session.execute(sa.update(town.Customer).where(town.Customer.id == three[0]).values(branch="side"))
    session.execute(sa.update(town.Customer), [{"id": three[1], "branch": "side"}])

    assert session.scalar(sa.select(sa.func.count()).where(town.Customer.branch == "side")) == 2


MARKER = "Marker McMarkerface"


def _set_an_expression(town: Town, session: Session, key: int) -> None:
    session.get_one(town.Customer, key).name = sa.func.upper(MARKER)
    session.flush()


WAYS: dict[str, Callable[[Town, Session, int], Any]] = {
    "insert with values": lambda town, session, _: session.execute(sa.insert(town.Customer).values(name=MARKER)),
    "insert of several values": lambda town, session, _: session.execute(sa.insert(town.Customer).values([{"name": MARKER}])),
    "core insert": lambda town, session, _: session.execute(sa.insert(town.Customer.__table__), [{"name": MARKER, "branch": "x"}]),
    "core insert on a connection": lambda town, session, _: session.connection().execute(
        sa.insert(town.Customer.__table__), {"name": MARKER, "branch": "x"}
    ),
    "core update": lambda town, session, _: session.execute(sa.update(town.Customer.__table__).values(name=MARKER)),
    "update by condition": lambda town, session, key: session.execute(
        sa.update(town.Customer).where(town.Customer.id == key).values(name=MARKER)
    ),
    "update by condition of the older Query": lambda town, session, key: (
        session.query(town.Customer).filter_by(id=key).update({"name": MARKER})
    ),
    "update with an attribute as key": lambda town, session, key: session.execute(
        sa.update(town.Customer).where(town.Customer.id == key).values({town.Customer.name: MARKER})
    ),
    "update in order": lambda town, session, key: session.execute(
        sa.update(town.Customer).where(town.Customer.id == key).ordered_values((town.Customer.name, MARKER))
    ),
    "bulk_insert_mappings": lambda town, session, _: session.bulk_insert_mappings(town.Customer, [{"name": MARKER}]),
    "bulk_update_mappings": lambda town, session, key: session.bulk_update_mappings(town.Customer, [{"id": key, "name": MARKER}]),
    "bulk_save_objects": lambda town, session, _: session.bulk_save_objects([town.Customer(name=MARKER)]),
    "an upsert": lambda town, session, _: session.execute(
        (sqlite if session.connection().dialect.name == "sqlite" else postgresql).insert(town.Customer).on_conflict_do_nothing(),
        [{"name": MARKER}],
    ),
    "a literal": lambda town, session, _: session.execute(
        sa.insert(town.Customer.__table__).values(name=sa.literal(MARKER, literal_execute=True), branch="x")
    ),
    "an expression": _set_an_expression,
    "text": lambda _town, session, _: session.execute(sa.text("UPDATE customer SET name = :name"), {"name": MARKER}),
    "text on a connection": lambda _town, session, _: session.connection().exec_driver_sql(f"UPDATE customer SET name = '{MARKER}'"),  # noqa: S608 - what is tested
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_in_the_clear_is_stored(town: Town, session: Session, three: list[int], acting: Scope, way: str) -> None:
    """By no way that SQLAlchemy has; the refusal names no value, but where the backend wrote SQL text of its own."""
    with pytest.raises((PlainValue, WrongKind, sa.exc.DBAPIError)) as refused:
        WAYS[way](town, session, three[0])
    session.rollback()

    assert "text" in way or "literal" in way or MARKER not in str(refused.value)
    assert [name for name, _ in shown(session, town)] == ["Name 0", "Name 1", "Name 2"]
    stored = session.connection().execute(sa.select(*town.Customer.__table__.c)).all()
    assert MARKER.encode() not in b"".join(bytes(value) for row in stored for value in row if isinstance(value, bytes))


def test_what_values_are_bound_to_does_not_change_in_bulk(town: Town, session: Session, three: list[int], acting: Scope) -> None:
    """Neither by condition nor by key."""
    session.execute(sa.insert(town.Account), [{"customer_id": three[0], "iban": "DE1"}])
    account = session.scalars(sa.select(town.Account.id)).one()
    for statement, rows in (
        (sa.update(town.Account).values(customer_id=three[1]), None),
        (sa.update(town.Account).values(owner=b"\x01" * 16), None),
        (sa.update(town.Account), [{"id": account, "customer_id": three[1]}]),
        (sa.update(town.Customer), [{"id": three[0], "row": b"\x01" * 16}]),
        (sa.update(town.Customer), [{"id": 99, "name": "x"}]),
    ):
        with pytest.raises(Unbound):
            session.execute(statement, rows)


def test_a_row_that_is_wrong_stores_nothing_of_the_others(town: Town, session: Session, acting: Scope) -> None:
    """They are sealed before any of them is sent."""
    with pytest.raises(WrongKind):
        session.execute(sa.insert(town.Customer), [{"name": "Ada"}, {"name": 7}])

    assert shown(session, town) == []
