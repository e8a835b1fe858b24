"""Query sets of models with personal fields: each method works or is refused in one sentence."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, Subquery, Value
from django.db.models.functions import Lower, Upper

from confide.adopt.django.models import AuditOutbox, Token, Unique
from confide.adopt.refusals import NoSubject, NotSearchable, PlainValue, Unbound
from confide.sealed.errors import SearchRefused
from confide.values.principal import Role
from confide.values.purpose import Purpose
from tests.adopt.django.shop.models import Account, Customer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from confide.adopt.django.vault import Vault
    from confide.adopt.scope import Scope

BORN = dt.date(1990, 5, 17)


@pytest.fixture
def people(acting: Scope) -> list[Customer]:
    """Three customers, the first with an account; what was set is forgotten."""
    noon = dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC)
    made = []
    for at, name in enumerate(("Ada Lovelace", "Ben Franklin", "Catherine Smith")):
        later = dt.timedelta(days=at)
        made.append(Customer(name=name, email=f"{name[:3]}@example.org", born=BORN + later, seen=noon + later))
    Customer.objects.bulk_create(made)
    Account.objects.create(customer=Customer.objects.get(name="ada lovelace"), iban="DE-ADA", memo="rent")
    return list(Customer.objects.order_by("pk"))


def names(found: Any) -> list[str]:
    """The first names of a query set."""
    return sorted(one.name.split()[0] for one in found)


SEARCHES: dict[str, tuple[Q, list[str]]] = {
    "exact": (Q(name="Ada Lovelace"), ["Ada"]),
    "without case": (Q(name="ada lovelace"), ["Ada"]),
    "iexact": (Q(email__iexact="ADA@EXAMPLE.ORG"), ["Ada"]),
    "in": (Q(email__in=["Ada@example.org", "Ben@example.org"]), ["Ada", "Ben"]),
    "in nothing": (Q(email__in=[]), []),
    "prefix": (Q(name__startswith="be"), ["Ben"]),
    "long prefix": (Q(name__istartswith="Catherine Sm"), ["Catherine"]),
    "long prefix of nobody": (Q(name__istartswith="Catherine Sx"), []),
    "sound": (Q(name__sounds_like="Katherine Smyth"), ["Catherine"]),
    "range": (Q(born__range=(BORN, BORN + dt.timedelta(days=1))), ["Ada", "Ben"]),
    "from": (Q(born__gte=BORN + dt.timedelta(days=1)), ["Ben", "Catherine"]),
    "after": (Q(born__gt=BORN + dt.timedelta(days=1)), ["Catherine"]),
    "until": (Q(born__lte=BORN), ["Ada"]),
    "before": (Q(born__lt=BORN + dt.timedelta(days=1)), ["Ada"]),
    "text as day": (Q(born__lt="1990-05-18"), ["Ada"]),
    "moments": (Q(seen__gt=dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC), seen__lte=dt.datetime(2020, 1, 2, 12, tzinfo=dt.UTC)), ["Ben"]),
    "moments from": (Q(seen__gte=dt.datetime(2020, 1, 2, 12, 0, 1, tzinfo=dt.UTC)), ["Catherine"]),
    "not": (~Q(name__startswith="be"), ["Ada", "Catherine"]),
    "or": (Q(name__startswith="be") | Q(email="ada@example.org"), ["Ada", "Ben"]),
    "and": (Q(name__startswith="be") & Q(email="ada@example.org"), []),
    "empty": (Q(email=None), []),
    "not empty": (Q(email__isnull=False), ["Ada", "Ben", "Catherine"]),
    "over a key": (Q(accounts__iban="de-ada"), ["Ada"]),
    "not over a key": (~Q(accounts__iban="de-ada"), ["Ben", "Catherine"]),
}


@pytest.mark.parametrize("asked", SEARCHES)
def test_a_search_finds_what_is_meant(people: list[Customer], asked: str) -> None:
    """And nothing else, by filter and by exclude, in all, counted and sliced."""
    condition, expected = SEARCHES[asked]
    found = Customer.objects.filter(condition)

    assert names(found) == expected
    assert found.count() == len(expected)
    assert found.exists() == bool(expected)
    assert len(found.order_by("pk")[:1]) == min(1, len(expected))
    assert names(Customer.objects.exclude(condition)) == sorted({"Ada", "Ben", "Catherine"} - set(expected))


OWN = [one for one in SEARCHES if SEARCHES[one][1] and not one.startswith(("not", "over"))]


@pytest.mark.parametrize("asked", OWN)
def test_a_person_finds_nobody_else(people: list[Customer], vault: Vault, asked: str) -> None:
    """A search for another counts nothing and raises nothing, so it is no oracle of what is stored about them."""
    condition, expected = SEARCHES[asked]
    ada, found = people[0], Customer.objects.filter(condition)
    with vault.acting("mallory", Purpose.RIGHTS_FULFILMENT, role=Role.SUBJECT, own=ada.row):
        assert found.count() == ("Ada" in expected)
        assert not found.filter(pk__in=[people[1].pk, people[2].pk]).exists()


def test_a_search_leaves_one_event_for_each_table(people: list[Customer], vault: Vault) -> None:
    """With the names of the fields, and nothing of what was searched for or found."""
    before = AuditOutbox.objects.count()
    with vault.acting("clerk", Purpose.SERVICE_PROVISION):
        for _ in range(2):
            assert not Customer.objects.filter(Q(email="marker@example.org") | Q(name__startswith="marker")).exists()
    told = [msgspec.json.decode(bytes(one.body)) for one in AuditOutbox.objects.order_by("sequence")[before:]]

    searched = "shop_customer.email", "shop_customer.name"
    assert [(one["type"], one["action"], tuple(one["parameters"]), one.get("patients")) for one in told] == [
        ("search", "search", searched, None)
    ]


def test_a_search_from_the_other_side(people: list[Customer]) -> None:
    """Over a foreign key, in subqueries, in conditions and with objects in place of values."""
    accounts = Account.objects.filter(customer__name__startswith="ad", memo__startswith="re")
    assert [one.iban for one in accounts] == ["DE-ADA"]
    assert names(Customer.objects.filter(Exists(Account.objects.filter(customer=OuterRef("pk"), iban="de-ada")))) == ["Ada"]
    assert names(Customer.objects.filter(pk__in=Account.objects.filter(iban="de-ada").values("customer"))) == ["Ada"]
    assert Customer.objects.annotate(n=Count("accounts")).filter(name__startswith="ad").get().n == 1
    assert Customer.objects.aggregate(n=Count("pk", filter=Q(name__startswith="ad"))) == {"n": 1}


def test_getting_or_creating(people: list[Customer]) -> None:
    """By a personal field."""
    found, created = Customer.objects.get_or_create(email="ADA@example.org", defaults={"name": "Nobody"})
    assert (found.name, created) == ("Ada Lovelace", False)
    made, created = Customer.objects.get_or_create(email="dora@example.org", defaults={"name": "Dora"})
    assert (made.name, created) == ("Dora", True)
    changed, created = Customer.objects.update_or_create(email="dora@example.org", defaults={"name": "Dora Baker"})
    assert (changed.pk, created) == (made.pk, False)
    assert names(Customer.objects.filter(name="dora baker")) == ["Dora"]
    assert not Customer.objects.filter(name="dora").exists()


REFUSED: dict[str, Callable[[], Any]] = {
    "contains": lambda: Customer.objects.filter(name__icontains="ada"),
    "ends with": lambda: Customer.objects.filter(name__endswith="ace"),
    "pattern": lambda: Customer.objects.filter(name__regex="^A"),
    "comparison of a text": lambda: Customer.objects.filter(name__gt="A"),
    "an undeclared way": lambda: Customer.objects.filter(email__startswith="ada"),
    "year": lambda: Customer.objects.filter(born__year=1990),
    "another column": lambda: Customer.objects.filter(name=F("branch")),
    "a column of another": lambda: list(Customer.objects.filter(branch=F("name"))),
    "a query": lambda: Customer.objects.filter(name__in=Customer.objects.values("branch")),
    "order": lambda: list(Customer.objects.order_by("name")),
    "order backwards": lambda: list(Customer.objects.order_by("-born")),
    "order by a function": lambda: list(Customer.objects.order_by(Lower("name"))),
    "order over a key": lambda: list(Account.objects.order_by("customer__name")),
    "values": lambda: list(Customer.objects.values("name")),
    "all values": lambda: list(Customer.objects.values()),
    "a list of values": lambda: list(Customer.objects.values_list("name", flat=True)),
    "values over a key": lambda: list(Account.objects.values_list("customer__name")),
    "values and a count": lambda: list(Customer.objects.values("name").annotate(n=Count("pk"))),
    "the greatest": lambda: Customer.objects.aggregate(Max("born")),
    "the greatest over a key": lambda: list(Customer.objects.annotate(m=Max("accounts__iban"))),
    "a count of distinct values": lambda: Customer.objects.aggregate(Count("name", distinct=True)),
    "the latest": lambda: Customer.objects.latest("born"),
    "an annotation": lambda: list(Customer.objects.annotate(copy=F("name"))),
    "a function": lambda: list(Customer.objects.annotate(copy=Upper("name"))),
    "a subquery": lambda: list(Customer.objects.annotate(c=Subquery(Account.objects.filter(customer=OuterRef("pk")).values("iban")))),
    "distinct values": lambda: list(Customer.objects.values_list("name").distinct()),
    "into another column": lambda: Customer.objects.update(branch=F("name")),
}


@pytest.mark.parametrize("asked", REFUSED)
def test_what_ciphertext_cannot_answer_is_refused(people: list[Customer], asked: str) -> None:
    """In a sentence that names the field and says what to do; nothing of it reaches the database."""
    with pytest.raises(NotSearchable, match=r"sealed field (Customer|Account)\.(name|email|born|iban)"):
        REFUSED[asked]()


WRITES: dict[str, tuple[type[Exception], Callable[[], Any]]] = {
    "update": (PlainValue, lambda: Customer.objects.update(name="Marker")),
    "emptying": (PlainValue, lambda: Customer.objects.filter(branch="main").update(email=None)),
    "an expression": (PlainValue, lambda: Customer.objects.update(name=Value("Marker"))),
    "a bulk update": (PlainValue, lambda: Customer.objects.bulk_update([Customer(pk=1, name="Marker")], ["name"])),
    "the owner": (Unbound, lambda: Account.objects.update(customer=None)),
    "the owner by a manager": (Unbound, lambda: Customer.objects.order_by("pk")[0].accounts.update(owner=None)),
    "conflicts": (PlainValue, lambda: Customer.objects.bulk_create([Customer(name="Marker")], ignore_conflicts=True)),
    "past the vault": (PlainValue, lambda: Customer._base_manager.bulk_create([Customer(name="Marker")])),
    "past the manager": (PlainValue, lambda: Customer._base_manager.update(name="Marker")),
    "nobody's": (NoSubject, lambda: Account.objects.bulk_create([Account(iban="Marker")])),
}


@pytest.mark.parametrize("asked", WRITES)
def test_what_cannot_be_sealed_is_not_stored(people: list[Customer], asked: str) -> None:
    """The sentence does not hold the value, and nothing was changed."""
    kind, write = WRITES[asked]
    with pytest.raises(kind) as refused, transaction.atomic():
        write()

    assert "Marker" not in str(refused.value)
    assert names(Customer.objects.all()) == ["Ada", "Ben", "Catherine"]
    assert Account.objects.get().iban == "DE-ADA"


def test_plain_fields_are_updated_as_ever(people: list[Customer]) -> None:
    """By update() and bulk_update(), also of what a search finds."""
    assert Customer.objects.filter(name__startswith="ad").update(branch="north") == 1
    people[1].branch = "south"
    Customer.objects.bulk_update(people[1:2], ["branch"])

    assert [one.branch for one in Customer.objects.order_by("pk")] == ["north", "south", "main"]


def test_distinct_and_grouped_objects_are_whole(people: list[Customer]) -> None:
    """Objects that are counted with, or made distinct, open as ever."""
    found = Customer.objects.annotate(n=Count("accounts")).order_by("-n", "pk")
    assert [(one.name, one.n) for one in found] == [("Ada Lovelace", 1), ("Ben Franklin", 0), ("Catherine Smith", 0)]
    assert names(Customer.objects.distinct()) == ["Ada", "Ben", "Catherine"]
    assert Customer.objects.values_list("branch", flat=True).distinct().get() == "main"


def test_deleted_rows_leave_the_index(people: list[Customer]) -> None:
    """By object, by query set, and by a cascade."""
    people[0].delete()
    assert not Account.objects.exists()
    Customer.objects.filter(name__startswith="be").delete()
    rows = {bytes(row) for row in Token.objects.values_list("row", flat=True) if row} | {
        bytes(row) for row in Unique.objects.values_list("row", flat=True)
    }

    assert rows == {people[2].row.bytes}


def test_emptied_and_changed_values_leave_the_index(people: list[Customer]) -> None:
    """With save(), also of some fields only."""
    ada = people[0]
    ada.email, ada.name = None, "Ada King"
    ada.save(update_fields=["email", "name"])

    assert not Customer.objects.filter(email="ada@example.org").exists()
    assert not Customer.objects.filter(name__startswith="ada lov").exists()
    assert Customer.objects.get(name="ada king").email is None
    assert names(Customer.objects.filter(email=None)) == ["Ada"]


def test_no_two_rows_have_a_value_that_is_unique(people: list[Customer]) -> None:
    """However it is written; the database decides."""
    with pytest.raises(IntegrityError), transaction.atomic():
        Customer.objects.create(name="Eve", email="ADA@example.org")
    people[1].email = "ada@example.org"
    with pytest.raises(IntegrityError), transaction.atomic():
        people[1].save()
    with pytest.raises(IntegrityError), transaction.atomic():
        Customer.objects.bulk_create([Customer(name="Eve", email="x@example.org"), Customer(name="Eva", email="X@example.org")])

    assert Customer.objects.count() == 3
    assert Customer.objects.filter(email="ben@example.org").count() == 1


def test_a_short_beginning_is_refused(people: list[Customer]) -> None:
    """It would find nearly everyone."""
    with pytest.raises(SearchRefused):
        Customer.objects.filter(name__startswith="a")


def test_a_list_of_people_takes_one_look_for_its_keys(people: list[Customer], monkeypatch: pytest.MonkeyPatch, vault: Any) -> None:
    """The keys of what was loaded together are fetched together."""
    vault.keys.forget_all()
    looked, load = [], vault.keys.load

    def looking(envelopes: Any) -> None:
        looked.append(1)
        load(envelopes)

    monkeypatch.setattr(vault.keys, "load", looking)

    assert names(Customer.objects.all()) == ["Ada", "Ben", "Catherine"]
    assert len(looked) == 1


def test_fixtures_are_refused(people: list[Customer], tmp_path: Path) -> None:
    """A fixture would hold values in the clear: loading one stores nothing."""
    with transaction.atomic():
        call_command("dumpdata", "shop.customer", output=str(tmp_path / "all.json"), verbosity=0)
    Customer.objects.all().delete()
    with pytest.raises(PlainValue):
        call_command("loaddata", str(tmp_path / "all.json"), verbosity=0)
    assert Customer.objects.count() == 0
    assert not connection.in_atomic_block


async def test_the_asynchronous_interface(people: list[Customer], in_threads: None) -> None:
    """Each method with an `a` before it."""
    made = await Customer.objects.acreate(name="Dora", email="dora@example.org")
    found = await Customer.objects.aget(email="DORA@example.org")
    assert (found.pk, found.name) == (made.pk, "Dora")
    assert sorted([one.name async for one in Customer.objects.filter(name__startswith="do")]) == ["Dora"]
    found.name = "Dorothea"
    await found.asave()
    assert await Customer.objects.filter(name="dorothea").acount() == 1
    await found.adelete()
    assert await Customer.objects.acount() == 3
