"""Object permissions of django-guardian decide who opens what: the policy of the vault allows a role, the permission an object."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import connections
from guardian.shortcuts import assign_perm, get_objects_for_user, remove_perm

from confide.adopt.django.export import export
from confide.adopt.errors import AlreadyActing, NobodyActs, NotYours
from confide.adopt.scope import SCOPE, current
from confide.values.purpose import Purpose
from tests.adopt.django.shop.models import Account, Customer

if TYPE_CHECKING:
    from confide.adopt.django.vault import Vault


@pytest.fixture
def said() -> dict[str, Any]:
    """A project that asks for permissions."""
    return {"PERMISSION": "open"}


@pytest.fixture
def people(vault: Vault) -> list[Customer]:
    """Two customers."""
    return [Customer.objects.create(name=f"{name} Marker", email=f"{name}@example.org") for name in ("Ada", "Ben")]


@pytest.fixture
def user(vault: Vault) -> Any:
    """Somebody who is signed in and has no permission."""
    return get_user_model().objects.create_user("anna")


def test_without_a_permission_rows_are_listed_and_stay_closed(vault: Vault, people: list[Customer], user: Any) -> None:
    """Nothing is found either, and nothing was opened."""
    with vault.acting(user, Purpose.CUSTOMER_CARE):
        listed = list(Customer.objects.order_by("pk"))
        assert [one.pk for one in listed] == [one.pk for one in people]
        with pytest.raises(NotYours, match=r"shop\.open_customer"):
            _ = listed[0].name
        assert not Customer.objects.filter(name__startswith="ada").exists()
        assert not Customer.objects.filter(email="ada@example.org").exists()
        assert Customer.objects.exclude(email="ada@example.org").count() == 2
        assert not current().opened


def test_a_permission_opens_one_object(vault: Vault, people: list[Customer], user: Any) -> None:
    """As assign_perm gives it and remove_perm takes it; search finds that one alone."""
    assign_perm("shop.open_customer", user, people[0])
    with vault.acting(user, Purpose.CUSTOMER_CARE):
        assert Customer.objects.get(pk=people[0].pk).name == "Ada Marker"
        assert [one.pk for one in Customer.objects.filter(email__in=["ada@example.org", "ben@example.org"])] == [people[0].pk]
        assert [one.pk for one in Customer.objects.filter(name__startswith="ada mark")] == [people[0].pk]
        assert list(get_objects_for_user(user, "shop.open_customer").filter(name__startswith="ada")) == [people[0]]
        with pytest.raises(NotYours):
            _ = Customer.objects.get(pk=people[1].pk).name
        with pytest.raises(NotYours):
            export(people[1].row)
    remove_perm("shop.open_customer", user, people[0])
    with vault.acting(get_user_model().objects.get(pk=user.pk), Purpose.CUSTOMER_CARE), pytest.raises(NotYours):
        _ = Customer.objects.get(pk=people[0].pk).name


def test_a_group_and_a_permission_for_the_model(vault: Vault, people: list[Customer], user: Any) -> None:
    """A group may open one object, the permission of the model all of them."""
    group = Group.objects.create(name="care")
    user.groups.add(group)
    assign_perm("shop.open_customer", group, people[1])
    with vault.acting(user, Purpose.CUSTOMER_CARE):
        assert Customer.objects.get(pk=people[1].pk).name == "Ben Marker"
        with pytest.raises(NotYours):
            _ = Customer.objects.get(pk=people[0].pk).name
    user.user_permissions.add(Permission.objects.get(codename="open_customer"))
    with vault.acting(get_user_model().objects.get(pk=user.pk), Purpose.CUSTOMER_CARE):
        assert sorted(one.name for one in Customer.objects.filter(email__in=["ada@example.org", "ben@example.org"])) == [
            "Ada Marker",
            "Ben Marker",
        ]


def test_each_model_has_a_permission_of_its_own(vault: Vault, people: list[Customer], user: Any) -> None:
    """Whoever may open a customer may not yet open the accounts."""
    Account.objects.create(customer=people[0], iban="DE-ADA")
    assign_perm("shop.open_customer", user, people[0])
    with vault.acting(user, Purpose.CUSTOMER_CARE), pytest.raises(NotYours, match=r"shop\.open_account"):
        _ = Account.objects.get().iban


def test_a_job_acts_without_a_user(vault: Vault, people: list[Customer]) -> None:
    """What runs as code is bound by the policy alone; where candidates have to be opened, somebody has to act."""
    with vault.acting("nightly", Purpose.MAINTENANCE):
        assert Customer.objects.get(name__startswith="ada").name == "Ada Marker"
    Customer.objects.create(name="Benjamin Franklin")
    with pytest.raises(NobodyActs):
        list(Customer.objects.filter(name__startswith="Benjamin Frank"))


def test_a_visitor_finds_nothing(vault: Vault, people: list[Customer]) -> None:
    """In a request in which nobody acts a search is no oracle."""
    token = SCOPE.set(vault.new_scope())
    found = Customer.objects.filter(email="ada@example.org").count()
    SCOPE.reset(token)

    assert found == 0


def test_a_thread_without_a_scope_finds_nothing_out(vault: Vault, people: list[Customer], user: Any) -> None:
    """Whatever the request that started it may; a search says what is missing."""
    refused: list[type] = []

    def search() -> None:
        try:
            Customer.objects.filter(email="ada@example.org").exists()
        except NobodyActs as error:
            refused.append(type(error))
        finally:
            connections.close_all()

    with vault.acting(user, Purpose.CUSTOMER_CARE):
        thread = threading.Thread(target=search)
        thread.start()
        thread.join()

    assert refused == [NobodyActs]


def test_a_name_in_the_place_of_a_user_is_somebody_else(vault: Vault, people: list[Customer], user: Any) -> None:
    """Else the permissions of the user would be asked no more."""
    with vault.acting(user, Purpose.CUSTOMER_CARE) as scope:
        with pytest.raises(AlreadyActing):
            vault.act(f"auth.user:{user.pk}", Purpose.CUSTOMER_CARE)
        vault.act(user, Purpose.CUSTOMER_CARE)
        assert scope.user == user
        with pytest.raises(NotYours):
            _ = Customer.objects.get(pk=people[0].pk).name


def test_the_user_of_a_scope_stays(vault: Vault, people: list[Customer], user: Any) -> None:
    """Somebody else who is refused there leaves no rights behind."""
    other = get_user_model().objects.create_superuser("root")
    with vault.acting(user, Purpose.CUSTOMER_CARE):
        with pytest.raises(AlreadyActing):
            vault.act(other, Purpose.CUSTOMER_CARE)
        with pytest.raises(NotYours):
            _ = Customer.objects.get(pk=people[0].pk).name


def test_saving_opens_nothing_that_may_not_be_read(vault: Vault, people: list[Customer], user: Any) -> None:
    """Neither to give a row to somebody else, nor to store a copy of it; the object stays closed."""
    Account.objects.create(customer=people[0], iban="DE-ADA")
    with vault.acting(user, Purpose.CUSTOMER_CARE):
        account, copy = Account.objects.get(), Customer.objects.get(pk=people[0].pk)
        account.customer = people[1]
        copy.pk, copy._state.adding = None, True
        for closed, name in ((account, "iban"), (copy, "name")):
            with pytest.raises(NotYours):
                closed.save()
            with pytest.raises(NotYours):
                getattr(closed, name)
        assert not current().owes
    assert Account.objects.get().customer_id == people[0].pk
