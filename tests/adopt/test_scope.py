"""Scopes: who acts, what they may open, and the events that are stored before anything leaves."""

from __future__ import annotations

import asyncio
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from confide.access.errors import Denied
from confide.access.policy import Sentence
from confide.adopt.errors import AlreadyActing, Misused, NobodyActs, NotYours, StillWriting
from confide.adopt.scope import SCOPE, current
from confide.adopt.settings import Settings
from confide.adopt.sqlalchemy.described import describe
from confide.adopt.sqlalchemy.vault import Vault
from confide.store.errors import StoreError
from confide.values.permit import Action, Reach
from confide.values.principal import Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confide.adopt.scope import Scope
    from tests.adopt.town import Town


@pytest.fixture
def people(town: Town, session: Session) -> list[Any]:
    """Two customers with an account each."""
    found = [town.Customer(name=name, email=f"{name}@example.org", accounts=[town.Account(iban=f"DE-{name}")]) for name in ("Ada", "Ben")]
    session.add_all(found)
    session.commit()
    return found


def trail(town: Town, session: Session) -> list[dict[str, Any]]:
    """The stored events, oldest first."""
    outbox = town.vault.tables.outbox
    return [msgspec.json.decode(body) for body in session.scalars(sa.select(outbox.c.body).order_by(outbox.c.sequence))]


def read(town: Town, session: Session, people: list[Any], then: Callable[[], object] = lambda: None) -> None:
    """Open a name in a scope, let go of the database, and do something else."""
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE):
        assert people[0].name == "Ada"
        session.rollback()
        then()


def test_an_event_for_each_person_and_action(town: Town, session: Session, people: list[Any]) -> None:
    """With the names of the columns that were opened, the purpose, and nothing personal."""
    with town.vault.acting("clerk 7", Purpose.CUSTOMER_CARE):
        assert [one.name for one in people] == ["Ada", "Ben"]
        assert people[0].email == "Ada@example.org"
        assert people[0].accounts[0].iban == "DE-Ada"
        assert people[0].name == "Ada"
    events = trail(town, session)

    assert [(one["action"], one["outcome"], one["purpose"], one["role"], one["explanation"]) for one in events] == [
        ("read", "success", "dpv:CustomerCare", "staff", "role.staff")
    ] * 2
    assert sorted(one["parameters"] for one in events) == [["account.iban", "customer.email", "customer.name"], ["customer.name"]]
    assert len({one["actor"] for one in events}) == len({one["request"] for one in events}) == 1
    assert len({one["patients"][0] for one in events}) == 2
    assert not any(word in str(events) for word in ("Ada", "Ben", "clerk", people[0].row.hex()))


def test_a_scope_that_opened_nothing_leaves_no_event(town: Town, session: Session, people: list[Any]) -> None:
    """Nor does one that wrote."""
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE):
        people[0].name = "Augusta"
        session.commit()

    assert trail(town, session) == []


def test_events_are_stored_also_when_the_block_fails(town: Town, session: Session, people: list[Any]) -> None:
    """What was opened may be in somebody's hands by then."""
    with pytest.raises(ZeroDivisionError):
        read(town, session, people, then=lambda: 1 // 0)

    assert len(trail(town, session)) == 1


def test_a_scope_cannot_end_without_its_events(town: Town, session: Session, people: list[Any]) -> None:
    """Where they cannot be stored, the block fails; they stay on the list."""
    session.execute(sa.text("ALTER TABLE audit_outbox RENAME TO gone"))
    session.commit()
    scopes: list[Scope] = []
    with pytest.raises(StoreError):
        read(town, session, people, then=lambda: scopes.append(current()))
    scope = scopes[0]
    assert scope.opened
    session.execute(sa.text("ALTER TABLE gone RENAME TO audit_outbox"))
    session.commit()
    town.vault.record(scope)

    assert len(trail(town, session)) == 1


def test_one_writer_at_a_time_is_said_plainly(town: Town, engine: sa.Engine, session: Session, people: list[Any]) -> None:
    """On SQLite a transaction of the backend that is still open keeps the events from being stored; on PostgreSQL it does not."""
    _ = people[0].id
    session.rollback()
    with Session(engine) as writing:
        writing.add(town.Customer(name="Eve"))
        writing.flush()
        if engine.dialect.name == "postgresql":
            read(town, session, people)
            return
        with pytest.raises(StillWriting, match="commit"):
            read(town, session, people)


def test_scopes_nest(town: Town, session: Session, people: list[Any]) -> None:
    """The inner one has events of its own, and the outer goes on after it."""
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE) as outer:
        assert people[0].name == "Ada"
        with town.vault.acting("auditor", Purpose.LEGAL_COMPLIANCE) as inner:
            assert people[0].name == "Ada"
            assert SCOPE.get() is inner
            session.rollback()
        assert SCOPE.get() is outer
        session.rollback()

    assert [one["purpose"] for one in trail(town, session)] == ["dpv:LegalCompliance", "dpv:CustomerCare"]
    assert SCOPE.get() is None


def test_one_scope_has_one_who_acts(town: Town) -> None:
    """Saying the same again changes nothing; anything else is refused."""
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE):
        town.vault.act("clerk", Purpose.CUSTOMER_CARE)
        for who, purpose in (("other", Purpose.CUSTOMER_CARE), ("clerk", Purpose.LEGAL_COMPLIANCE)):
            with pytest.raises(AlreadyActing):
                town.vault.act(who, purpose)
    with pytest.raises(NobodyActs):
        town.vault.act("clerk", Purpose.CUSTOMER_CARE)


@pytest.mark.parametrize("who", ["anna", 7, b"\x01", uuid4()], ids=["text", "number", "bytes", "UUID"])
def test_one_account_has_one_pseudonym(town: Town, session: Session, people: list[Any], who: Any) -> None:
    """Whatever the backend names its accounts by."""
    for _ in range(2):
        with town.vault.acting(who, Purpose.CUSTOMER_CARE):
            assert people[0].name == "Ada"
            session.rollback()
    with town.vault.acting("someone else", Purpose.CUSTOMER_CARE):
        assert people[0].name == "Ada"
        session.rollback()
    actors = [one["actor"] for one in trail(town, session)]

    assert actors[0] == actors[1] != actors[2]


def test_a_person_opens_their_own_only(town: Town, session: Session, people: list[Any]) -> None:
    """Whatever rows the backend hands out."""
    ada, ben = people
    with town.vault.acting(ada.row.hex(), Purpose.RIGHTS_FULFILMENT, role=Role.SUBJECT, own=ada.row):
        assert (ada.name, ada.accounts[0].iban) == ("Ada", "DE-Ada")
        with pytest.raises(NotYours):
            _ = ben.name
        with pytest.raises(NotYours):
            _ = ben.accounts[0].iban
        session.rollback()
    with pytest.raises((NobodyActs, Denied)), town.vault.acting("ada", Purpose.RIGHTS_FULFILMENT, role=Role.SUBJECT):
        _ = ada.name


def test_a_backend_may_have_sentences_of_its_own(town: Town, session: Session, people: list[Any]) -> None:
    """Staff who see names of accounts, and of nothing else."""
    policy = (Sentence("staff-accounts", Role.STAFF, frozenset({Action.READ}), frozenset({"account"}), Reach.TENANT, "role.staff"),)
    settings = {name: getattr(town.vault.settings, name) for name in Settings.__dataclass_fields__} | {"policy": policy}
    narrow = Vault(town.Base, Settings(**settings))
    try:
        with narrow.acting("clerk", Purpose.CUSTOMER_CARE):
            assert people[0].accounts[0].iban == "DE-Ada"
            with pytest.raises(Denied):
                _ = people[0].name
            session.rollback()
    finally:
        narrow.close()


def test_whoever_may_not_open_learns_nothing_of_keys(town: Town, session: Session, people: list[Any]) -> None:
    """The refusal comes before any key is looked for."""
    session.expire_all()
    town.vault.close()
    with town.vault.acting("nobody", Purpose.CUSTOMER_CARE, role=Role.AUDITOR):
        with pytest.raises(Denied):
            _ = people[0].name
        assert town.vault.keys.lack(people[0].__dict__["name"])
        session.rollback()


def test_an_unknown_tenant_is_refused(town: Town) -> None:
    """Only what the settings name is served."""
    with pytest.raises(Misused):
        town.vault.acting("clerk", Purpose.CUSTOMER_CARE, tenant=2)


def test_threads_share_no_scope(town: Town, session: Session, people: list[Any]) -> None:
    """A thread of the backend has nobody who acts until it says so."""
    found: list[object] = []
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE):
        thread = threading.Thread(target=lambda: found.append(SCOPE.get()))
        thread.start()
        thread.join()

    assert found == [None]


def test_nothing_opens_after_the_end_of_a_scope(town: Town, session: Session, people: list[Any]) -> None:
    """Neither through what opened there before, nor in a context that was copied: no event could tell of it any more."""
    ada, ben = people
    described: Any = describe(inspect(town.Customer))
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE) as scope:
        assert ada.name == "Ada"
        copied = copy_context()
        reader, opening = scope.reader(described.bound["name"].field), scope.at_hand[town.Customer.name]
        held, sealed = ada.__dict__, ada.__dict__["name"]
        session.rollback()
    _ = ben.id, ada.id
    for late in (
        lambda: copied.run(lambda: ben.name),
        lambda: copied.run(lambda: ada.name),
        lambda: opening(ada, held | ada.__dict__, sealed),
        lambda: copied.run(lambda: town.vault.read(reader, ada.row, ada.row, sealed)),
        lambda: copied.run(lambda: session.scalars(sa.select(town.Customer.id).where(town.Customer.name.matches("Ada"))).all()),
        lambda: copied.run(lambda: town.vault.act("clerk", Purpose.CUSTOMER_CARE)),
    ):
        with pytest.raises(NobodyActs, match="has ended"):
            late()
    session.rollback()

    assert len(trail(town, session)) == 1


def test_a_scope_left_in_another_context_is_recorded_and_has_ended(town: Town, session: Session, people: list[Any]) -> None:
    """As by a generator whose steps run in different threads; where it is held still, nothing opens."""
    _ = people[0].id

    def steps() -> Iterator[str]:
        with town.vault.acting("clerk", Purpose.CUSTOMER_CARE):
            yield people[0].name
            session.rollback()

    here, there, made = copy_context(), copy_context(), steps()
    assert here.run(next, made) == "Ada"
    assert there.run(next, made, None) is None

    assert len(trail(town, session)) == 1
    with pytest.raises(NobodyActs, match="has ended"):
        here.run(lambda: people[0].name)
    session.rollback()


async def test_tasks_of_one_scope_do_different_things(town: Town) -> None:
    """What one of them exports is no export of the other."""
    with town.vault.acting("clerk", Purpose.CUSTOMER_CARE) as scope:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def exports() -> None:
            with current().doing(Action.EXPORT):
                begun.set()
                await ended.wait()

        async def reads() -> tuple[Action, Action]:
            await begun.wait()
            meanwhile = current().action
            with current().doing(Action.SEARCH):
                ended.set()
                await asyncio.sleep(0)
            return meanwhile, current().action

        _, seen = await asyncio.gather(exports(), reads())

        assert seen == (Action.READ, Action.READ)
        assert scope.action is Action.READ


async def test_a_cancellation_does_not_keep_events_from_being_stored(town: Town, session: Session, people: list[Any]) -> None:
    """However often it comes."""
    _ = people[0].id
    session.rollback()

    async def reads() -> None:
        async with town.vault.acting("clerk", Purpose.CUSTOMER_CARE):
            assert people[0].name == "Ada"
            session.rollback()
            await asyncio.sleep(60)

    task = asyncio.create_task(reads())
    while not task.done():
        await asyncio.sleep(0)
        task.cancel()

    assert task.cancelled()
    assert len(trail(town, session)) == 1


@pytest.mark.parametrize(("who", "purpose"), [(None, Purpose.CUSTOMER_CARE), ("", Purpose.CUSTOMER_CARE), ("anna", "marketing")])
def test_whoever_acts_is_somebody_for_a_purpose(town: Town, who: Any, purpose: Any) -> None:
    """Nothing else is taken for it, before anything is opened or written down."""
    with pytest.raises(Misused), town.vault.acting(who, purpose):
        pass
