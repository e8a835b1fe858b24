"""Files that nothing needs any more go, those that something needs stay: after kills, erasures and new keys."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from confide.cli import keys as command
from confide.clinic.app import TENANT, catch_up, clock
from confide.clinic.records import file_sweep, reseal
from confide.clinic.records.file_rows import FILE
from confide.clinic.records.filing import new_file
from confide.clinic.records.framed import INLINE_BYTES
from confide.rights import erase
from confide.store.objects.errors import ObjectMissing
from confide.store.objects.folder import Folder
from confide.store.objects.protocol import written
from confide.values.ids import SubjectId, uuid_bytes
from confide.values.principal import Role
from tests.clinic.practice import open_practice, patient

if TYPE_CHECKING:
    from pathlib import Path

    from tests.clinic.practice import Client, Practice

HOUR = 3_600_000_000
DAY = 24 * HOUR
YEARS = 3 * 365 * DAY
SIZE = INLINE_BYTES


def content(seed: int) -> bytes:
    """Content of a file."""
    return bytes([seed]) * SIZE


def reference(about: list[str], *seeds: int) -> dict[str, Any]:
    """A DocumentReference about one patient, and related to others, with attachments."""
    subject, *others = [{"reference": f"Patient/{one}"} for one in about]
    attachments = [{"attachment": {"contentType": "x/y", "data": b64encode(content(seed)).decode()}} for seed in seeds]
    more = {"author": others} if others else {}
    return {"resourceType": "DocumentReference", "status": "current", "subject": subject, "content": attachments, **more}


def objects(practice: Practice) -> set[str]:
    """The names of the objects."""
    return {path.name for path in (practice.house.settings.folder / "objects").rglob("*") if path.is_file()}


def age(practice: Practice, hours: int) -> None:
    """Make every object so old."""
    for path in (practice.house.settings.folder / "objects").rglob("*"):
        if path.is_file():
            when = path.stat().st_mtime - hours * 3600
            os.utime(path, (when, when))


async def sweep(practice: Practice, *, dry_run: bool = False) -> tuple[int, int, int, int]:
    """Sweep what is a day old: seen, left, orphans, unfinished."""
    house = practice.house
    swept = await file_sweep.sweep(house.parts.files, house.database, TENANT, clock() - DAY, lambda _count: None, dry_run=dry_run)
    return swept.seen, swept.left, swept.orphans, swept.unfinished


async def orphan(practice: Practice) -> str:
    """Put an object as a request does that is killed before its rows are stored."""
    files = practice.house.parts.files
    name = files.name(new_file())
    with written(files.beside.objects, name) as writing:
        writing.write(b"sealed")
    return name.rpartition("/")[2]


async def file_rows(practice: Practice) -> list[Any]:
    """The rows of all files."""
    return await practice.sql(sa.select(FILE).order_by(FILE.c.id))


async def fill(client: Client) -> tuple[list[str], list[str]]:
    """Store files of two patients: attachments, a Binary, an update. Return the patients and the addresses."""
    people = [(await client.create(patient()))["id"] for _ in range(2)]
    addresses = []
    for at, person in enumerate(people):
        made = await client.create(reference([person], 10 * at, 10 * at + 1))
        await client.put(made | {"content": reference([person], 10 * at + 2)["content"]})
        headers = {"content-type": "image/png", "x-security-context": f"Patient/{person}"}
        binary = await client.http.post("/fhir/Binary", content=content(10 * at + 3), headers=headers)
        addresses += [f"DocumentReference/{made['id']}", binary.headers["location"].split("/fhir/")[1].split("/_history")[0]]
    return people, addresses


async def readable(client: Client, addresses: list[str]) -> list[Any]:
    """Everything of every address, each version."""
    found = []
    for address in addresses:
        history = await client.get(f"{address}/_history")
        versions = [one["resource"]["meta"]["versionId"] for one in history.json()["entry"] if "resource" in one]
        for number in versions:
            answer = await client.http.get(f"/fhir/{address}/_history/{number}", headers={"accept": "application/fhir+json"})
            assert answer.status_code == 200, answer.text
            found.append(answer.json())
    return found


async def test_what_is_needed_is_never_swept(tmp_path: Path, store_url: str) -> None:
    """However old it is, every version's file stays."""
    async with open_practice(tmp_path, store_url) as practice:
        client = await practice.sign_in(Role.CLINICIAN)
        _, addresses = await fill(client)
        before = await readable(client, addresses)
        age(practice, 1000)

        assert await sweep(practice) == (8, 0, 0, 0)
        assert await readable(client, addresses) == before


async def test_an_old_orphan_goes_and_a_young_one_stays(tmp_path: Path, store_url: str) -> None:
    """A young one may be about to be named by a request that is still running."""
    async with open_practice(tmp_path, store_url) as practice:
        await fill(await practice.sign_in(Role.CLINICIAN))
        needed = objects(practice)
        old = await orphan(practice)
        age(practice, 25)
        young = await orphan(practice)
        dry = await sweep(practice, dry_run=True)
        after_dry = objects(practice)
        wet = await sweep(practice)

        assert dry == wet == (10, 0, 1, 0)
        assert after_dry == needed | {old, young}
        assert objects(practice) == needed | {young}


async def test_an_upload_that_was_killed_goes(tmp_path: Path) -> None:
    """Its beginning lies there under a name of its own."""
    async with open_practice(tmp_path) as practice:
        files = practice.house.parts.files
        writing = files.beside.objects.put(files.name(new_file()))
        writing.write(b"beginning")
        young = await sweep(practice)
        age(practice, 25)

        assert (young, await sweep(practice, dry_run=True), len(objects(practice))) == ((0, 0, 0, 0), (0, 0, 0, 1), 1)
        assert await sweep(practice) == (0, 0, 0, 1)
        assert objects(practice) == set()


async def test_another_instance_in_the_same_store_is_left_alone(tmp_path: Path) -> None:
    """Its objects have another prefix, however old they are."""
    shared = f"file://{tmp_path}/shared"
    async with open_practice(tmp_path / "one", objects=shared) as one, open_practice(tmp_path / "other", objects=shared) as other:
        _, addresses = await fill(await one.sign_in(Role.CLINICIAN))
        client = await one.sign_in(Role.CLINICIAN)
        before = await readable(client, addresses)
        for path in (tmp_path / "shared").rglob("*"):
            if path.is_file():
                os.utime(path, (0, 0))

        assert one.house.parts.files.prefix != other.house.parts.files.prefix
        assert await sweep(other) == (0, 0, 0, 0)
        assert await readable(client, addresses) == before


async def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """Under our prefix as well: only names that we make are believed to be ours."""
    async with open_practice(tmp_path) as practice:
        files = practice.house.parts.files
        for name in (f"{files.prefix}/readme", f"{files.prefix}/ab/cd", f"{files.prefix}/ABC".lower()):
            with written(files.beside.objects, name) as writing:
                writing.write(b"x")
        age(practice, 1000)

        assert await sweep(practice) == (0, 0, 0, 0)
        assert len(objects(practice)) == 3


async def erased(practice: Practice, person: str) -> None:
    """Erase a patient."""
    house, now = practice.house, clock()
    planned = await erase.plan(house.holdings(now), SubjectId(uuid_bytes(person) or b""), now)
    await erase.write_down(house.keyring, house.ledger, TENANT, planned, now)
    await catch_up(house, lambda _count: None, now)


async def test_an_erased_patient_leaves_no_file(tmp_path: Path, store_url: str) -> None:
    """Of no version; the other patient's stay and read as before."""
    async with open_practice(tmp_path, store_url) as practice:
        client = await practice.sign_in(Role.CLINICIAN)
        people, addresses = await fill(client)
        picture = {"photo": [{"contentType": "x/y", "data": b64encode(content(99)).decode()}]}
        shown = (await client.get(f"Patient/{people[0]}")).json()
        await client.put(shown | picture)
        before, kept = objects(practice), await readable(client, addresses[2:])
        await erased(practice, people[0])

        assert (len(before), len(objects(practice))) == (9, 4)
        assert len(await file_rows(practice)) == 4
        assert await readable(client, addresses[2:]) == kept


async def test_files_of_a_document_about_several_survive_the_erasure_of_one(tmp_path: Path, store_url: str) -> None:
    """The document is rewritten under other keys, its attachments with it; its older versions and their files go."""
    async with open_practice(tmp_path, store_url) as practice:
        client = await practice.sign_in(Role.CLINICIAN)
        people = [(await client.create(patient()))["id"] for _ in range(2)]
        about = reference(people, 1)
        made = await client.create(about)
        await client.put(made | {"content": reference(people, 2)["content"]})
        before = objects(practice)
        await erased(practice, people[1])
        left = (await client.get(f"DocumentReference/{made['id']}")).json()

        assert left["content"] == reference(people, 2)["content"]
        assert people[1] not in str(left)
        assert len(objects(practice)) == 1
        assert not objects(practice) & before


async def test_a_lost_file_holds_up_no_erasure(tmp_path: Path) -> None:
    """The document is rewritten without it: what is lost cannot be kept."""
    async with open_practice(tmp_path) as practice:
        client = await practice.sign_in(Role.CLINICIAN)
        people = [(await client.create(patient()))["id"] for _ in range(2)]
        made = await client.create(reference(people, 1))
        for path in (practice.house.settings.folder / "objects").rglob("*"):
            if path.is_file():
                path.unlink()
        await erased(practice, people[1])
        left = (await client.get(f"DocumentReference/{made['id']}")).json()

        assert left["content"] == [{"attachment": {"contentType": "x/y"}}]


async def test_an_erasure_while_the_store_is_down_is_made_good_later(tmp_path: Path) -> None:
    """The rows remember the objects; the next sweep deletes them, whatever their age."""
    async with open_practice(tmp_path) as practice:
        client = await practice.sign_in(Role.CLINICIAN)
        people, _ = await fill(client)
        folder = practice.house.settings.folder / "objects"
        aside = folder.rename(folder.with_name("aside"))
        folder.write_text("in the way", encoding="utf-8")
        await erased(practice, people[0])
        folder.unlink()
        aside.rename(folder)
        waiting, remembered = len(objects(practice)), len(await file_rows(practice))

        assert (waiting, remembered) == (8, 8)
        assert await sweep(practice, dry_run=True) == (8, 4, 0, 0)
        assert await sweep(practice) == (4, 4, 0, 0)
        assert len(await file_rows(practice)) == 4


async def test_a_kill_between_object_and_row_loses_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects are deleted first: killed there, the next run finds rows whose objects are gone, and goes on."""
    async with open_practice(tmp_path) as practice:
        client = await practice.sign_in(Role.CLINICIAN)
        people, _ = await fill(client)
        original = Folder.delete
        deleted: list[str] = []

        def dies(self: Folder, name: str) -> None:
            if len(deleted) == 2:
                raise KeyboardInterrupt
            original(self, name)
            deleted.append(name)

        with monkeypatch.context() as patched:
            patched.setattr(Folder, "delete", dies)
            with pytest.raises(KeyboardInterrupt):
                await erased(practice, people[0])

        assert (len(objects(practice)), len(await file_rows(practice))) == (6, 8)
        assert await sweep(practice) == (4, 4, 0, 0)


async def renew(practice: Practice, monkeypatch: pytest.MonkeyPatch, later: int) -> str:
    """Run the rotation of data keys at a later time."""
    monkeypatch.setattr(command, "clock", lambda: clock() + later)
    practice.now[0] = later
    return await command.data(practice.house, lambda _count: None)


async def test_files_are_sealed_again_under_new_keys(tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All read as before, nothing needs the old keys, and once these are destroyed everything still reads."""
    async with open_practice(tmp_path, store_url) as practice:
        client = practice.client(await practice.token(Role.CLINICIAN))
        _, addresses = await fill(client)
        before, old = await readable(client, addresses), await reseal.in_use(practice.database, TENANT)
        rows = {row[0]: row for row in await file_rows(practice)}
        await renew(practice, monkeypatch, YEARS)
        moved = {row[0]: row for row in await file_rows(practice)}
        practice.house.keyring.forget()
        client = practice.client(await practice.token(Role.CLINICIAN))

        assert moved.keys() == rows.keys()
        assert all(moved[file][5] != rows[file][5] and moved[file][6] not in old for file in rows)
        assert not old & await reseal.in_use(practice.database, TENANT)
        assert await readable(client, addresses) == before

        assert "destroyed" in await renew(practice, monkeypatch, YEARS + 60 * DAY)
        practice.house.keyring.forget()
        age(practice, 25)

        assert await sweep(practice) == (16, 0, 8, 0)
        assert await readable(practice.client(await practice.token(Role.CLINICIAN)), addresses) == before


async def test_a_key_that_only_a_file_needs_is_not_destroyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a rotation was killed after the documents and before the files."""
    async with open_practice(tmp_path) as practice:
        client = practice.client(await practice.token(Role.CLINICIAN))
        _, addresses = await fill(client)
        before = await readable(client, addresses)

        async def killed(*_: object) -> int:
            return 0

        with monkeypatch.context() as patched:
            patched.setattr(command, "reseal_files", killed)
            await renew(practice, patched, YEARS)
            said = await renew(practice, patched, YEARS + 60 * DAY)
        practice.house.keyring.forget()
        practice.now[0] = YEARS + 60 * DAY

        assert "2 of them in use" in said
        assert await readable(practice.client(await practice.token(Role.CLINICIAN)), addresses) == before


async def test_a_file_that_is_lost_ends_a_rotation_with_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is destroyed meanwhile."""
    async with open_practice(tmp_path) as practice:
        client = practice.client(await practice.token(Role.CLINICIAN))
        await fill(client)
        next(path for path in (practice.house.settings.folder / "objects").rglob("*") if path.is_file()).unlink()

        with pytest.raises(ObjectMissing):
            await renew(practice, monkeypatch, YEARS)
