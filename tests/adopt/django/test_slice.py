"""One model, saved, loaded, opened and found."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from tests.adopt.django.shop.models import Customer

if TYPE_CHECKING:
    from confide.adopt.django.vault import Vault
    from confide.adopt.scope import Scope


def test_slice(vault: Vault, acting: Scope) -> None:
    """What was set comes back, and is found."""
    ada = Customer(name="Ada Lovelace", email="ada@example.org", born=dt.date(1815, 12, 10))
    ada.save()
    found = Customer.objects.get(email="ADA@example.org")
    assert found.name == "Ada Lovelace"
    assert found.born == dt.date(1815, 12, 10)
    assert list(Customer.objects.filter(name__startswith="ada")) == [ada]
    assert list(Customer.objects.exclude(name__startswith="ada")) == []
    assert Customer.objects.filter(born__gte=dt.date(1815, 1, 1), born__lt=dt.date(1815, 12, 11)).count() == 1
    assert acting.has_opened
