"""Searches without opening: whatever is declared finds what it should, in every form of statement, and shows nothing of itself."""

from __future__ import annotations

import datetime as dt
import logging
import pickle  # noqa: TID251 - what is tested is that it shows nothing
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, aliased, joinedload

from confide.access.errors import Denied
from confide.access.policy import Sentence
from confide.adopt.errors import NobodyActs
from confide.adopt.refusals import NotSearchable
from confide.adopt.sqlalchemy.search import Hit
from confide.adopt.sqlalchemy.vault import Vault
from confide.sealed.blind import normalise
from confide.sealed.errors import NotSealed, SearchRefused
from confide.values.permit import Action, Reach
from confide.values.principal import Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.adopt.scope import Scope
    from tests.adopt.town import Town

NAMES = ("Ada Lovelace", "Adam Smith", "José Núñez", "Joseph Nunez", "Christopher Robin", "Christophe Colomb", "Adam Smyth", "Adam Smith")


@pytest.fixture
def people(town: Town, session: Session) -> list[Any]:
    """Customers, of whom two have the same name."""
    found = [
        town.Customer(
            name=name,
            email=f"{normalise(name).replace(' ', '.')}{at}@example.org",
            born=dt.date(1990 + at, 1 + at, 1 + at),
            seen=dt.datetime(2026, 1, 1, at, tzinfo=dt.UTC),
            branch="main" if at % 2 else "side",
            accounts=[town.Account(iban=f"DE{at}", memo=f"memo {at}")],
        )
        for at, name in enumerate(NAMES)
    ]
    session.add_all(found)
    session.commit()
    return found


def names(session: Session, town: Town, *conditions: Any) -> list[str]:
    """The names of the customers that fulfil conditions, sorted."""
    return sorted(one.name for one in session.scalars(sa.select(town.Customer).where(*conditions)))


def test_exact(town: Town, session: Session, people: list[Any], acting: Scope) -> None:
    """Whole values, each as its kind is compared."""
    assert names(session, town, town.Customer.name.matches("ADAM  SMITH")) == ["Adam Smith", "Adam Smith"]
    assert names(session, town, town.Customer.name.matches("jose nunez")) == ["José Núñez"]
    assert names(session, town, town.Customer.email.matches("ADA.lovelace0@example.org")) == ["Ada Lovelace"]
    assert names(session, town, town.Customer.email.matches("adalovelace0@example.org")) == []
    assert names(session, town, town.Customer.name.matches("…")) == []


def test_prefix(town: Town, session: Session, people: list[Any], acting: Scope) -> None:
    """Of any length from two letters, also those that share an entry with others."""
    for wanted in ("ad", "Adam", "adam s", "Adam Smi", "christoph", "Christophe", "Christophers", "JOSÉ", "zz"):
        expected = sorted(name for name in NAMES if normalise(name).startswith(normalise(wanted)))
        assert names(session, town, town.Customer.name.starts_with(wanted)) == expected, wanted
    with pytest.raises(SearchRefused):
        town.Customer.name.starts_with("a")


def test_phonetic(town: Town, session: Session, people: list[Any], acting: Scope) -> None:
    """What sounds alike."""
    assert names(session, town, town.Customer.name.sounds_like("Adam Smythe")) == ["Adam Smith", "Adam Smith", "Adam Smyth"]


def test_days_and_moments(town: Town, session: Session, people: list[Any], acting: Scope) -> None:
    """Both ends included; of moments only the days at the ends are opened."""
    found = names(session, town, town.Customer.born.between(dt.date(1991, 2, 2), dt.date(1993, 4, 4)))
    assert found == sorted(NAMES[1:4])
    low, high = (dt.datetime(2026, 1, 1, hour, tzinfo=dt.UTC) for hour in (2, 4))
    assert names(session, town, town.Customer.seen.between(low, high)) == sorted(NAMES[2:5])
    assert names(session, town, town.Customer.born.between(dt.date(1700, 1, 1), dt.date(1800, 1, 1))) == []


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(NAMES), st.integers(0, 18), st.sampled_from(["main", "side", ""]))
def test_searches_agree_with_looking_at_everyone(
    town: Town, session: Session, people: list[Any], acting: Scope, name: str, length: int, branch: str
) -> None:
    """Under other conditions too."""
    wanted = name[:length]
    if len(normalise(wanted)) < 2:
        return
    conditions = [town.Customer.branch == branch] if branch else []
    expected = sorted(
        one.name for one in people if normalise(one.name).startswith(normalise(wanted)) and (not branch or one.branch == branch)
    )

    assert names(session, town, town.Customer.name.starts_with(wanted), *conditions) == expected


def test_in_every_form_of_statement(town: Town, session: Session, people: list[Any], acting: Scope) -> None:
    """Joins, aliases, negation, alternatives, counts, limits, subqueries, columns, tables and the older Query."""
    customer, account = town.Customer, town.Account
    prefix = customer.name.starts_with("Adam Smit")  # takes a check of what was opened
    other = aliased(customer)
    assert len(session.scalars(sa.select(account).join(account.customer).where(prefix)).all()) == 2
    assert len(session.scalars(sa.select(other).where(other.name.starts_with("Adam Smit"))).all()) == 2
    assert len(session.scalars(sa.select(customer).where(~prefix)).all()) == len(NAMES) - 2
    assert len(session.scalars(sa.select(customer).where(sa.or_(prefix, customer.name.starts_with("christophe")))).all()) == 4
    assert session.scalar(sa.select(sa.func.count()).select_from(customer).where(prefix)) == 2
    assert len(session.scalars(sa.select(customer).where(prefix).order_by(customer.id).limit(1)).all()) == 1
    assert session.scalar(sa.select(sa.func.count()).select_from(sa.select(customer).where(prefix).subquery())) == 2
    inner = sa.select(customer.id).where(prefix)
    assert len(session.scalars(sa.select(account).where(account.customer_id.in_(inner))).all()) == 2
    assert session.execute(sa.select(customer.branch, sa.func.count()).where(prefix).group_by(customer.branch)).all() == [("main", 2)]
    assert session.query(customer).filter(customer.name.matches("Adam Smith")).count() == 2
    table = customer.__table__
    assert len(session.execute(sa.select(table.c.id).where(table.c.name.starts_with("Adam Smit"))).all()) == 2
    assert session.scalars(sa.select(customer).options(joinedload(customer.accounts)).where(prefix)).unique().all()
    assert session.scalar(sa.select(sa.exists().where(customer.email.matches("nobody@example.org")))) is False


def test_deletes_and_updates_by_search(town: Town, session: Session, people: list[Any], acting: Scope) -> None:
    """Their condition is a search like any other; what is deleted leaves the index."""
    account, tokens = town.Account, town.vault.tables.token
    session.execute(sa.update(town.Customer).where(town.Customer.name.starts_with("Adam Smit")).values(branch="moved"))
    assert session.scalar(sa.select(sa.func.count()).where(town.Customer.branch == "moved")) == 2
    session.execute(sa.delete(account))
    session.execute(sa.delete(town.Customer).where(town.Customer.name.starts_with("Adam")))
    assert names(session, town) == sorted(name for name in NAMES if not name.startswith("Adam"))
    for one in session.scalars(sa.select(town.Customer)):
        session.delete(one)
    session.flush()

    assert session.scalar(sa.select(sa.func.count()).select_from(tokens).where(tokens.c.row != b"")) == 0
    assert session.scalar(sa.select(sa.func.count()).select_from(town.vault.tables.unique)) == 0


def test_what_is_pending_is_found(town: Town, session: Session, acting: Scope) -> None:
    """A search flushes first, as every query does."""
    session.add(town.Customer(name="Grace Hopper"))

    assert names(session, town, town.Customer.name.matches("grace hopper")) == ["Grace Hopper"]
    with session.no_autoflush:
        session.add(town.Customer(name="Grace Kelly"))
        assert names(session, town, town.Customer.name.matches("grace kelly")) == []


def test_a_changed_value_is_found_under_its_new_form_only(town: Town, session: Session, people: list[Any], acting: Scope) -> None:
    """Prefixes and all."""
    people[0].name = "Augusta King"
    session.commit()

    assert names(session, town, town.Customer.name.starts_with("ada l")) == []
    assert names(session, town, town.Customer.name.starts_with("augus")) == ["Augusta King"]


def test_nobody_searches_without_acting(town: Town, session: Session, people: list[Any]) -> None:
    """A count alone would tell; signing in acts as such, for as long as it looks an address up."""
    searched = sa.select(town.Customer.id).where(town.Customer.email.matches("ada.lovelace0@example.org"))
    with pytest.raises(NobodyActs):
        session.scalars(searched).all()
    with town.vault.acting("sign-in", Purpose.SERVICE_PROVISION):
        assert session.scalars(searched).all() == [people[0].id]
        session.rollback()


WITHIN: dict[str, Callable[[Any], Any]] = {
    "whole": lambda customer: customer.email.matches("adam.smith1@example.org"),
    "short prefix": lambda customer: customer.name.starts_with("ad"),
    "checked prefix": lambda customer: customer.name.starts_with("Adam Smit"),
    "days": lambda customer: customer.born.between(dt.date(1990, 1, 1), dt.date(1999, 1, 1)),
    "sound": lambda customer: customer.name.sounds_like("Adam Smyth"),
}


@pytest.mark.parametrize("form", WITHIN)
def test_a_person_finds_nobody_else(town: Town, session: Session, people: list[Any], form: str) -> None:
    """A search for another counts nothing and raises nothing, so it is no oracle of what is stored about them."""
    customer, (stranger, own) = town.Customer, (people[7 if form != "whole" else 1], people[1 if form != "whole" else 7])
    condition, counted = WITHIN[form](customer), sa.select(sa.func.count()).select_from(customer)
    identities = [own.row, stranger.row, own.id, stranger.id]
    with town.vault.acting("mallory", Purpose.RIGHTS_FULFILMENT, role=Role.SUBJECT, own=identities[0]):
        assert session.scalar(counted.where(condition, customer.id == identities[3])) == 0
        assert session.scalar(counted.where(condition)) == (form != "whole")
        assert session.scalar(counted.where(~condition)) == len(NAMES) - (form != "whole")
        session.rollback()
    with town.vault.acting("clerk", Purpose.SERVICE_PROVISION):
        assert session.scalar(counted.where(condition, customer.id == identities[3])) == 1
        session.rollback()


def test_a_search_takes_the_right_to_search(town: Town, session: Session, people: list[Any]) -> None:
    """Whoever may create only, finds nothing out."""
    policy = (Sentence("staff-create", Role.STAFF, frozenset({Action.CREATE}), None, Reach.TENANT, "role.staff"),)
    narrow = Vault(town.Base, replace(town.vault.settings, policy=policy))
    try:
        with narrow.acting("clerk", Purpose.CUSTOMER_CARE), pytest.raises(Denied):
            session.scalars(sa.select(town.Customer.id).where(town.Customer.email.matches("ada.lovelace0@example.org"))).all()
    finally:
        session.rollback()
        narrow.close()


def test_a_search_leaves_one_event_for_each_table(town: Town, session: Session, people: list[Any]) -> None:
    """With the names of the columns, and nothing of what was searched for or found."""
    with town.vault.acting("clerk", Purpose.SERVICE_PROVISION):
        for _ in range(2):
            for condition in (town.Customer.email.matches("marker@example.org"), town.Customer.name.starts_with("marker")):
                session.scalars(sa.select(town.Customer.id).where(condition)).all()
            session.scalars(sa.select(town.Account.id).where(town.Account.iban.matches("DE1"))).all()
        session.rollback()
    outbox = town.vault.tables.outbox
    told = [msgspec.json.decode(body) for body in session.scalars(sa.select(outbox.c.body).order_by(outbox.c.sequence))]

    assert [(one["type"], one["action"], one["parameters"], one.get("patients")) for one in told] == [
        ("search", "search", ["account.iban"], None),
        ("search", "search", ["customer.email", "customer.name"], None),
    ]
    assert "marker" not in str(told)


def test_candidates_outside_of_the_other_conditions_are_not_opened(town: Town, session: Session, people: list[Any]) -> None:
    """Whoever searches their own branch opens nobody of another."""
    with town.vault.acting("clerk", Purpose.SERVICE_PROVISION) as scope:
        conditions = town.Customer.name.starts_with("christoph"), town.Customer.branch == "side"
        found = session.execute(sa.select(town.Customer.id, town.Customer.row).where(*conditions)).all()
        opened = [subject for subject, _ in scope.opened]
        session.rollback()

    assert [row for _, row in found] == opened
    assert len(opened) == 1


def test_equal_names_do_not_show_in_the_index(town: Town, session: Session, people: list[Any]) -> None:
    """No two rows share a token of a name, however common it is."""
    token = town.vault.tables.token
    counts = session.execute(sa.select(token.c.token, sa.func.count()).where(token.c.row != b"").group_by(token.c.token)).all()

    assert {count for _, count in counts} == {1}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda one: one == "Ada", lambda one: one != "Ada", lambda one: one.like("A%"), lambda one: one.in_(["Ada"]), lambda one: one < "B",
        lambda one: one.desc(), lambda one: one.asc(), lambda one: one + "x", lambda one: "x" + one, lambda one: one.ilike("a"),
    ],
    ids=["==", "!=", "like", "in", "<", "desc", "asc", "+", "reverse +", "ilike"],
)  # fmt: skip
def test_comparisons_that_ciphertext_cannot_answer_are_refused(town: Town, wrong: Any) -> None:
    """Where they are written, and not by finding nothing."""
    with pytest.raises(NotSearchable, match="matches"):
        wrong(town.Customer.name)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda customer: sa.select(customer).order_by(customer.name),
        lambda customer: sa.select(customer.id).order_by(customer.id, aliased(customer).name),
        lambda customer: sa.select(customer.branch, customer.name).group_by(customer.branch, customer.name),
        lambda customer: sa.select(customer).order_by(sa.func.length(customer.name)),
    ],
)
def test_an_order_that_means_nothing_is_refused(town: Town, session: Session, wrong: Any) -> None:
    """Ciphertext would be sorted by its random bytes, without a word."""
    with pytest.raises(NotSearchable, match="sorted or grouped by the sealed column name"):
        session.execute(wrong(town.Customer))
    session.rollback()


def test_an_undeclared_search_is_refused(town: Town, session: Session) -> None:
    """It would find nothing."""
    with pytest.raises(NotSearchable, match=r"Find\.PHONETIC"):
        town.Customer.email.sounds_like("x")
    with pytest.raises(NotSearchable, match=r"Find\.EXACT"):
        town.Customer.born.matches(dt.date(2000, 1, 1))
    with pytest.raises(SearchRefused):
        town.Account.memo.starts_with("")


def test_a_search_outside_of_a_session_is_refused(town: Town, engine: sa.Engine, people: list[Any]) -> None:
    """A connection alone cannot look tokens up."""
    with engine.connect() as connection, pytest.raises(NotSearchable, match="session"):
        connection.execute(sa.select(town.Customer.__table__).where(town.Customer.name.matches("Ada Lovelace")))


def test_a_search_shows_nothing_of_itself(
    town: Town, engine: sa.Engine, session: Session, people: list[Any], acting: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in the statement's text, nor in its parameters, nor in the log of the engine."""
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")
    statement = sa.select(town.Customer).where(
        town.Customer.name.starts_with("Adam Smit"), town.Customer.email.matches("marker@example.org")
    )
    session.execute(statement)
    shown = [str(statement), repr(statement), *(f"{one.search!r}" for one in sa.sql.visitors.iterate(statement) if isinstance(one, Hit))]

    assert caplog.records
    for text in (*shown, caplog.text):
        assert "adam" not in text.lower()
        assert "marker" not in text.lower()


def test_no_pickle_holds_what_was_searched_for(town: Town) -> None:
    """What a statement looks for is refused, so no pickle of the statement can have it; copies of the statement search for the same."""
    statement = sa.select(town.Customer.id).where(town.Customer.email.matches("ada@example.org"))
    sought = next(one.search.sought for one in sa.sql.visitors.iterate(statement) if isinstance(one, Hit))
    with pytest.raises(NotSealed, match="list"):
        pickle.dumps(sought)
    assert deepcopy(sought) is sought


def test_one_text_serves_every_search_of_its_form(
    town: Town, engine: sa.Engine, session: Session, people: list[Any], acting: Scope
) -> None:
    """Compiled once, whatever is searched for and however many tokens that takes."""
    texts: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *given: texts.append(given[2]))
    for wanted in ("Ada Lovelace", "Adam Smith", "Nobody"):
        session.scalars(sa.select(town.Customer.id).where(town.Customer.name.matches(wanted))).all()
    searched = [text for text in texts if "FROM customer" in text]

    assert len(searched) == 3
    assert len(set(searched)) == 1


def test_two_rows_cannot_have_one_unique_value(town: Town, session: Session, people: list[Any]) -> None:
    """Compared as it is searched; the refusal is the database's own and shows nothing."""
    session.add(town.Customer(name="Eve", email="ADA.LOVELACE0@example.org"))
    with pytest.raises(sa.exc.IntegrityError) as refused:
        session.commit()
    session.rollback()

    assert "example" not in str(refused.value)
    people[0].email = None
    session.flush()
    session.add(town.Customer(name="Eve", email="ADA.LOVELACE0@example.org"))
    session.commit()
