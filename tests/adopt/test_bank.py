"""The example bank before and after: the same client suite passes on both, and only what is stored differs."""

from __future__ import annotations

import difflib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.adopt.bank import EXAMPLES, Bank, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

LINES = 40
"""Lines that adopting Confide may add or take away."""
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"

ADA: dict[str, Any] = {
    "name": "Marker Adalovelace",
    "email": "marker.ada@example.org",
    "phone": "+44 20 7946 0901",
    "address": "12 Marker Square, London",
    "born": "1815-12-10",
    "branch": "London",
}
BEN = ADA | {"name": "Benjamin Marker", "email": "marker.ben@example.org", "born": "1790-01-17", "phone": None}
IBAN = "DE89370400440532013000"
TRANSFER = {
    "counterparty": "Marker Babbage",
    "counterparty_iban": "GB29NWBK60161331926819",
    "reference": "Marker engine",
    "amount": "-12.50",
}
PLANTED = [
    str(value).encode()
    for value in (*ADA.values(), *BEN.values(), IBAN, *TRANSFER.values())
    if value not in (None, ADA["branch"], TRANSFER["amount"])
]
"""Every value that is personal. Branch and amount are declared to be none."""


@pytest.fixture(params=["before", "after"])
def bank(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bank]:
    """A bank of each kind."""
    with running(request.param, tmp_path) as found:
        yield found


def walk(bank: Bank) -> None:
    """Do everything that the API offers, and look at every answer."""
    client = bank.client
    ada = posted(client, "/customers", ADA)
    ben = posted(client, "/customers", BEN)
    assert ada == ADA | {"id": ada["id"]}
    assert client.post("/customers", json=ADA).status_code == 409
    assert client.get(f"/customers/{ada['id']}").json() == ada
    assert client.get("/customers/999").status_code == 404
    assert found(client, name="marker ada") == [ada]
    assert found(client, name="Marker Adalovelace") == [ada]
    assert found(client, name="benj") == [ben]
    assert found(client, name="nobody") == []
    assert found(client, email=BEN["email"]) == [ben]
    assert found(client, born_from="1815-01-01", born_to="1815-12-31") == [ada]
    assert found(client, born_from="1700-01-01", born_to="1815-12-31", name="marker") == [ada]
    assert found(client) == [ada, ben]
    ada = client.patch(f"/customers/{ada['id']}", json={"name": "Marker Adaking", "phone": None}).json()
    assert (ada["name"], ada["phone"], ada["email"]) == ("Marker Adaking", None, ADA["email"])
    assert found(client, name="marker adal") == []
    assert found(client, name="marker adak") == [ada]
    assert client.patch(f"/customers/{ada['id']}", json={"email": BEN["email"]}).status_code == 409
    account = posted(client, f"/customers/{ada['id']}/accounts", {"iban": IBAN})
    assert account == {"iban": IBAN, "customer": ada, "balance": "0.00"} or account["balance"] == "0"
    assert client.post(f"/customers/{ben['id']}/accounts", json={"iban": IBAN}).status_code == 409
    booked = posted(client, f"/accounts/{IBAN}/transfers", TRANSFER)
    assert {name: booked[name] for name in TRANSFER} == TRANSFER
    assert [one["reference"] for one in client.get(f"/accounts/{IBAN}/transfers").json()] == [TRANSFER["reference"]]
    assert client.get(f"/accounts/{IBAN}").json() == {"iban": IBAN, "customer": ada, "balance": "-12.50"}
    assert client.get("/accounts/GB00NONE").status_code == 404
    assert client.get("/customers", headers={"authorization": "Bearer wrong"}).status_code == 401


def posted(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create something and return it."""
    answer = client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def found(client: httpx.Client, **asked: str) -> list[dict[str, Any]]:
    """Search customers."""
    answer = client.get("/customers", params=asked)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()
    return listed


def test_the_client_sees_no_difference_and_a_thief_does(bank: Bank) -> None:
    """One suite for both; then a scan of every file, in which the bank of before shows everything."""
    walk(bank)
    bank.stop()
    stored = bank.content()
    seen = {value.decode() for value in PLANTED if value in stored}

    if bank.variant == "before":
        assert {"marker.ada@example.org", IBAN, TRANSFER["reference"], ADA["address"]} <= seen
    else:
        # The bank's own access log has the addresses of requests, as before: what stands in them is not the database's affair.
        log = (bank.folder / "log.txt").read_bytes()
        assert {value for value in seen if value.encode() not in log} == set()
        assert {value for value in seen if value.encode() in stored.replace(log, b"")} == set()


def test_every_reading_is_in_the_trail(tmp_path: Path) -> None:
    """The bank of after has an event for each person of each request, stored when the answer was there."""
    with running("after", tmp_path) as bank:
        posted(bank.client, "/customers", ADA)
        posted(bank.client, "/customers", BEN)
        connection = sqlite3.connect(tmp_path / "bank.db")
        before = connection.execute("SELECT count(*) FROM audit_outbox").fetchone()[0]
        found(bank.client)
        after = connection.execute("SELECT count(*) FROM audit_outbox").fetchone()[0]
        connection.close()

    assert after - before == 2


def test_adopting_takes_few_lines() -> None:
    """Counted as `diff` counts them: every line that was added or taken away."""
    assert sum(line[0] in "+-" for line in changes()) <= LINES
    assert 200 <= sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (EXAMPLES / "before" / "bank").glob("*.py")) <= 300


def test_the_guide_shows_the_very_change() -> None:
    """The page includes what is compared here."""
    written = (EXAMPLES / "adopt.diff").read_text(encoding="utf-8")

    assert written == "".join(line + "\n" for line in difference())
    assert "adopt.diff" in (GUIDE / "adopt-sqlalchemy.md").read_text(encoding="utf-8")


def difference() -> list[str]:
    """The unified diff of both variants, without times."""
    shown: list[str] = []
    for before in sorted((EXAMPLES / "before" / "bank").glob("*.py")):
        after = EXAMPLES / "after" / "bank" / before.name
        old, new = (path.read_text(encoding="utf-8").splitlines() for path in (before, after))
        shown += difflib.unified_diff(old, new, f"before/bank/{before.name}", f"after/bank/{before.name}", lineterm="", n=1)
    return shown


def changes() -> list[str]:
    """The changed lines alone."""
    return [line for line in difference() if line[:3] not in ("+++", "---") and line[0] in "+-"]
