"""Erasure: what was promised in the ledger is done, whatever is killed or restored in between; nobody else loses anything."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from confide.clinic.app import TENANT, catch_up, clock, open_house, tend_keys
from confide.clinic.records import erase as rows
from confide.clinic.records import store as records
from confide.clinic.records.model import found as version_of
from confide.crypto.envelope import DataKey
from confide.identity import store as identity
from confide.keys import store as key_store
from confide.keys import wraps
from confide.keys.errors import LedgerRefused, ShreddingPending
from confide.keys.hierarchy import Cell
from confide.keys.wraps import KeyRow
from confide.rights import erase
from confide.rights.errors import UnknownSubject
from confide.sealed import documents
from confide.store.statements import Query
from confide.store.work import Add, Unit
from confide.values.ids import KeyRef, SubjectId, uuid_bytes
from confide.values.principal import Role
from confide.values.purpose import PurposeClass
from tests.clinic.practice import observation, open_practice, patient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from confide.clinic.app import House
    from confide.values.place import Place
    from tests.clinic.practice import Client, Practice

MARK = "zyxwvmarkzyxwv"


class Ward:
    """A practice with a marked patient, another one, and what they have together."""

    def __init__(self, practice: Practice, client: Client) -> None:
        self.practice = practice
        self.client = client
        self.marked: dict[str, Any] = {}
        self.other: dict[str, Any] = {}
        self.own: list[dict[str, Any]] = []
        self.shared: dict[str, Any] = {}
        self.moved: dict[str, Any] = {}
        self.account: Client | None = None

    @property
    def subject(self) -> SubjectId:
        """The marked patient."""
        return SubjectId(uuid_bytes(self.marked["id"]) or b"")

    async def fill(self) -> None:
        """Store what each test looks for."""
        client = self.client
        self.marked = await client.create(patient(MARK))
        self.other = await client.create(patient("Innocent"))
        self.own = [await client.create(observation(self.marked["id"], valueString=f"{MARK} {at}")) for at in range(3)]
        await client.put(self.own[0] | {"valueString": f"{MARK} changed"})
        await client.delete(f"Observation/{self.own[1]['id']}")
        self.shared = await client.create(meeting(self.marked["id"], self.other["id"]))
        moved = await client.create(observation(self.marked["id"], valueString=f"{MARK} of the wrong patient"))
        corrected = moved | {"subject": {"reference": f"Patient/{self.other['id']}"}, "valueString": "of the right patient"}
        self.moved = (await client.put(corrected)).json()
        self.account = await self.practice.sign_in(Role.PATIENT, self.marked["id"])
        await client.found("Patient", family=MARK)
        await client.found("Patient", family=MARK[:6])

    async def erase(self) -> int:
        """Plan, promise and carry out."""
        house, now = self.practice.house, clock()
        planned = await erase.plan(house.holdings(now), self.subject, now)
        await erase.write_down(house.keyring, house.ledger, TENANT, planned, now)
        return await catch_up(house, lambda _count: None, clock())


def meeting(marked: str, other: str) -> dict[str, Any]:
    """Return an Appointment of two patients."""
    named = {marked: MARK, other: "Innocent"}
    people = [{"actor": {"reference": f"Patient/{one}", "display": name}, "status": "accepted"} for one, name in named.items()]
    return {"resourceType": "Appointment", "status": "proposed", "participant": people}


@asynccontextmanager
async def ward(folder: Path, url: str | None = None) -> AsyncIterator[Ward]:
    """Open a practice and fill it."""
    async with open_practice(folder, url) as practice:
        found = Ward(practice, await practice.sign_in(Role.CLINICIAN))
        await found.fill()
        yield found


async def openable(house: House) -> list[bytes]:
    """Return whatever opens of all that is stored, for an attacker who holds both databases and the provider."""
    now = clock()
    between = await house.keyring.between(TENANT, now, anew=True)
    keys = {}
    for row in await house.keys.fetch(ALL_KEYS, {}):
        key = KeyRow(*row)
        if key.kind == wraps.DEK and between.covers(key):
            secret = wraps.unwrap(key, between.keks[key.wrapper], between.outer(key))
            keys[bytes(key.key_ref)] = (DataKey(KeyRef(key.key_ref), secret), key)
    found = []
    for version in map(version_of, await house.database.fetch(ALL_VERSIONS, {})):
        if version.sealed is not None and version.sealed[4:12] in keys:
            opener, row = keys[version.sealed[4:12]]
            subject, purpose = SubjectId(row.subject), PurposeClass(row.purpose_class)
            place = version.home.place(TENANT, version.id, version.number)._replace(subject=subject, purpose_class=purpose)
            found.append(documents.unseal(opened_by(opener), place, version.sealed))
    for account, username in await house.database.fetch(ALL_ACCOUNTS, {}):
        if username[4:12] in keys:
            place = Cell(TENANT, b"account", b"username", account, SubjectId(account)).place()
            found.append(opened_by(keys[username[4:12]][0])(place, username))
    return found


def opened_by(key: DataKey) -> Callable[[Place, bytes], bytes]:
    """Return an opener that asks for no permit."""
    return lambda place, envelope: key.open(place.context(), envelope)


ALL_KEYS = Query(sa.select(*(key_store.KEY.c[name] for name in key_store.ADD_KEY.columns)))
ALL_VERSIONS = Query(records.with_versions(records.DOCUMENT, newest=False))
ALL_ACCOUNTS = Query(sa.select(identity.ACCOUNT.c.id, identity.ACCOUNT.c.username))


async def marks(house: House) -> int:
    """Return in how many stored values the attacker finds the mark."""
    return sum(MARK.encode() in one for one in await openable(house))


async def test_a_plan_counts_and_changes_nothing(tmp_path: Path, store_url: str) -> None:
    """The dry run names what would go, and all of it is still there."""
    async with ward(tmp_path, store_url) as found:
        before = await found.practice.stored()
        planned = await erase.plan(found.practice.house.holdings(clock()), found.subject, clock())

        assert dict(planned.items) == {"Patient": 1, "Observation": 3, "account": 1}
        assert planned.rewritten == 1
        assert await found.practice.stored() == before
        assert not found.practice.house.ledger.path.exists()


async def test_an_unknown_person_is_refused(tmp_path: Path) -> None:
    """Nothing is promised about somebody who is not there."""
    async with ward(tmp_path) as found:
        with pytest.raises(UnknownSubject):
            await erase.plan(found.practice.house.holdings(clock()), SubjectId(bytes(16)), clock())


async def test_an_erased_person_is_gone_and_nobody_else_is(tmp_path: Path, store_url: str) -> None:
    """Documents, every version, tokens, account and sessions; what named others too says so without them."""
    async with ward(tmp_path, store_url) as found:
        assert await marks(found.practice.house) > 6

        assert await found.erase() == 1

        client, gone = found.client, found.marked["id"]
        assert (await client.get(f"Patient/{gone}")).status_code == 404
        assert await client.found("Patient", family=MARK) == []
        assert (await client.get(f"Observation/{found.own[0]['id']}/_history")).status_code == 404
        assert found.account is not None
        assert (await found.account.get(f"Patient/{gone}")).status_code == 401
        shared = (await client.get(f"Appointment/{found.shared['id']}")).json()
        assert [one["actor"].get("reference") for one in shared["participant"]] == [None, f"Patient/{found.other['id']}"]
        assert (await client.get(f"Appointment/{found.shared['id']}/_history/1")).status_code == 404
        assert (await client.get(f"Observation/{found.moved['id']}")).json() == found.moved
        assert (await client.get(f"Observation/{found.moved['id']}/_history/1")).status_code == 404
        assert await client.found("Patient", family="Innocent") == [found.other["id"]]
        assert await marks(found.practice.house) == 0


async def test_the_erasure_is_in_the_trail(tmp_path: Path) -> None:
    """By the operator, in pseudonyms."""
    async with ward(tmp_path) as found:
        await found.erase()

        told = [(one["action"], one["outcome"], one["role"]) for one in await found.practice.events() if one["action"] == "erase"]
        assert told[0] == ("erase", "begun", "operator")
        assert told[-1] == ("erase", "success", "operator")


class Killed(BaseException):
    """The process ends here."""


async def test_killed_after_any_step_it_is_made_good(tmp_path: Path) -> None:
    """Whichever transaction the process ends after, the next start holds everything closed, and carries the erasure out."""
    async with ward(tmp_path) as found:
        settings, subject = found.practice.house.settings, found.subject
        planned = await erase.plan(found.practice.house.holdings(clock()), subject, clock())
    original = tmp_path / "original"
    shutil.copytree(settings.folder, original)
    survived = 0
    for after in range(40):
        shutil.rmtree(settings.folder)
        shutil.copytree(original, settings.folder)
        async with open_house(settings, clock()) as house:
            await erase.write_down(house.keyring, house.ledger, TENANT, planned, clock())
            left = [after]
            for database in (house.database, house.keys):
                kill_after(database, left)
            try:
                await catch_up(house, lambda _count: None, clock())
            except Killed:
                pass
            else:
                survived += 1
            for database in (house.database, house.keys):
                database.commit = type(database).commit.__get__(database)  # type: ignore[method-assign]
        async with open_house(settings, clock()) as house:
            if survived == 0:
                assert house.keyring.held is not None or not await marks(house)
            await catch_up(house, lambda _count: None, clock())
            assert await marks(house) == 0
            assert await erase.pending(house.ledger, house.holdings(clock()), house.keys, TENANT) == 0
        if survived:
            break

    assert after > 5
    assert survived == 1


def kill_after(database: Any, left: list[int]) -> None:
    """Let so many transactions of both databases through, and none after them."""
    inner = database.commit

    def commit(unit: object) -> Any:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return inner(unit)

    database.commit = commit


@pytest.mark.parametrize("restored", [("data.db",), ("keys.db",), ("data.db", "keys.db")])
async def test_a_restored_backup_serves_nothing_until_the_ledger_is_carried_out(tmp_path: Path, restored: tuple[str, ...]) -> None:
    """Of data, of keys, of both: the mark cannot be read, the service says why it waits, and then it is gone again."""
    async with ward(tmp_path) as found:
        settings = found.practice.house.settings
    backup = tmp_path / "backup"
    shutil.copytree(settings.folder, backup)
    async with open_house(settings, clock()) as house:
        planned = await erase.plan(house.holdings(clock()), found.subject, clock())
        await erase.write_down(house.keyring, house.ledger, TENANT, planned, clock())
        await catch_up(house, lambda _count: None, clock())
    for name in restored:
        for left in settings.folder.glob(name + "*"):
            left.unlink()
        shutil.copy(backup / name, settings.folder / name)

    async with open_house(settings, clock()) as house:
        assert "Erasures" in (house.keyring.held or "")
        with pytest.raises(ShreddingPending):
            house.keyring.open_service(cell(), b"")
        if restored == ("data.db",):
            assert await marks(house) == 0  # the rows are back, and nothing opens them
        assert await catch_up(house, lambda _count: None, clock()) == 1
        assert house.keyring.held is None
        assert await marks(house) == 0


def cell() -> Cell:
    """Return a cell of the service."""
    return Cell(TENANT, b"account", b"username", b"x" * 16)


@pytest.mark.parametrize("damage", ["gone", "cut"])
async def test_without_the_whole_ledger_nothing_is_opened(tmp_path: Path, damage: str) -> None:
    """A database that has carried out more than the ledger holds is not opened: other erasures may be missing as well."""
    async with ward(tmp_path) as found:
        settings = found.practice.house.settings
        await found.erase()
    if damage == "gone":
        settings.ledger.unlink()
    else:
        settings.ledger.write_bytes(b"")

    with pytest.raises(LedgerRefused):
        async with open_house(settings, clock()):
            pass


async def test_a_key_that_is_put_back_is_destroyed_again_and_joins_no_epoch(tmp_path: Path) -> None:
    """Whoever writes an erased person's old rows into the living databases gains nothing beyond the moment."""
    async with ward(tmp_path) as found:
        house = found.practice.house
        values = {"tenant": TENANT, "kind": wraps.DEK, "subject": found.subject, "class": PurposeClass.CARE.value}
        [row] = await house.keys.fetch(key_store.CURRENT, values)
        await found.erase()
        await house.keys.commit(Unit((Add(key_store.ADD_KEY, [tuple(row)]),)))
        await tend_keys(house, clock())

        assert await house.keys.fetch(key_store.CURRENT, values) == []


async def test_every_key_of_shared_documents_dies_whatever_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger names them all, however many batches they are, so a kill between data and keys forgets none."""
    monkeypatch.setattr(rows, "BATCH", 2)
    async with ward(tmp_path) as found:
        house, client = found.practice.house, found.client
        shared = [await client.create(meeting(found.marked["id"], found.other["id"])) for _ in range(5)]
        subjects = [SubjectId(uuid_bytes(one["id"]) or b"") for one in shared]
        old = [key for subject in subjects for key in await house.keyring.references(TENANT, subject)]
        planned = await erase.plan(house.holdings(clock()), found.subject, clock())

        assert len(old) == 5
        assert set(old) <= set(planned.keys)
