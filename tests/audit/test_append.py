"""Appending: one event in the transaction of what it tells about, small enough, salted, and readable by those who may."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from confide.access.decide import decide
from confide.audit import store
from confide.audit.append import COLUMN, TABLE, Origin, Told, granted, step
from confide.audit.errors import EventTooLarge
from confide.audit.event import MAX_BYTES, SALT_BYTES
from confide.audit.show import newest
from confide.crypto.envelope import read_header
from confide.crypto.errors import CryptoError, DoesNotOpen
from confide.keys.errors import KeyMissing
from confide.keys.hierarchy import Cell, Keyring
from confide.keys.providers import keyfile
from confide.store.migrate import Which, upgrade
from confide.store.opening import open_database
from confide.store.statements import Query
from confide.store.work import Unit
from confide.values.ids import NO_SUBJECT, Pseudonym, TenantId, uuid_bytes
from confide.values.permit import Action
from confide.values.place import Place
from confide.values.principal import Principal, Role
from confide.values.purpose import Purpose, PurposeClass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from confide.store.work import Add, Database

TENANT = TenantId(1)
NOW = 1_700_000_000_123_456
ORIGIN = Origin("00000000-0000-4000-8000-000000000000", "a1b2")
ASKED = b"name=Zebulon&birthdate=1984-02-29"
CLINICIAN = Principal(TENANT, b"account-bytes-16", Pseudonym(b"p" * 16), Role.CLINICIAN, Purpose.TREATMENT, None)


@dataclass(frozen=True)
class Office:
    """A trail with its keys."""

    database: Database
    keyring: Keyring
    folder: Path

    async def step(self, told: Told, now: int = NOW, principal: Principal | None = CLINICIAN) -> Add:
        """The step that appends an event."""
        return await step(self.keyring, TENANT, principal, ORIGIN, told, now)

    async def append(self, told: Told, now: int = NOW) -> dict[str, Any]:
        """Append an event and return it as it is stored."""
        await self.database.commit(Unit((await self.step(told, now),)))
        [(_, body)] = await newest(self.database, TENANT, 1)
        found: dict[str, Any] = json.loads(body)
        return found

    def opened(self, event: dict[str, Any], row: bytes | None = None) -> bytes:
        """The search values of an event, opened with the service key."""
        identifier = uuid_bytes(event["id"])
        assert identifier is not None
        return self.keyring.open_service(
            Cell(TENANT, TABLE, COLUMN, row or identifier, purpose_class=PurposeClass.SEARCHES), b64decode(event["sealed"])
        )


async def keyring(folder: Path, name: str) -> tuple[Keyring, Database]:
    """A root key with a key database of its own."""
    place = folder / name
    place.mkdir()
    keyfile.create(place / "root.key")
    url = f"sqlite:///{place / 'keys.db'}"
    await asyncio.to_thread(upgrade, url, Which.KEYS)
    database = await open_database(url)
    found = Keyring(database, keyfile.read(place / "root.key"))
    await found.start(TENANT, NOW)
    return found, database


@pytest.fixture
async def office(tmp_path: Path, store_url: str) -> AsyncIterator[Office]:
    await asyncio.to_thread(upgrade, store_url, Which.DATA)
    keys, key_database = await keyring(tmp_path, "keys")
    database = await open_database(store_url)
    yield Office(database, keys, tmp_path)
    await database.close()
    await key_database.close()


def told(**more: Any) -> Told:
    return Told("rest", "search", "success", "role.clinician", "clinician-reads", **more)


async def test_an_event_says_who_what_when_and_why(office: Office) -> None:
    """By pseudonym and code; the account's own identifier, which is no pseudonym, stays out."""
    event = await office.append(told(patients=(Pseudonym(b"a" * 16),), resources=(Pseudonym(b"b" * 16),), parameters=("birthdate", "name")))

    assert {name: value for name, value in event.items() if name not in {"id", "salt"}} == {
        "action": "search",
        "actor": (b"p" * 16).hex(),
        "explanation": "role.clinician",
        "network": "a1b2",
        "outcome": "success",
        "parameters": ["birthdate", "name"],
        "patients": [(b"a" * 16).hex()],
        "purpose": "TREAT",
        "request": ORIGIN.request,
        "resources": [(b"b" * 16).hex()],
        "role": "clinician",
        "sentence": "clinician-reads",
        "time": "2023-11-14T22:13:20.123456Z",
        "type": "rest",
        "v": 1,
    }


async def test_a_caller_nobody_knows_is_told_without_a_role(office: Office) -> None:
    """A refused sign-in has an event as well."""
    add = await office.step(told(), principal=None)
    [(_, _, body)] = add.rows

    assert {"actor", "role", "purpose"} & set(json.loads(body)) == set()


async def test_equal_events_have_salts_of_their_own(office: Office) -> None:
    """A thousand equal events at one instant share neither salt nor identifier, and no salt is part of an identifier."""
    bodies = [json.loads((await office.step(told())).rows[0][2]) for _ in range(1000)]
    salts, ids = {one["salt"] for one in bodies}, {one["id"].replace("-", "") for one in bodies}

    assert len(salts) == len(ids) == 1000
    assert {len(bytes.fromhex(salt)) for salt in salts} == {SALT_BYTES}
    assert not any(one["salt"][:10] in one["id"].replace("-", "") for one in bodies)


async def test_search_values_are_sealed(office: Office) -> None:
    """They open with the tenant's service key; the event shows their names alone."""
    event = await office.append(told(values=ASKED, parameters=("birthdate", "name")))

    assert office.opened(event) == ASKED
    assert b"Zebulon" not in json.dumps(event).encode()
    assert b"1984" not in json.dumps(event).encode()


async def test_equal_search_values_do_not_look_equal(office: Office) -> None:
    """Whoever reads the trail does not learn that the same name was searched for again."""
    first, second = [await office.append(told(values=ASKED)) for _ in range(2)]

    assert first["sealed"] != second["sealed"]


async def test_search_values_open_at_their_own_event_alone(office: Office) -> None:
    """Moved to another event, they are refused."""
    first, second = [await office.append(told(values=ASKED)) for _ in range(2)]

    with pytest.raises(DoesNotOpen):
        office.opened(first, uuid_bytes(second["id"]))


async def test_no_other_key_opens_search_values(office: Office) -> None:
    """Neither a person's key, nor that of the commons, nor the key of searches under another root."""
    event = await office.append(told(values=ASKED))
    identifier, sealed = uuid_bytes(event["id"]) or b"", b64decode(event["sealed"])
    header = read_header(sealed)
    for purpose_class in (PurposeClass.CARE, PurposeClass.COMMONS):
        other = await office.keyring.sealer(TENANT, NO_SUBJECT, purpose_class, NOW)
        for place in (PurposeClass.SERVICE, purpose_class):
            with pytest.raises(CryptoError):
                other.open(Place(TENANT, NO_SUBJECT, place, TABLE, COLUMN, identifier).context(), sealed)
    elsewhere, database = await keyring(office.folder, "elsewhere")
    with pytest.raises(KeyMissing):
        elsewhere.open_service(Cell(TENANT, TABLE, COLUMN, identifier, purpose_class=PurposeClass.SEARCHES), sealed)
    await database.close()
    searches = await office.keyring.sealer(TENANT, NO_SUBJECT, PurposeClass.SEARCHES, NOW)

    assert searches.key_ref == header.key_ref


def many(count: int) -> tuple[Pseudonym, ...]:
    """Pseudonyms of that many people."""
    return tuple(Pseudonym(at.to_bytes(16, "big")) for at in range(count))


async def test_an_event_of_the_largest_size_is_stored(office: Office) -> None:
    """65,535 bytes, which is what two bytes of length can say; one byte more is refused before anything is stored."""
    base = len((await office.step(told(patients=many(1800), parameters=("",)))).rows[0][2])
    fitting = told(patients=many(1800), parameters=("x" * (MAX_BYTES - base),))
    await office.append(fitting)
    [(_, body)] = await newest(office.database, TENANT, 1)

    assert len(body) == MAX_BYTES == 2**16 - 1
    with pytest.raises(EventTooLarge, match="fewer results"):
        await office.step(told(patients=many(1800), parameters=("x" * (MAX_BYTES - base + 1),)))


async def test_a_page_of_the_largest_search_fits(office: Office) -> None:
    """The most that one page may hold (500), each of another patient, with the longest query that is taken."""
    await office.append(told(patients=many(500), resources=many(1000)[500:], values=b"x" * 16 * 1024))


async def test_the_newest_come_first_in_pages(office: Office) -> None:
    """Each event once, from the newest to the first, and none of another tenant."""
    for at in range(7):
        await office.append(told(parameters=(str(at),)))
    other = await step(office.keyring, TENANT, None, ORIGIN, told(), NOW)
    event, _, body = other.rows[0]
    await office.database.commit(Unit((type(other)(other.statement, [(event, 2, body)]),)))
    found, before = [], (1 << 63) - 1
    while page := await newest(office.database, TENANT, 3, before):
        found += [json.loads(body)["parameters"][0] for _, body in page]
        before = page[-1][0]

    assert found == ["6", "5", "4", "3", "2", "1", "0"]


async def test_rows_are_in_the_order_of_their_storing(office: Office) -> None:
    """The sequence grows; the identifier beside it is the event's own."""
    for at in range(3):
        await office.append(told(), NOW + at)
    rows = await office.database.fetch(Query(sa.select(store.OUTBOX.c.event, store.OUTBOX.c.body).order_by(store.OUTBOX.c.sequence)), {})

    assert [uuid_bytes(json.loads(body)["id"]) for _, body in rows] == [bytes(event) for event, _ in rows]


def test_what_was_granted_is_told_with_its_reason() -> None:
    """The explanation and the sentence of the policy come from the permit."""
    permit = decide(CLINICIAN, Action.READ, "Patient")
    found = granted(permit, patients=many(1))

    assert (found.action, found.outcome, found.explanation, found.sentence) == ("read", "success", permit.explanation, permit.sentence)
    assert found.patients == many(1)
