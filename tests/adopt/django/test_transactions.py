"""A block that is rolled back leaves nothing behind: neither rows, nor tokens, nor a memory of them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, transaction

from confide.adopt.django.models import Token, Unique
from confide.adopt.errors import NobodyActs
from confide.values.purpose import Purpose
from tests.adopt.django.shop.models import Account, Customer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confide.adopt.django.vault import Vault
    from confide.adopt.scope import Scope


class Undone(Exception):
    pass


@contextmanager
def undone() -> Iterator[None]:
    """A block that is rolled back by an error."""
    with pytest.raises(Undone), transaction.atomic():  # noqa: PT012 - the block is the caller's
        yield
        raise Undone


def test_a_rolled_back_block_leaves_no_tokens(acting: Scope) -> None:
    """And the objects of the block may be stored again, and are found then."""
    ada = Customer(name="Ada Lovelace", email="ada@example.org")
    with undone():
        ada.save()
        assert Customer.objects.filter(email="ada@example.org").exists()
    assert (Token.objects.count(), Unique.objects.count(), Customer.objects.count()) == (0, 0, 0)
    ada.save()

    assert Customer.objects.get(name__startswith="ada").email == "ada@example.org"
    assert Unique.objects.count() == 1


def test_a_savepoint_that_is_rolled_back(acting: Scope) -> None:
    """The outer block goes on; what was changed inside is found as it was before."""
    with transaction.atomic():
        ada = Customer.objects.create(name="Ada Lovelace", email="ada@example.org")
        with undone():
            ada.name = "Ada King"
            ada.save()
            Customer.objects.create(name="Ben", email="ben@example.org")
        assert not Customer.objects.filter(name="ada king").exists()
        assert Customer.objects.filter(name="ada lovelace").exists()
        ada.save()  # what the object still holds
    assert [one.name for one in Customer.objects.filter(name="ada king")] == ["Ada King"]
    assert not Customer.objects.filter(name="ada lovelace").exists()
    assert Customer.objects.count() == 1


def test_a_row_that_cannot_be_stored_leaves_no_tokens(acting: Scope) -> None:
    """Without a block of the program's own, save() is one."""
    Customer.objects.create(name="Ada", email="ada@example.org")
    tokens = Token.objects.count()
    with pytest.raises(IntegrityError):
        Customer.objects.create(name="Eve", email="ada@example.org")
    with pytest.raises(IntegrityError):
        Customer.objects.create(name="Eve", row=Customer.objects.get().row)

    assert (Customer.objects.count(), Token.objects.count(), Unique.objects.count()) == (1, tokens, 1)


def test_many_rows_with_one_value_after_a_rollback(acting: Scope) -> None:
    """The index grows for a value that is common; what was given out in a rolled-back block is not missed."""
    with undone():
        Customer.objects.bulk_create([Customer(name="Common") for _ in range(40)])
    Customer.objects.bulk_create([Customer(name="Common") for _ in range(30)])
    for _ in range(5):
        Customer.objects.create(name="Common")

    assert Customer.objects.filter(name="common").count() == 35
    assert Customer.objects.filter(name__startswith="comm").count() == 35


def test_a_loaded_object_is_stored_anew_after_its_row_went(acting: Scope) -> None:
    """Its values are opened for that, and found afterwards."""
    ada = Customer.objects.create(name="Ada", email="ada@example.org")
    Account.objects.create(customer=ada, iban="DE-ADA")
    loaded = Account.objects.get()
    Account.objects.all().delete()
    loaded.save()

    assert [one.iban for one in Account.objects.filter(iban="de-ada")] == ["DE-ADA"]


def test_what_was_opened_to_be_sealed_anew_is_closed_again(vault: Vault) -> None:
    """Whether the row was stored, given to somebody else, or not: what is opened does not outlast the scope."""
    ada, ben = (Customer.objects.create(name=name) for name in ("Ada Marker", "Ben Marker"))
    Account.objects.create(customer=ada, iban="DE-ADA")
    with vault.acting("clerk", Purpose.SERVICE_PROVISION):
        moved, copy = Account.objects.get(), Customer.objects.get(pk=ada.pk)
        with pytest.raises(IntegrityError), transaction.atomic():
            copy.save(force_insert=True)
        moved.customer = ben
        with undone():
            moved.save()
        assert Account.objects.get().iban == moved.iban
        moved = Account.objects.get()
        moved.customer = ben
        moved.save()
        assert (moved.iban, Account.objects.get().iban, copy.name) == ("DE-ADA", "DE-ADA", "Ada Marker")
    for closed, name in ((moved, "iban"), (copy, "name")):
        with pytest.raises(NobodyActs):
            getattr(closed, name)
