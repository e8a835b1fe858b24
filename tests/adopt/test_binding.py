"""Values are bound to their row, column, person, foreign key and tenant: whatever is moved in the database does not open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confide.adopt.sqlalchemy.described import Person, describe
from confide.crypto.errors import CryptoError, DoesNotOpen, NotAnEnvelope
from confide.keys.errors import KeyMissing
from confide.values.principal import Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from confide.adopt.scope import Scope
    from tests.adopt.town import Town


@pytest.fixture
def people(town: Town, session: Session, acting: Scope) -> list[Any]:
    """Two customers with an account each, stored and expired."""
    for name in ("Ada", "Ben"):
        session.add(town.Customer(name=name, email=f"{name}@example.org", accounts=[town.Account(iban=f"DE-{name}", memo=f"rent {name}")]))
    session.commit()
    return list(session.scalars(sa.select(town.Customer).order_by(town.Customer.id)))


def raw(session: Session, table: sa.Table, at: int) -> dict[str, Any]:
    """A row as it is stored."""
    return dict(session.connection().execute(sa.select(table).where(table.c.id == at)).mappings().one())


def tamper(session: Session, table: sa.Table, at: int, **values: Any) -> None:
    """Change a row as whoever has the database can; the CHECKs of the table stay in force."""
    untyped = sa.table(table.name, sa.column("id"), *(sa.column(name) for name in values))
    session.connection().execute(sa.update(untyped).where(untyped.c.id == at).values(**values))
    session.expire_all()


def test_a_value_does_not_open_in_another_row(town: Town, session: Session, people: list[Any]) -> None:
    """Two names that changed places."""
    ada, ben = people
    table = town.Customer.__table__
    names = [bytes(raw(session, table, one.id)["name"]) for one in (ada, ben)]
    tamper(session, table, ada.id, name=names[1])
    tamper(session, table, ben.id, name=names[0])

    for one in people:
        with pytest.raises(DoesNotOpen):
            _ = one.name


def test_a_value_does_not_open_in_another_column(town: Town, session: Session, people: list[Any]) -> None:
    """A name that was put where the e-mail address was."""
    ada = people[0]
    tamper(session, town.Customer.__table__, ada.id, email=bytes(raw(session, town.Customer.__table__, ada.id)["name"]))

    with pytest.raises(DoesNotOpen):
        _ = ada.email


def test_a_row_that_was_pointed_at_somebody_else_does_not_open(town: Town, session: Session, people: list[Any]) -> None:
    """By its subject, by its foreign key, or by both; what the law keeps is bound to both as well."""
    ada, ben = people
    account = ada.accounts[0].id
    table = town.Account.__table__
    before = raw(session, table, account)
    theirs = raw(session, table, ben.accounts[0].id)
    for change in (
        {"owner": bytes(theirs["owner"])},
        {"customer_id": ben.id},
        {"owner": bytes(theirs["owner"]), "customer_id": ben.id},
    ):
        tamper(session, table, account, **change)
        for column in ("iban", "memo"):
            with pytest.raises(DoesNotOpen):
                getattr(session.get_one(town.Account, account), column)
        tamper(session, table, account, owner=bytes(before["owner"]), customer_id=before["customer_id"])

    assert session.get_one(town.Account, account).iban == "DE-Ada"


def test_what_the_law_keeps_is_opened_for_nobody_who_took_the_row(town: Town, session: Session, people: list[Any]) -> None:
    """A person whose identifier was written into another's row neither reads nor exports what stands there."""
    ada, ben = people
    account, mine = ada.accounts[0].id, ben.row
    tamper(session, town.Account.__table__, account, owner=bytes(raw(session, town.Account.__table__, ben.accounts[0].id)["owner"]))
    with town.vault.acting("ben", Purpose.RIGHTS_FULFILMENT, role=Role.SUBJECT, own=mine):
        with pytest.raises(DoesNotOpen):
            _ = session.get_one(town.Account, account).memo
        with pytest.raises(DoesNotOpen):
            town.vault.export(session, mine)
        session.rollback()


def test_a_row_that_is_given_to_another_person_takes_what_the_law_keeps_along(town: Town, session: Session, people: list[Any]) -> None:
    """It is sealed anew for them."""
    ada, ben = people
    account = ada.accounts[0]
    before = bytes(raw(session, town.Account.__table__, account.id)["memo"])
    account.customer = ben
    session.commit()

    assert bytes(raw(session, town.Account.__table__, account.id)["memo"]) != before
    assert account.memo == "rent Ada"


def test_a_row_that_took_another_identity_does_not_open(town: Town, session: Session, people: list[Any]) -> None:
    """The person is named by the row identifier of their own row."""
    tamper(session, town.Customer.__table__, people[0].id, row=b"\x01" * 16)

    with pytest.raises(DoesNotOpen):
        _ = people[0].name


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_is_noticed(town: Town, session: Session, people: list[Any], data: st.DataObject) -> None:
    """Whatever it hits, the error says what is wrong; the value is then put back."""
    ada, table = people[0], town.Customer.__table__
    stored = bytes(raw(session, table, ada.id)["name"])
    bit = data.draw(st.integers(8, len(stored) * 8 - 1))  # the CHECK of the table keeps the first byte
    changed = bytearray(stored)
    changed[bit // 8] ^= 1 << bit % 8
    tamper(session, table, ada.id, name=bytes(changed))
    with pytest.raises((CryptoError, KeyMissing)):
        _ = ada.name
    tamper(session, table, ada.id, name=stored)

    assert ada.name == "Ada"


def test_what_is_no_envelope_is_an_error(town: Town, session: Session, people: list[Any]) -> None:
    """Where the CHECK was taken away, reading refuses."""
    ada = people[0]
    if session.connection().dialect.name == "sqlite":
        session.execute(sa.text("PRAGMA ignore_check_constraints=ON"))
    else:
        session.execute(sa.text("ALTER TABLE customer DROP CONSTRAINT sealed_name"))
    for wrong in (b"Ada Lovelace", b"", b"\xe1", b"\xe1\x01\x02\x00" + b"x" * 20, b"x" * 80):
        tamper(session, town.Customer.__table__, ada.id, name=wrong)
        with pytest.raises(NotAnEnvelope):
            _ = ada.name


@pytest.mark.parametrize("plain", [b"Ada Lovelace", b"A name that is long enough to be an envelope, but is none at all", b"\xe1 short"])
def test_the_database_itself_refuses_what_is_no_envelope(town: Town, session: Session, people: list[Any], plain: bytes) -> None:
    """From a program that knows nothing of the vault, in text as in bytes."""
    table = town.Customer.__table__
    untyped = sa.table(table.name, sa.column("name"))
    with pytest.raises(sa.exc.IntegrityError, match="sealed_name"):
        session.connection().execute(sa.update(untyped).values(name=plain))
    session.rollback()
    with pytest.raises(sa.exc.DBAPIError):
        session.connection().execute(sa.text("UPDATE customer SET name = 'Ada Lovelace whose name is long enough to pass for an envelope'"))


def test_a_value_does_not_open_for_another_tenant(town: Town, session: Session, people: list[Any]) -> None:
    """Nor under the keys of another vault."""
    name = people[0].__dict__.get("name") or people[0].name
    del name
    session.expire_all()
    with pytest.raises(Exception, match="several tenants, or not this one"), town.vault.acting("x", Purpose.SERVICE_PROVISION, tenant=2):
        pass


def test_the_place_of_a_value_follows_its_row(town: Town) -> None:
    """The last place is remembered, for the very same identifiers only: not for the row under another person, account or no row at all."""
    described = describe(sa.inspect(town.Account))
    assert described is not None
    where = described.bound["iban"].where
    row, ann, ben = (one * 16 for one in (b"r", b"a", b"b"))
    values = {"row": row, "owner": ann, "customer_id": 1}
    places = [where(values), where(values), where(values | {"owner": ben}), where(values | {"customer_id": 2}), where(values)]

    assert places[0] == places[1] == places[4]
    assert len({*places}) == 3
    assert [owner for owner, _ in places] == [ann, ann, ben, ann, ann]
    with pytest.raises(ValueError, match="badly formed"):
        described.bound["iban"].where({"row": None, "owner": None, "customer_id": None})


@pytest.mark.parametrize(("kind", "held"), [(sa.Uuid(), UUID), (sa.LargeBinary(16), bytes), (sa.Uuid(as_uuid=False), None)])
def test_which_identifiers_are_taken_as_they_are(kind: Any, held: type | None) -> None:
    """A UUID and bytes have one form; a text has several, so it is always looked at."""
    assert Person(key="owner", column=sa.Column("owner", kind)).kind is held
