"""What a teller does with the bank over HTTP, before and after alike, and what a thief must not find afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from tests.adopt.bank import Bank

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


def fill(bank: Bank, many: int) -> list[bytes]:
    """Add customers with an account and a transfer each; return what of them is personal."""
    planted: list[bytes] = []
    for at in range(many):
        customer = ADA | {"name": f"Planted {at:04d} Person", "email": f"planted{at:04d}@example.org", "address": f"{at:04d} Planted Road"}
        transfer = TRANSFER | {"counterparty": f"Payee {at:04d} Planted", "reference": f"Rent {at:04d} planted"}
        iban = f"DE00PLANTED{at:011d}"
        added = posted(bank.client, "/customers", customer)
        posted(bank.client, f"/customers/{added['id']}/accounts", {"iban": iban})
        posted(bank.client, f"/accounts/{iban}/transfers", transfer)
        given = (customer["name"], customer["email"], customer["address"], iban, transfer["counterparty"], transfer["reference"])
        planted += [str(value).encode() for value in given]
    return planted


def look(bank: Bank) -> list[Any]:
    """Every customer by number with their account and its transfers, until there is no such number."""
    seen: list[Any] = []
    for number in range(1, 10_000):
        answer = bank.client.get(f"/customers/{number}")
        if answer.status_code == 404:
            return seen
        customer = answer.json()
        at = int(customer["email"].removeprefix("planted").partition("@")[0])
        iban = f"DE00PLANTED{at:011d}"
        assert found(bank.client, email=customer["email"]) == [customer]
        seen.append((customer, bank.client.get(f"/accounts/{iban}").json(), bank.client.get(f"/accounts/{iban}/transfers").json()))
    return seen


def is_gone(bank: Bank, seen: list[Any]) -> bool:
    """Whether nothing of the first customer is found any more, and everything of the second."""
    (gone, account, _), (left, _, _) = seen[:2]
    answers = [bank.client.get(path).status_code for path in (f"/customers/{gone['id']}", f"/accounts/{account['iban']}")]
    searches = found(bank.client, email=gone["email"]) + found(bank.client, name=gone["name"])
    return answers == [404, 404] and searches == [] and found(bank.client, email=left["email"]) == [left]
