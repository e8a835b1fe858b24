"""What a support team does with the consumer backend over HTTP, before and after alike, and what a thief must not find afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from tests.adopt.consumer import Consumer

ADA: dict[str, Any] = {
    "name": "Marker Adalovelace",
    "email": "marker.ada@example.org",
    "phone": "+44 20 7946 0901",
    "born": "1815-12-10",
    "address": "12 Marker Square, London",
}
BEN = ADA | {"name": "Benjamin Marker", "email": "marker.ben@example.org", "born": "1790-01-17", "phone": None, "address": None}
NOTE = "Marker called about the engine"
PLANTED = [str(value).encode() for value in (*ADA.values(), *BEN.values(), NOTE) if value is not None]


def walk(consumer: Consumer) -> None:
    """Do everything that the API offers, and look at every answer."""
    client = consumer.client
    ada, ben = (client.post("/people", json=one) for one in (ADA, BEN))
    assert (ada.status_code, ben.status_code) == (201, 201), ada.text
    key = ada.json()["id"]
    assert ada.json() == ADA | {"id": key}
    assert client.post("/people", json=ADA).json() == {"email": ["Person with this Email already exists."]}
    assert client.post("/people", json=ADA | {"email": "no address", "born": "someday"}).status_code == 400
    assert found(client, name="marker ada") == [ADA["name"]]
    assert found(client, name="Marker Adalovelace") == [ADA["name"]]
    assert found(client, name="benj") == [BEN["name"]]
    assert found(client, name="nobody") == []
    assert found(client, email="Marker.BEN@example.org") == [BEN["name"]]
    assert found(client, born_from="1815-01-01", born_to="1815-12-31") == [ADA["name"]]
    assert found(client, born_from="1700-01-01", born_to="1815-12-31", name="marker") == [ADA["name"]]
    assert found(client) == [ADA["name"], BEN["name"]]
    page = client.get("/search", params={"name": "marker"}).text
    assert ADA["email"] in page
    assert BEN["email"] not in page
    changed = client.patch(f"/people/{key}", json={"name": "Marker Adaking", "phone": None}).json()
    assert (changed["name"], changed["phone"], changed["email"]) == ("Marker Adaking", None, ADA["email"])
    assert found(client, name="marker adal") == []
    assert client.patch(f"/people/{key}", json={"email": BEN["email"]}).status_code == 400
    for given in (True, False, True):
        assert client.put(f"/people/{key}/consents/news", json={"given": given}).json() == {"purpose": "news", "given": given}
    assert client.get(f"/people/{key}").json() == ADA | {"id": key, "name": "Marker Adaking", "phone": None, "consents": {"news": True}}
    assert client.post(f"/people/{key}/notes", json={"text": NOTE}).json() == [{"author": "anna", "text": NOTE}]
    assert client.get(f"/people/{key}/notes").json() == [{"author": "anna", "text": NOTE}]
    assert client.get("/people/999").status_code == 404
    gone = client.post("/people", json=ADA | {"name": "Marker Gone", "email": "marker.gone@example.org"}).json()["id"]
    assert client.delete(f"/people/{gone}").status_code == 204
    assert found(client, name="marker gone") == []


def found(client: httpx.Client, **asked: str) -> list[str]:
    """Search people and return their names."""
    answer = client.get("/people", params=asked)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()]


def fill(consumer: Consumer, many: int) -> list[bytes]:
    """Add people with a note each; return what of them is personal."""
    planted: list[bytes] = []
    for at in range(many):
        person = ADA | {"name": f"Planted {at:04d} Person", "email": f"planted{at:04d}@example.org", "address": f"{at:04d} Planted Road"}
        note = f"Called about {at:04d} planted"
        key = consumer.client.post("/people", json=person).json()["id"]
        assert consumer.client.post(f"/people/{key}/notes", json={"text": note}).status_code in {200, 201}
        planted += [str(value).encode() for value in (person["name"], person["email"], person["address"], note)]
    return planted


def look(consumer: Consumer) -> list[Any]:
    """Every person by number with their notes, and what a search by e-mail finds, until there is no such number."""
    seen: list[Any] = []
    for number in range(1, 10_000):
        answer = consumer.client.get(f"/people/{number}")
        if answer.status_code == 404:
            return seen
        person = answer.json()
        seen.append((person, found(consumer.client, email=person["email"]), consumer.client.get(f"/people/{number}/notes").json()))
    return seen


def is_gone(consumer: Consumer, seen: list[Any]) -> bool:
    """Whether nothing of the first person is found any more, and everything of the others."""
    gone, *left = seen
    there = look_for(consumer, [person["id"] for person, *_ in left])
    return found(consumer.client, email=gone[0]["email"]) + found(consumer.client, name=gone[0]["name"]) == [] and there == left


def look_for(consumer: Consumer, numbers: list[int]) -> list[Any]:
    """People by number, as `look` does."""
    client = consumer.client
    people = [client.get(f"/people/{number}").json() for number in numbers]
    return [(one, found(client, email=one["email"]), client.get(f"/people/{one['id']}/notes").json()) for one in people]
