"""Attributes: every type comes back, nothing is opened before it is read, and nothing opens without someone who acts."""

from __future__ import annotations

import copy
import datetime as dt
import pickle  # noqa: TID251 - what is tested is that it shows nothing
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import undefer

from confide.adopt.errors import NobodyActs
from confide.sealed.cell import Envelope
from confide.sealed.errors import NotSealed, TooLong, WrongKind
from confide.values.purpose import Purpose
from tests.adopt.town import Colour

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from confide.adopt.scope import Scope
    from tests.adopt.town import Town

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
JSON = st.recursive(st.booleans() | st.integers() | TEXTS, lambda one: st.lists(one, max_size=3) | st.dictionaries(TEXTS, one, max_size=3))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "number": st.integers(),
    "amount": st.decimals(allow_nan=False, allow_infinity=False),
    "ratio": st.floats(allow_nan=False),
    "truth": st.booleans(),
    "day": st.dates(),
    "moment": st.datetimes(timezones=st.just(dt.UTC)),
    "hour": st.times(),
    "span": st.timedeltas(),
    "raw": st.binary(max_size=60),
    "uuid": st.uuids(),
    "colour": st.sampled_from(Colour),
    "json": JSON,
}  # fmt: skip


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional=VALUES))
def test_every_type_comes_back(town: Town, session: Session, acting: Scope, values: dict[str, Any]) -> None:
    """After a commit and a new load, equal and of the same type; what was left out is None."""
    note = town.Note(**values)
    session.add(note)
    session.commit()
    session.expunge_all()
    again = session.scalars(sa.select(town.Note).order_by(town.Note.id.desc())).first()

    assert {name: getattr(again, name) for name in VALUES} == {name: values.get(name) for name in VALUES}
    assert all(type(getattr(again, name)) is type(value) for name, value in values.items())


def test_loading_a_row_opens_nothing(town: Town, session: Session) -> None:
    """A row in memory holds envelopes, and nobody has to act for that."""
    session.add(town.Customer(name="Ada Lovelace"))
    session.commit()
    loaded = session.scalars(sa.select(town.Customer)).one()

    assert type(loaded.__dict__["name"]) is Envelope
    assert loaded.email is None
    with pytest.raises(NobodyActs):
        _ = loaded.name


def test_what_was_opened_for_one_is_opened_again_for_another(town: Town, session: Session) -> None:
    """A value that stays in memory does not pass from scope to scope without an event."""
    session.add(town.Customer(name="Ada Lovelace"))
    session.commit()
    ada = session.scalars(sa.select(town.Customer)).one()
    with town.vault.acting("first", Purpose.SERVICE_PROVISION) as first:
        assert ada.name == "Ada Lovelace"
        assert first.opened
    with pytest.raises(NobodyActs):
        _ = ada.name
    with town.vault.acting("second", Purpose.CUSTOMER_CARE) as second:
        assert ada.name == "Ada Lovelace"
        assert second.opened


def test_whoever_wrote_a_value_may_read_it_back(town: Town, session: Session) -> None:
    """Until it is loaded from the database again."""
    ada = town.Customer(name="Ada Lovelace")
    assert ada.name == "Ada Lovelace"
    session.add(ada)
    session.flush()

    assert ada.name == "Ada Lovelace"
    session.expire(ada)
    with pytest.raises(NobodyActs):
        _ = ada.name


def test_an_expired_and_a_deferred_attribute_load_and_open(town: Town, session: Session, acting: Scope) -> None:
    """As any other attribute does, also when what it is bound to has to be loaded as well."""
    session.add(town.Customer(name="Ada", accounts=[town.Account(iban="DE1")]))
    session.commit()
    account = session.scalars(sa.select(town.Account).options(sa.orm.load_only(town.Account.id))).one()
    assert account.iban == "DE1"
    session.expire(account)
    assert account.iban == "DE1"
    session.refresh(account, ["iban"])
    assert account.iban == "DE1"
    assert session.scalars(sa.select(town.Account).options(sa.orm.defer(town.Account.iban), undefer(town.Account.memo))).one().iban == "DE1"


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("name", 7), ("born", dt.datetime(2000, 1, 1, tzinfo=dt.UTC)), ("email", b"bytes"), ("name", "x" * 81)],
    ids=["number for text", "moment for date", "bytes for text", "too long"],
)
def test_what_the_column_would_not_take_is_refused(town: Town, session: Session, attribute: str, value: object) -> None:
    """The database sees ciphertext, so the vault looks at type and length; the refusal does not repeat the value."""
    session.add(town.Customer(**({"name": "Ada"} | {attribute: value})))
    with pytest.raises((WrongKind, TooLong)) as refused:
        session.flush()

    assert repr(value) not in str(refused.value)


def test_setting_the_same_value_writes_nothing(town: Town, session: Session) -> None:
    """Where the program itself set it just before; else it is sealed anew, since nobody acts who could compare it."""

    def stored() -> bytes:
        return bytes(session.connection().scalar(sa.select(town.Customer.__table__.c.name)) or b"")

    ada = town.Customer(name="Ada")
    session.add(ada)
    session.flush()
    before = stored()
    ada.name = "Ada"
    session.flush()
    assert stored() == before
    session.expire_all()
    ada.name = "Ada"
    session.flush()

    assert stored() != before


def test_validators_see_what_was_given(town: Town, session: Session) -> None:
    """Not what it is wrapped into."""
    seen = []

    def lower(_target: object, value: str, _old: object, _by: object) -> str:
        seen.append(value)
        return value.lower()

    sa.event.listen(town.Customer.email, "set", lower, retval=True)
    ada = town.Customer(name="Ada", email="ADA@example.org")

    assert (ada.email, seen) == ("ada@example.org", ["ADA@example.org"])


def test_copies_and_pickles_hold_no_plain_value(town: Town, session: Session, acting: Scope) -> None:
    """A pickle of an opened object holds envelopes, one of a new object is refused, a copied state opens at home."""
    new = town.Note(text="Ada Lovelace")
    with pytest.raises(NotSealed):
        pickle.dumps(new.__dict__["text"])
    session.add(new)
    session.flush()
    assert new.text == "Ada Lovelace"
    held = {name: new.__dict__[name] for name in ("id", "row", "text")}
    written = pickle.dumps(held)
    again = pickle.loads(written)  # noqa: S301 - our own bytes

    assert b"Lovelace" not in written
    assert type(again["text"]) is Envelope
    assert copy.deepcopy(held)["text"].value == "Ada Lovelace"


def test_a_sealed_value_of_another_row_is_not_set(town: Town, session: Session) -> None:
    """It would not open there: values are copied by reading and setting them."""
    session.add_all([town.Customer(name="Ada"), town.Customer(name="Ben")])
    session.commit()
    ada, ben = session.scalars(sa.select(town.Customer).order_by(town.Customer.id))
    with pytest.raises(Exception, match="another row"):
        ben.name = ada.__dict__["name"]


def test_a_uuid_key_is_a_row_identifier(town: Town, session: Session, acting: Scope) -> None:
    """Also of a model that inherits it, whose table has no column of its own for that."""
    session.add(town.Nurse(name="Nora", licence="N-1"))
    session.commit()
    nora = session.scalars(sa.select(town.Staff)).one()

    assert isinstance(nora.id, UUID)
    assert (nora.name, nora.licence) == ("Nora", "N-1")


def test_numbers_keep_their_precision(town: Town, session: Session, acting: Scope) -> None:
    """1.50 stays 1.50."""
    session.add(town.Note(amount=Decimal("1.50")))
    session.commit()

    assert str(session.scalars(sa.select(town.Note)).one().amount) == "1.50"
