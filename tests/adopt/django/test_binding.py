"""Values are bound to their row, column, person, foreign key and tenant: whatever is moved in the database does not open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confide.adopt.django.export import export
from confide.crypto.errors import CryptoError, DoesNotOpen
from confide.keys.errors import KeyMissing
from confide.values.principal import Role
from confide.values.purpose import Purpose
from tests.adopt.django.shop.models import Account, Customer

if TYPE_CHECKING:
    from confide.adopt.django.vault import Vault
    from confide.adopt.scope import Scope

COLUMNS = {"shop_customer": ("name", "email"), "shop_account": ("iban", "memo")}


@pytest.fixture
def people(acting: Scope) -> list[Customer]:
    """Two customers with an account each."""
    for name in ("Ada", "Ben"):
        one = Customer.objects.create(name=name, email=f"{name}@example.org")
        Account.objects.create(customer=one, iban=f"DE-{name}", memo=f"rent {name}")
    return list(Customer.objects.order_by("pk"))


def stored(table: str, column: str, at: Any) -> Any:
    """A value as it is stored."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} WHERE id = %s", [at])  # noqa: S608 - the test's own names
        found = cursor.fetchone()[0]
    return bytes(found) if isinstance(found, memoryview) else found


def tamper(table: str, column: str, at: Any, value: Any) -> None:
    """Change a row as whoever has the database can; the CHECKs of the table stay in force."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [value, at])  # noqa: S608 - as above


def test_what_the_law_keeps_is_opened_for_nobody_who_took_the_row(vault: Vault, people: list[Customer]) -> None:
    """A person whose identifier was written into another's row neither reads nor exports what stands there."""
    ada, ben = people
    account, theirs = ada.accounts.get().pk, ben.accounts.get().pk
    mine = stored("shop_account", "owner", theirs)
    tamper("shop_account", "owner", account, mine)
    with vault.acting("ben", Purpose.RIGHTS_FULFILMENT, role=Role.SUBJECT, own=ben.row):
        with pytest.raises(DoesNotOpen):
            _ = Account.objects.get(pk=account).memo
        with pytest.raises(DoesNotOpen):
            export(ben.row)


def test_a_row_that_is_given_to_another_person_takes_what_the_law_keeps_along(people: list[Customer]) -> None:
    """It is sealed anew for them."""
    account = people[0].accounts.get()
    account.customer = people[1]
    account.save()

    assert Account.objects.get(pk=account.pk).memo == "rent Ada"


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_value_opens_at_home_only(people: list[Customer], data: st.DataObject) -> None:
    """Whatever other cell its envelope is put into, of another row, column, table or person."""
    cells = [(table, column, row) for table, columns in COLUMNS.items() for column in columns for row in (0, 1)]
    origin, target = data.draw(st.lists(st.sampled_from(cells), min_size=2, max_size=2, unique=True))
    ids = {"shop_customer": [one.pk for one in people], "shop_account": [one.accounts.get().pk for one in people]}
    (table, column, _), here = target, ids[target[0]][target[2]]
    before = stored(table, column, here)
    tamper(table, column, here, stored(origin[0], origin[1], ids[origin[0]][origin[2]]))
    model: Any = Customer if table == "shop_customer" else Account
    with pytest.raises((DoesNotOpen, KeyMissing)):
        getattr(model.objects.get(pk=here), column)
    tamper(table, column, here, before)

    assert getattr(model.objects.get(pk=here), column)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_is_noticed(people: list[Customer], data: st.DataObject) -> None:
    """Whatever it hits; the value is then put back."""
    before = stored("shop_customer", "name", people[0].pk)
    bit = data.draw(st.integers(8, len(before) * 8 - 1))  # the CHECK of the table keeps the first byte
    changed = bytearray(before)
    changed[bit // 8] ^= 1 << bit % 8
    tamper("shop_customer", "name", people[0].pk, bytes(changed))
    with pytest.raises((CryptoError, KeyMissing)):
        _ = Customer.objects.get(pk=people[0].pk).name
    tamper("shop_customer", "name", people[0].pk, before)

    assert Customer.objects.get(pk=people[0].pk).name == "Ada"


def test_a_row_that_was_pointed_at_somebody_else_does_not_open(people: list[Customer]) -> None:
    """By its subject or by its foreign key; what the law keeps is bound to the foreign key as well."""
    account, other = Account.objects.get(customer=people[0]), Account.objects.get(customer=people[1])
    owners = [stored("shop_account", "owner", one.pk) for one in (account, other)]
    tamper("shop_account", "owner", account.pk, owners[1])
    with pytest.raises(DoesNotOpen):
        _ = Account.objects.get(pk=account.pk).iban
    tamper("shop_account", "owner", account.pk, owners[0])
    tamper("shop_account", "customer_id", account.pk, people[1].pk)
    for column in ("iban", "memo"):
        with pytest.raises(DoesNotOpen):
            getattr(Account.objects.get(pk=account.pk), column)


@pytest.mark.parametrize("plain", [b"Ada Lovelace", b"A name that is long enough to be an envelope, but is none at all", b"\xe1 short"])
def test_the_database_itself_refuses_what_is_no_envelope(people: list[Customer], plain: bytes) -> None:
    """From a program that knows nothing of the vault."""
    with pytest.raises(DatabaseError), transaction.atomic():
        tamper("shop_customer", "name", people[0].pk, plain)
    with pytest.raises(DatabaseError), transaction.atomic():
        tamper("shop_customer", "name", people[0].pk, "Ada Lovelace whose name is long enough to pass for an envelope")
