"""Export and erasure: everything of one person, and nothing of anyone else."""

from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from confide.access.errors import Denied
from confide.adopt.django.export import export
from confide.adopt.django.models import AuditOutbox, Token, Unique
from confide.adopt.errors import NobodyActs, NotYours, StillReferenced
from confide.keys.errors import KeyMissing
from confide.rights.errors import UnknownSubject
from confide.values.principal import Role
from confide.values.purpose import Purpose
from tests.adopt.django.shop.models import Account, Booking, Customer

if TYPE_CHECKING:
    from pathlib import Path

    from confide.adopt.django.vault import Vault


@pytest.fixture
def people(vault: Vault) -> list[Customer]:
    """Two customers with everything that there is."""
    found = []
    for name in ("Ada", "Ben"):
        one = Customer.objects.create(name=f"{name} Lovelace", email=f"{name}@example.org")
        account = Account.objects.create(customer=one, iban=f"DE-{name}", memo=f"rent of {name}")
        Booking.objects.create(account=account, text=f"coffee of {name}")
        found.append(one)
    return found


def events() -> list[dict[str, Any]]:
    """The audit trail."""
    return [msgspec.json.decode(bytes(one.body)) for one in AuditOutbox.objects.order_by("sequence")]


def test_an_export_holds_everything_of_a_person(vault: Vault, people: list[Customer]) -> None:
    """Of every model, what the law keeps included; told in the trail as an export."""
    ada = people[0]
    with vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        found = export(ada.row)
    account = Account.objects.get(customer=ada)

    assert found == {
        "shop_customer": [{"id": ada.pk, "name": "Ada Lovelace", "email": "Ada@example.org", "born": None, "seen": None}],
        "shop_account": [{"id": account.pk, "iban": "DE-Ada", "memo": "rent of Ada"}],
        "shop_booking": [{"id": account.booking_set.get().pk, "text": "coffee of Ada"}],
    }
    assert [(one["action"], len(one["patients"])) for one in events()] == [("export", 1)]


def test_a_person_exports_their_own(vault: Vault, people: list[Customer]) -> None:
    """And nobody else's."""
    ada, ben = people
    with vault.acting("ada", Purpose.RIGHTS_FULFILMENT, role=Role.SUBJECT, own=ada.row):
        assert export(ada.row)["shop_customer"][0]["name"] == "Ada Lovelace"
        with pytest.raises(NotYours):
            export(ben.row)
        with pytest.raises(Denied):
            vault.erase(ada.row)
    with pytest.raises(NobodyActs):
        export(ada.row)
    with pytest.raises(NobodyActs):
        vault.erase(ada.row)


def test_an_erasure_leaves_nothing_that_opens(vault: Vault, people: list[Customer]) -> None:
    """As the dry run said it: rows deleted or emptied, tokens gone, what the law keeps and other people as before."""
    ada, ben = people
    with vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        planned = vault.erase(ada.row, dry_run=True)
        assert planned.number is None
        assert dict(planned.items) == {
            "shop_booking rows deleted": 1, "shop_account rows emptied": 1, "shop_customer rows emptied": 1,
            "confide_token rows deleted": Token.objects.filter(subject=ada.row.bytes).count(), "confide_unique rows deleted": 1,
        }  # fmt: skip
        done = vault.erase(ada.row)
    assert (done.items, done.number) == (planned.items, 1)
    with vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
        left = Customer.objects.get(pk=ada.pk)
        assert left.email is None
        with pytest.raises(KeyMissing):
            _ = left.name
        with pytest.raises(KeyMissing):
            _ = Account.objects.get(customer=ada).iban
        assert Account.objects.get(customer=ada).memo == "rent of Ada"
        assert not Customer.objects.filter(name__startswith="ada").exists()
        assert Customer.objects.get(name__startswith="ben").name == "Ben Lovelace"
        assert [one.text for one in Booking.objects.all()] == ["coffee of Ben"]
        with pytest.raises(UnknownSubject):
            vault.erase(UUID(int=7))
    assert not Token.objects.filter(subject=ada.row.bytes).exists()
    assert Unique.objects.filter(subject=ben.row.bytes).exists()
    assert [one["outcome"] for one in events() if one["type"] == "erase"] == ["begun", "success"]


def test_an_erasure_that_others_stand_in_the_way_of_is_refused_before_it_is_certain(vault: Vault, people: list[Customer]) -> None:
    """A table that Django does not know of refers to rows that would be deleted; the tables are named, and nothing is written down."""
    ada, ben = people
    booking = Booking.objects.get(owner=ada.row)
    kind = "uuid" if connection.vendor == "postgresql" else "char(32)"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE receipt (booking {kind} REFERENCES shop_booking (id) DEFERRABLE INITIALLY DEFERRED)")
        cursor.execute("INSERT INTO receipt SELECT id FROM shop_booking WHERE id = %s", [stored_id(booking)])
    try:
        with vault.acting("officer", Purpose.RIGHTS_FULFILMENT):
            for dry_run in (True, False):
                with pytest.raises(StillReferenced, match="Rows of receipt refer"):
                    vault.erase(ada.row, dry_run=dry_run)
            assert vault.erase(ben.row).number == 1
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM receipt")
            assert vault.erase(ada.row).number == 2
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE receipt")


def stored_id(booking: Booking) -> object:
    """Its key as the database holds it."""
    return booking.pk if connection.vendor == "postgresql" else booking.pk.hex


def test_the_commands(vault: Vault, people: list[Customer], tmp_path: Path) -> None:
    """`manage.py confide` makes nothing twice, writes an export for its owner alone, and erases."""
    said = StringIO()
    call_command("confide", "init", stdout=said)
    assert said.getvalue() == "The key file and the key database are there.\n"
    path = tmp_path / "ada.json"
    call_command("confide", "export", str(people[0].row), str(path), stdout=said)
    assert json.loads(path.read_text(encoding="utf-8"))["shop_account"][0]["memo"] == "rent of Ada"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="cannot be made"):
        call_command("confide", "export", str(people[0].row), str(path), stdout=said)
    call_command("confide", "erase", str(people[0].row), "--dry-run", stdout=said)
    assert Unique.objects.count() == 2
    call_command("confide", "erase", str(people[0].row), stdout=said)
    assert Unique.objects.count() == 1
    assert "Erased: entry 1 of the shred ledger" in said.getvalue()
    with pytest.raises(CommandError, match="stored"):
        call_command("confide", "erase", str(UUID(int=7)), stdout=said)
    assert not connection.in_atomic_block
