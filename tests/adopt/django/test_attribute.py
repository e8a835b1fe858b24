"""What a personal attribute holds: sealed from the database, opened when it is read, and shown by nothing that prints."""

from __future__ import annotations

import datetime as dt
import logging
import pickle  # noqa: TID251 - what Django does for a cache
from copy import deepcopy
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Case, FilteredRelation, Prefetch, Q, Value, When
from django.utils.timezone import now

from confide.adopt.errors import NobodyActs
from confide.adopt.refusals import Unbound
from confide.crypto.errors import DoesNotOpen
from confide.sealed.cell import Envelope
from confide.sealed.errors import NotSealed, TooLong, WrongKind
from confide.values.purpose import Purpose
from tests.adopt.django.shop.models import Account, Booking, Customer, Note, Regular, Visitor

if TYPE_CHECKING:
    from confide.adopt.django.vault import Vault
    from confide.adopt.scope import Scope


@pytest.fixture
def ada(vault: Vault) -> Customer:
    """A customer with an account; nobody acts when they are stored."""
    found = Customer(name="Ada Lovelace", email="ada@example.org", born=dt.date(1815, 12, 10))
    found.save()
    Account.objects.create(customer=found, iban="DE-ADA", memo="rent of Ada")
    return found


def test_nothing_opens_before_it_is_read(vault: Vault, ada: Customer) -> None:
    """A query set loads envelopes; reading one outside of a scope is refused, and in a scope it is an event."""
    loaded = next(iter(Customer.objects.all()))
    assert isinstance(loaded.__dict__["name"], Envelope)
    with pytest.raises(NobodyActs):
        _ = loaded.name
    with vault.acting("clerk", Purpose.SERVICE_PROVISION) as scope:
        assert not scope.opened
        assert loaded.name == "Ada Lovelace"
        assert {(subject, tuple(of.name for of in columns)) for (subject, _), columns in scope.opened.items()} == {
            (ada.row.bytes, ("shop_customer.name",))
        }
    assert isinstance(loaded.__dict__["name"], Envelope)


def test_events_are_stored_when_the_scope_ends(vault: Vault, ada: Customer) -> None:
    """One for each person and action."""
    with vault.acting("clerk", Purpose.SERVICE_PROVISION):
        assert Customer.objects.get().name == "Ada Lovelace"
        assert Account.objects.get().iban == "DE-ADA"
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM audit_outbox")
        events = [bytes(row[0]) for row in cursor.fetchall()]

    assert len(events) == 1
    assert b"shop_account.iban" in events[0]
    assert b"Ada" not in events[0]


VALUES: dict[str, Any] = {
    "text": "Grüße", "number": -(2**40), "amount": Decimal("12.50"), "ratio": 0.5, "truth": True, "hour": dt.time(12, 30),
    "moment": dt.datetime(2020, 2, 29, 12, tzinfo=dt.UTC), "span": dt.timedelta(days=2, seconds=3), "raw": b"\x00\xff",
    "uuid": UUID(int=5), "colour": "r", "json": {"a": [1, None]},
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_every_kind_comes_back(vault: Vault, acting: Scope, name: str) -> None:
    """In the type that the inner field declares; what was not set is empty."""
    Note.objects.create(**{name: VALUES[name]})
    found = Note.objects.get()

    assert getattr(found, name) == VALUES[name]
    assert type(getattr(found, name)) is type(VALUES[name])
    assert all(getattr(found, other) is None for other in VALUES if other not in {name, "text"})
    assert found.text == ("Grüße" if name == "text" else "empty")


def test_a_date_may_be_given_as_text(vault: Vault, acting: Scope) -> None:
    """As everywhere in Django; anything else is refused in a sentence without it."""
    Customer.objects.create(name="Ada", born="1815-12-10")
    assert Customer.objects.get().born == dt.date(1815, 12, 10)
    with pytest.raises(WrongKind) as refused:
        Customer.objects.create(name="Ben", born="Marker day")
    assert "Marker" not in str(refused.value)
    with pytest.raises(TooLong):
        Customer.objects.create(name="x" * 81)


def test_deferred_fields_load_when_they_are_read(vault: Vault, ada: Customer, acting: Scope) -> None:
    """With only() and defer(), what a value is bound to included."""
    assert Customer.objects.only("branch").get().name == "Ada Lovelace"
    assert Customer.objects.only("name").get().name == "Ada Lovelace"
    assert Customer.objects.defer("row").get().name == "Ada Lovelace"
    assert Account.objects.only("iban").get().iban == "DE-ADA"
    assert Account.objects.defer("customer", "owner").get().memo == "rent of Ada"


def test_refreshing_opens_nothing(vault: Vault, ada: Customer) -> None:
    """Nobody acts, and stored values are copied all the same; in a scope they open."""
    Customer.objects.get().save()
    ada.name = "forgotten"
    ada.refresh_from_db()
    with vault.acting("clerk", Purpose.SERVICE_PROVISION) as scope:
        assert not scope.opened
        assert ada.name == "Ada Lovelace"


def test_related_objects_open(vault: Vault, ada: Customer, acting: Scope) -> None:
    """By select_related, prefetch_related, iterator() and raw SQL."""
    assert Account.objects.select_related("customer").get().customer.name == "Ada Lovelace"
    assert [one.iban for one in Customer.objects.prefetch_related("accounts").get().accounts.all()] == ["DE-ADA"]
    assert [one.name for one in Customer.objects.iterator()] == ["Ada Lovelace"]
    assert [one.name for one in Customer.objects.raw("SELECT * FROM shop_customer")] == ["Ada Lovelace"]
    assert [one.name for one in Customer.objects.all() | Customer.objects.none()] == ["Ada Lovelace"]
    assert [one.name for one in Customer.objects.order_by().union(Customer.objects.order_by(), all=True)] == ["Ada Lovelace"] * 2


def test_a_child_table_and_a_proxy(vault: Vault, acting: Scope) -> None:
    """Values belong to the table that has their column."""
    Regular.objects.create(name="Regina", card="7")
    assert Regular.objects.get().name == "Regina"
    assert Customer.objects.get(name="regina").name == "Regina"
    assert Visitor.objects.get(name="regina").name == "Regina"
    regular = Regular.objects.get(name="Regina")
    regular.name = "Regine"
    regular.save()
    assert [one.card for one in Regular.objects.filter(name="regine")] == ["7"]
    Visitor.objects.bulk_create([Visitor(name="Vera")])
    Visitor.objects.get(name="vera").delete()
    regular.delete()
    assert not Customer.objects.filter(name__startswith="re").exists()


def test_a_row_keeps_its_identifier(vault: Vault, ada: Customer, acting: Scope) -> None:
    """In memory it is refused; a copy under another identifier takes the values along only if they were read."""
    with pytest.raises(Unbound):
        ada.row = UUID(int=1)
    loaded = Customer.objects.get()
    loaded.pk, loaded._state.adding, loaded.row = None, True, UUID(int=1)
    with pytest.raises(DoesNotOpen):
        loaded.save()
    assert Customer.objects.count() == 1


def test_a_row_that_changes_hands_is_sealed_anew(vault: Vault, ada: Customer, acting: Scope) -> None:
    """Everything in it opens for the new owner; with some of its fields only it is refused."""
    ben = Customer.objects.create(name="Ben")
    account = Account.objects.get()
    account.customer = ben
    with pytest.raises(Unbound):
        account.save(update_fields=["customer"])
    with pytest.raises(Unbound):
        account.save(update_fields=["iban"])
    account.save()
    found = Account.objects.get()

    assert (found.owner, found.iban, found.memo) == (ben.row, "DE-ADA", "rent of Ada")
    assert Account.objects.filter(iban="DE-ADA", customer=ben).exists()


def test_a_person_is_found_over_two_keys(vault: Vault, ada: Customer, acting: Scope) -> None:
    """The booking of an account of a customer is the customer's."""
    Booking.objects.create(account=Account.objects.get(), text="coffee")
    Booking.objects.bulk_create([Booking(account=Account.objects.get(), text="tea")])

    assert {(one.owner, one.text) for one in Booking.objects.all()} == {(ada.row, "coffee"), (ada.row, "tea")}


def test_what_was_not_touched_is_not_written(vault: Vault, ada: Customer, acting: Scope) -> None:
    """Two programs change different fields of one object: neither undoes the other's, nor its place in the index."""
    mine, theirs = Customer.objects.get(), Customer.objects.get()
    theirs.name = "Ada King"
    theirs.save()
    mine.branch = "north"
    mine.save()
    found = Customer.objects.get(name="ada king")

    assert (found.name, found.branch) == ("Ada King", "north")


def test_nothing_prints_a_value(vault: Vault, ada: Customer, acting: Scope, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a stored object, nor a new one, a pickle, a query or the log of the database."""
    connection.force_debug_cursor = True
    with caplog.at_level(logging.DEBUG, logger="django.db.backends"):
        ben = Customer.objects.create(name="Ben Marker", email="marker@example.org", seen=now())
        ben.save()
        query = Customer.objects.filter(name__startswith="Ben Marker", email="marker@example.org")
        assert [one.name for one in query] == ["Ben Marker"]
    queries = [str(one) for one in connection.queries]
    connection.force_debug_cursor = False
    shown = [
        repr(ben),
        str(ben),
        f"{ben}",
        repr(ben.__dict__),
        repr(query.query.where),
        str(query.query),
        repr(Customer(name="Ben Marker")),
    ]

    assert str(ada) == "<sealed> <<sealed>>"
    assert not [text for text in (*shown, caplog.text, *queries) if "arker" in text]
    assert len(caplog.text) > 500
    with pytest.raises(NotSealed):
        pickle.dumps(Customer(name="Ben Marker"))
    copied = pickle.loads(pickle.dumps(Customer.objects.get(pk=ada.pk)))  # noqa: S301 - our own
    assert copied.name == "Ada Lovelace"
    listed = pickle.loads(pickle.dumps(Customer.objects.filter(pk=ada.pk)))  # noqa: S301 - our own
    assert [one.name for one in listed] == ["Ada Lovelace"]
    assert listed.filter(name="ada lovelace").exists()


def test_no_pickle_holds_what_was_searched_for(vault: Vault, ada: Customer) -> None:
    """A query that searches is refused, in each way that it can; what it found is not."""
    wanted = {"email": "ada@example.org"}
    case = Case(When(email="ada@example.org", then=Value(1)), default=Value(0))
    related = FilteredRelation("customer", condition=Q(customer__email="ada@example.org"))
    for query in (
        Customer.objects.filter(**wanted),
        Customer.objects.exclude(**wanted),
        Customer.objects.filter(pk__in=Customer.objects.filter(**wanted)),
        Account.objects.filter(customer__email="ada@example.org"),
        Customer.objects.filter(born__range=(dt.date(1900, 1, 2), dt.date(1900, 1, 1))),
        Customer.objects.annotate(is_meant=case),
        Account.objects.annotate(meant=related).filter(meant__branch="main"),
        Account.objects.prefetch_related(Prefetch("customer", Customer.objects.filter(**wanted))),
    ):
        with vault.acting("clerk", Purpose.CUSTOMER_CARE), pytest.raises(NotSealed, match="list"):
            pickle.dumps(query)
        with vault.acting("clerk", Purpose.CUSTOMER_CARE):
            assert len(deepcopy(query)) == len(query)
    with vault.acting("clerk", Purpose.CUSTOMER_CARE):
        assert pickle.loads(pickle.dumps(list(Customer.objects.filter(**wanted)))) == [ada]  # noqa: S301 - our own
