"""Flushes: whose a row is, whatever way the row takes into the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, make_transient

from confide.adopt.errors import NobodyActs
from confide.adopt.refusals import NoSubject, Unbound
from confide.sealed.cell import Envelope
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from confide.adopt.scope import Scope
    from tests.adopt.town import Town


def ibans(session: Session, town: Town) -> list[tuple[str, str]]:
    """Who has which account, freshly loaded."""
    session.expire_all()
    return [(one.customer.name, one.iban) for one in session.scalars(sa.select(town.Account).order_by(town.Account.id))]


@pytest.fixture
def ada(town: Town, session: Session) -> Any:
    """A stored customer."""
    found = town.Customer(name="Ada")
    session.add(found)
    session.commit()
    return found


def test_a_row_belongs_to_the_object_it_refers_to(town: Town, session: Session, acting: Scope) -> None:
    """Both new, from either side of the relationship."""
    session.add(town.Account(iban="DE1", customer=town.Customer(name="Ada")))
    session.add(town.Customer(name="Ben", accounts=[town.Account(iban="DE2")]))
    session.commit()

    assert sorted(ibans(session, town)) == [("Ada", "DE1"), ("Ben", "DE2")]


def test_a_row_belongs_to_whom_its_foreign_key_names(town: Town, session: Session, ada: Any, acting: Scope) -> None:
    """Without the object in memory."""
    identifier = ada.id
    session.expunge_all()
    session.add(town.Account(iban="DE1", customer_id=identifier))
    session.commit()

    assert ibans(session, town) == [("Ada", "DE1")]


def test_a_row_without_an_owner_is_refused(town: Town, session: Session) -> None:
    """It cannot be told whose key seals it."""
    session.add(town.Account(iban="DE1"))
    with pytest.raises(NoSubject, match="customer"):
        session.flush()


@pytest.mark.parametrize("way", ["object", "foreign key", "foreign key beside the loaded object", "collection"])
def test_a_row_that_changes_hands_is_sealed_anew(town: Town, session: Session, ada: Any, acting: Scope, way: str) -> None:
    """Opened as the former owner's and sealed as the new one's, whichever way it is done."""
    account = town.Account(iban="DE1", memo="rent", customer=ada)
    ben = town.Customer(name="Ben")
    session.add_all([account, ben])
    session.commit()
    if way == "object":
        account.customer = ben
    elif way == "collection":
        ben.accounts.append(account)
    else:
        if way == "foreign key beside the loaded object":
            assert account.customer is ada
        account.customer_id = ben.id
    session.commit()

    assert ibans(session, town) == [("Ben", "DE1")]
    assert (account.memo, account.owner) == ("rent", ben.row)


def test_nothing_changes_hands_without_someone_who_acts(town: Town, session: Session, ada: Any) -> None:
    """It takes opening what is there."""
    account = town.Account(iban="DE1", customer=ada)
    ben = town.Customer(name="Ben")
    session.add_all([account, ben])
    session.commit()
    account.customer = ben

    with pytest.raises(NobodyActs):
        session.flush()


def test_a_row_identifier_never_changes(town: Town, session: Session, ada: Any) -> None:
    """Everything in the row is bound to it."""
    ada.row = b"\x01" * 16
    with pytest.raises(Unbound):
        session.flush()


def test_a_row_that_is_stored_again_after_a_rollback_opens(town: Town, session: Session, acting: Scope) -> None:
    """It may be another one by then."""
    account = town.Account(iban="DE1", customer=town.Customer(name="Ada"))
    session.add(account)
    session.flush()
    session.rollback()
    account.iban = "DE2"
    account.customer.row = b"\x07" * 16
    session.add(account)
    session.commit()

    assert ibans(session, town) == [("Ada", "DE2")]


def test_merge_seals_what_is_new_and_keeps_what_is_not(town: Town, session: Session, ada: Any, acting: Scope) -> None:
    """A transient object, a detached one, and a detached one whose values were opened."""
    session.merge(town.Customer(id=ada.id, email="ada@example.org"))
    session.commit()
    assert (ada.name, ada.email) == ("Ada", "ada@example.org")
    session.expunge_all()
    with Session(session.get_bind()) as other:
        detached = other.get_one(town.Customer, ada.id)
        assert detached.name == "Ada"
    detached.email = "new@example.org"
    merged = session.merge(detached)
    session.commit()

    assert (merged.name, merged.email) == ("Ada", "new@example.org")


def test_a_deleted_row_that_is_stored_again_opens(town: Town, session: Session, ada: Any, acting: Scope) -> None:
    """Under its former identity; under another it does not, and is not stored."""
    assert ada.__dict__.get("name") is None
    session.refresh(ada)
    session.delete(ada)
    session.flush()
    make_transient(ada)
    assert type(ada.__dict__["name"]) is Envelope
    session.add(ada)
    session.commit()
    assert ada.name == "Ada"
    session.delete(ada)
    session.flush()
    assert session.scalars(sa.select(town.Customer).where(town.Customer.name.matches("Ada"))).all() == []


def test_every_session_of_the_backend_seals(town: Town, engine: sa.Engine, acting: Scope) -> None:
    """Nothing has to be handed to the session."""
    with Session(engine) as one, one.begin():
        one.add(town.Customer(name="Ada"))
    with Session(engine) as other:
        assert other.scalars(sa.select(town.Customer)).one().name == "Ada"


def test_an_emptied_value_is_null(town: Town, session: Session, acting: Scope) -> None:
    """And leaves the index."""
    ada = town.Customer(name="Ada", email="ada@example.org")
    session.add(ada)
    session.commit()
    ada.email = None
    session.commit()

    assert ada.email is None
    assert session.connection().scalar(sa.select(town.Customer.__table__.c.email)) is None
    assert session.connection().scalar(sa.select(sa.func.count()).select_from(town.vault.tables.unique)) == 0
    assert session.scalars(sa.select(town.Customer).where(town.Customer.email.matches("ada@example.org"))).all() == []
    assert session.scalars(sa.select(town.Customer).where(town.Customer.email.is_(None))).all() == [ada]


def test_eager_loading_and_joins_open(town: Town, session: Session, acting: Scope) -> None:
    """Joined, select-in and sub-query loading, and an alias."""
    session.add_all([town.Customer(name=f"C{at}", accounts=[town.Account(iban=f"DE{at}")]) for at in range(5)])
    session.commit()
    for load in (sa.orm.joinedload, sa.orm.selectinload, sa.orm.subqueryload):
        session.expunge_all()
        found = session.scalars(sa.select(town.Customer).options(load(town.Customer.accounts)).order_by(town.Customer.id)).unique().all()
        assert [(one.name, one.accounts[0].iban) for one in found] == [(f"C{at}", f"DE{at}") for at in range(5)]
    account = sa.orm.aliased(town.Account)
    rows = session.execute(sa.select(town.Customer, account).join(account, account.customer_id == town.Customer.id).order_by(account.id))

    assert [(customer.name, one.iban) for customer, one in rows] == [(f"C{at}", f"DE{at}") for at in range(5)]


def test_a_list_of_people_takes_one_look_into_the_key_database(town: Town, session: Session) -> None:
    """The keys of what a session holds are fetched with the first that is opened."""
    session.add_all([town.Customer(name=f"C{at}") for at in range(50)])
    session.commit()
    town.vault.close()  # forgets every key
    asked: list[int] = []
    load = type(town.vault.parts.keyring).load

    async def counted(self: Any, references: Any, now: int) -> None:
        asked.append(len(list(references)))
        await load(self, references, now)

    with pytest.MonkeyPatch.context() as patch, town.vault.acting("clerk", Purpose.SERVICE_PROVISION):
        patch.setattr(type(town.vault.parts.keyring), "load", counted)
        names = [one.name for one in session.scalars(sa.select(town.Customer))]

    assert len(names) == 50
    assert asked == [50]
