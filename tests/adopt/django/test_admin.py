"""Forms and the admin: what is typed is validated and sealed, and a list shows what whoever looks may see."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.test import Client
from guardian.shortcuts import assign_perm

from confide.adopt.django.project import vault as vault_of_project
from confide.values.purpose import Purpose
from tests.adopt.django.shop.models import Call, Customer, Note

if TYPE_CHECKING:
    from confide.adopt.django.vault import Vault
    from confide.adopt.scope import Scope


class CustomerForm(forms.ModelForm):
    class Meta:
        model = Customer
        fields = ("name", "email", "born", "branch")


@pytest.fixture
def said() -> dict[str, Any]:
    """A project whose requests have a purpose, and whose users need a permission."""
    return {"PURPOSE": Purpose.CUSTOMER_CARE, "PERMISSION": "open"}


@pytest.fixture
def people(vault: Vault) -> list[Customer]:
    """Two customers."""
    return [Customer.objects.create(name=f"{name} Marker", email=f"{name}@example.org") for name in ("Ada", "Ben")]


def test_a_form_validates_and_saves(vault: Vault, acting: Scope) -> None:
    """With the fields, widgets and rules of the inner fields."""
    form = CustomerForm({"name": "Ada Lovelace", "email": "ada@example.org", "born": "1815-12-10", "branch": "north"})
    assert form.is_valid(), form.errors
    form.save()
    found = Customer.objects.get(email="ada@example.org")
    assert (found.name, found.born) == ("Ada Lovelace", dt.date(1815, 12, 10))
    assert isinstance(form.fields["email"], forms.EmailField)
    assert 'value="Ada Lovelace"' in CustomerForm(instance=found).as_p()
    changed = CustomerForm({"name": "Ada King", "email": "ada@example.org", "branch": "north"}, instance=found)
    assert changed.is_valid(), changed.errors
    changed.save()
    assert Customer.objects.get(name="ada king").born is None


def test_a_form_says_what_is_wrong(vault: Vault, acting: Scope) -> None:
    """Also that there is a customer with this address, however it is written."""
    Customer.objects.create(name="Ada", email="ada@example.org")
    form = CustomerForm({"name": "x" * 81, "email": "no address", "born": "someday", "branch": "north"})
    assert set(form.errors) == {"name", "email", "born"}
    twice = CustomerForm({"name": "Eve", "email": "ADA@example.org", "branch": "north"})
    assert twice.errors["email"] == ["Customer with this Email already exists."]


def test_validation_errors_hold_no_value(vault: Vault, acting: Scope) -> None:
    """Not even where the inner field would put it into its message."""
    for one in (Customer(name="Ada", born="Marker day"), Note(text="x", colour="Marker"), Note(text="x", number="Marker")):
        with pytest.raises(ValidationError) as refused:
            one.full_clean()
        assert "Marker" not in str(refused.value)
        assert "Marker" not in repr(refused.value)
    Customer(name="Ada", email="ada@example.org").full_clean()


@pytest.fixture
def anna(people: list[Customer]) -> Client:
    """Somebody on the staff who may view every customer and open the first."""
    user = get_user_model().objects.create_user("anna", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_customer", "change_customer", "add_customer"]))
    assign_perm("shop.open_customer", user, people[0])
    found = Client()
    found.force_login(user)
    return found


def test_the_list_shows_what_may_be_seen(anna: Client, people: list[Customer]) -> None:
    """What does not open is shown as sealed; the search box finds what may be opened."""
    page = anna.get("/admin/shop/customer/").content.decode()
    assert "Ada Marker" in page
    assert "Ben" not in page
    assert page.count("&lt;sealed&gt;") >= 2
    found = anna.get("/admin/shop/customer/?q=ada").content.decode()
    assert "Ada Marker" in found
    assert "1 customer" in found
    assert "0 customers" in anna.get("/admin/shop/customer/?q=ben").content.decode()
    assert "2 letters or more" in anna.get("/admin/shop/customer/?q=b").content.decode()
    assert anna.get("/admin/shop/customer/?o=2").status_code == 200


def test_the_page_of_an_object(anna: Client, people: list[Customer]) -> None:
    """Only of one that may be opened; it is changed there, and history and title show no value."""
    page = anna.get(f"/admin/shop/customer/{people[0].pk}/change/").content.decode()
    assert 'value="Ada Marker"' in page
    assert anna.get(f"/admin/shop/customer/{people[1].pk}/change/").status_code == 403
    sent = {"name": "Ada Malvina", "email": "Ada@example.org", "born": "1815-12-10", "seen": "", "branch": "north"}
    assert anna.post(f"/admin/shop/customer/{people[0].pk}/change/", sent).status_code == 302
    assert "Malvina" not in anna.get(f"/admin/shop/customer/{people[0].pk}/history/").content.decode()
    assert anna.post("/admin/shop/customer/add/", sent | {"email": "ben@example.org"}).status_code == 200
    assert anna.post("/admin/shop/customer/add/", sent | {"email": "eve@example.org"}).status_code == 302
    assert Customer.objects.count() == 3


def test_the_log_of_the_admin_holds_no_name(anna: Client, people: list[Customer]) -> None:
    """Also of an object without anything personal of its own, which prints somebody."""
    with vault_of_project().acting("clerk", Purpose.CUSTOMER_CARE):
        call = Call.objects.create(customer=people[0])
        shown = {str(call), f"{call}", f"{Call(customer=Customer(name='Ada Marker'))}"}
        LogEntry.objects.log_actions(get_user_model().objects.get(username="anna").pk, [call], CHANGE, single_object=True)

    assert shown == {"call of <sealed>"}
    assert LogEntry.objects.get().object_repr == "call of <sealed>"
