"""Rotation: every key opens before, during and after it; what was shredded does not come back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from confide.access.decide import decide
from confide.crypto.envelope import Suite
from confide.crypto.errors import CryptoError
from confide.crypto.random import new_uuid4
from confide.crypto.signing import SigningKey
from confide.keys import rotate, shred, store, tend
from confide.keys.errors import KeyMissing, LedgerRefused, ShreddingPending
from confide.keys.hierarchy import Cell, Keyring
from confide.keys.ledger import Ledger, State
from confide.keys.policy import Policy
from confide.keys.providers import keyfile
from confide.store import migrate
from confide.store.opening import open_database
from confide.store.work import Add, Alter, Unit
from confide.values.ids import Pseudonym, SubjectId, TenantId
from confide.values.permit import Action
from confide.values.place import Place
from confide.values.principal import Principal, Role
from confide.values.purpose import Purpose, PurposeClass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from confide.keys.provider import Provider
    from confide.store.work import Database
    from confide.values.permit import Permit

TENANT = TenantId(1)
SECOND = 1_000_000
DAY = 86_400 * SECOND
NOW = 1_700_000_000 * SECOND
POLICY = Policy()


class Room:
    """A key database, its provider, and values sealed under keys of it."""

    def __init__(self, database: Database, provider: Provider) -> None:
        self.database = database
        self.provider = provider
        self.sealed: list[tuple[Place, bytes]] = []

    async def ring(self, now: int = NOW) -> Keyring:
        """Return a fresh process's keyring."""
        ring = Keyring(self.database, self.provider)
        await ring.start(TENANT, now)
        return ring

    async def seal(self, ring: Keyring, count: int, now: int = NOW) -> list[SubjectId]:
        """Seal a value for each of so many new subjects."""
        subjects = [new_uuid4() for _ in range(count)]
        for subject in subjects:
            place = Place(TENANT, subject, PurposeClass.CARE, b"table", b"column", subject)
            key = await ring.sealer(TENANT, subject, PurposeClass.CARE, now)
            self.sealed.append((place, key.seal(Suite.COBBLESTONE_256, place.context(), b"of " + subject)))
        return subjects

    async def all_open(self, now: int, ring: Keyring | None = None) -> int:
        """Open every value with a fresh keyring; return how many did, the rest being gone."""
        found = ring or await self.ring(now)
        opened = 0
        for place, envelope in self.sealed:
            try:
                await found.load([envelope[4:12]], now)  # type: ignore[list-item]
                assert found.open(permit(), place, envelope) == b"of " + place.subject
            except KeyMissing:
                continue
            opened += 1
        return opened


@pytest.fixture
async def room(store_url: str, tmp_path: Path) -> AsyncIterator[Room]:
    """An empty key database on each engine."""
    await asyncio.to_thread(migrate.upgrade, store_url, migrate.Which.KEYS)
    database = await open_database(store_url)
    keyfile.create(tmp_path / "root.key")
    yield Room(database, keyfile.read(tmp_path / "root.key"))
    await database.close()


def permit(action: Action = Action.READ) -> Permit:
    """A permit to read, or to do something else."""
    role = Role.OPERATOR if action is Action.ERASE else Role.CLINICIAN
    return decide(Principal(TENANT, b"account", Pseudonym(bytes(16)), role, Purpose.TREATMENT, None), action, "Patient")


async def left(room: Room, kind: str, number: int) -> int:
    """Return how many key rows stand under a slot or KEK."""
    place = 2 if kind == "kek" else 3
    return sum(row[4] for row in await room.database.fetch(store.COUNTS, {}) if row[1] == "dek" and row[place] == number)


async def test_values_open_through_every_rotation(room: Room) -> None:
    """Root, KEK and epoch are rotated one after the other; a running process and a fresh one open everything, and seal on."""
    running = await room.ring()
    await room.seal(running, 7)
    for at in range(1, 4):
        now = NOW + at * DAY
        await rotate.rotate_root(room.database, room.provider, now)
        await rotate.rotate_kek(room.database, room.provider, TENANT, now)
        await rotate.advance_epoch(room.database, room.provider, TENANT, now)
        await room.seal(running, 3, now)

        assert await room.all_open(now) == await room.all_open(now, running) == 7 + 3 * at


async def test_a_rotation_that_was_stopped_is_finished_by_the_next(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after every batch, each call goes on where the last one ended; nothing is lost and no generation is skipped."""
    monkeypatch.setattr(rotate, "BATCH", 3)
    await room.seal(await room.ring(), 20)

    class Stopped(Exception):
        """A kill."""

    def stop(_count: int) -> None:
        raise Stopped

    for _ in range(12):
        try:
            assert await rotate.rotate_kek(room.database, room.provider, TENANT, NOW + DAY, stop) == 2
        except Stopped:
            assert await room.all_open(NOW + DAY) == 20
    await rotate.rotate_kek(room.database, room.provider, TENANT, NOW + DAY)

    assert await left(room, "kek", 1) == 0
    assert await left(room, "kek", 2) == 22  # and the tenant's own two


async def test_the_old_kek_is_dropped_when_no_process_uses_it(room: Room) -> None:
    """Not before every process has learned of the new one."""
    await room.seal(await room.ring(), 2)
    await rotate.rotate_kek(room.database, room.provider, TENANT, NOW)

    assert await tend.drop_keks(room.database, TENANT, NOW + 60 * SECOND) == []
    assert await tend.drop_keks(room.database, TENANT, NOW + DAY) == ["kek-1 dropped"]
    assert await room.all_open(NOW + DAY) == 2


async def test_an_epoch_begins_when_it_is_due_and_its_key_is_destroyed_after_the_grace_time(room: Room) -> None:
    """A week and a day, by the default policy; what lives is in the new epoch by then."""
    await room.seal(await room.ring(), 5)

    assert await tend.tend(room.database, room.provider, TENANT, POLICY, NOW + 6 * DAY) == []
    assert await tend.tend(room.database, room.provider, TENANT, POLICY, NOW + 7 * DAY) == ["epoch-2 begun"]
    assert await tend.tend(room.database, room.provider, TENANT, POLICY, NOW + 7 * DAY + DAY // 2) == []
    assert await tend.tend(room.database, room.provider, TENANT, POLICY, NOW + 8 * DAY) == ["epoch-1 destroyed"]
    assert "epoch-1" not in room.provider.slots()
    assert await room.all_open(NOW + 8 * DAY) == 5


async def test_a_copy_of_the_key_table_dies_with_its_epoch(room: Room) -> None:
    """A shredded key that stands in an old copy opens until the epoch is destroyed, and then does not, root and KEK at hand."""
    ring = await room.ring()
    gone, _ = await room.seal(ring, 2)
    copy = [tuple(row) for row in await room.database.fetch(store.CURRENT, of(gone))]
    await shredded(room, ring, gone)
    await restore(room, copy)
    assert await room.all_open(NOW) == 2  # within the horizon an old copy is still good: the ledger is what stands between
    await shredded(room, ring, gone)
    await tend.tend(room.database, room.provider, TENANT, POLICY, NOW + 7 * DAY)
    await tend.tend(room.database, room.provider, TENANT, POLICY, NOW + 8 * DAY)
    await restore(room, copy)

    assert await room.all_open(NOW + 8 * DAY) == 1


def of(subject: bytes) -> dict[str, object]:
    """Return the identity of a subject's key."""
    return {"tenant": TENANT, "kind": "dek", "subject": subject, "class": PurposeClass.CARE.value}


async def restore(room: Room, rows: list[tuple[object, ...]]) -> None:
    """Put key rows back as somebody with an old copy would."""
    await room.database.commit(Unit((Add(store.ADD_KEY, rows),)))


async def shredded(room: Room, ring: Keyring, subject: bytes) -> None:
    """Destroy a subject's keys, without a ledger."""
    await room.database.commit(Unit((Alter(store.DROP_SUBJECT, {"tenant": TENANT, "subject": subject}, None),)))
    ring.forget()


async def test_a_key_that_is_shredded_while_epochs_change_does_not_come_back(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rewrap of a row that was deleted between reading and writing touches nothing."""
    monkeypatch.setattr(rotate, "BATCH", 4)
    ring = await room.ring()
    subjects = await room.seal(ring, 12)

    async def shred_some() -> None:
        for subject in subjects[::3]:
            await shredded(room, ring, subject)
            await asyncio.sleep(0)

    await asyncio.gather(rotate.advance_epoch(room.database, room.provider, TENANT, NOW + DAY), shred_some())

    assert await room.all_open(NOW + DAY) == 8


async def test_the_subjects_newest_key_seals_and_the_older_ones_open(room: Room) -> None:
    """Renewing a DEK leaves what was sealed readable."""
    ring = await room.ring()
    [subject] = await room.seal(ring, 1)
    before = await ring.sealer(TENANT, subject, PurposeClass.CARE, NOW)
    renewed = await ring.renew(TENANT, subject, PurposeClass.CARE, NOW)

    assert renewed.key_ref != before.key_ref
    assert (await ring.sealer(TENANT, subject, PurposeClass.CARE, NOW)).key_ref == renewed.key_ref
    assert (await (await room.ring()).sealer(TENANT, subject, PurposeClass.CARE, NOW)).key_ref == renewed.key_ref
    assert await room.all_open(NOW) == 1


async def test_key_rows_whose_columns_were_swapped_do_not_open(room: Room) -> None:
    """The outer wrap is bound to its row like the inner one."""
    ring = await room.ring()
    first, second = await room.seal(ring, 2)
    rows = [list((await room.database.fetch(store.CURRENT, of(one)))[0]) for one in (first, second)]
    rows[0][8], rows[1][8] = rows[1][8], rows[0][8]
    for one in (first, second):
        await shredded(room, ring, one)
    await restore(room, [tuple(row) for row in rows])

    with pytest.raises(CryptoError):
        await room.all_open(NOW)


async def ledger_of(room: Room, ring: Keyring, tmp_path: Path) -> Ledger:
    """Return the ledger of a room."""
    return Ledger(tmp_path / "shred.ledger", (await ring.signer(TENANT, NOW)).public())


async def test_a_restored_database_lags_behind_the_ledger_and_catches_up(room: Room, tmp_path: Path) -> None:
    """What the ledger tells is pending until it is carried out, in order, and then no more."""
    ring = await room.ring()
    gone, _, also = await room.seal(ring, 3)
    ledger, signer = await ledger_of(room, ring, tmp_path), await ring.signer(TENANT, NOW)
    for subject in (gone, also):
        ledger.append(signer, TENANT, (subject,), (), NOW)
    assert [entry.number for entry, _ in ledger.pending(await shred.state_of(room.database, TENANT))] == [1, 2]

    for entry, reached in ledger.pending(State()):
        await shred.destroy(room.database, entry, reached)
    ring.forget()

    assert ledger.pending(await shred.state_of(room.database, TENANT)) == []
    assert await room.all_open(NOW) == 1


async def test_nothing_opens_while_erasures_are_pending(room: Room) -> None:
    """Held, the keyring opens for a permit to erase alone, and says why."""
    ring = await room.ring()
    await room.seal(ring, 1)
    place, envelope = room.sealed[0]
    ring.hold("erasures wait")
    await ring.load([envelope[4:12]], NOW)  # type: ignore[list-item]

    with pytest.raises(ShreddingPending, match="erasures wait"):
        ring.open(permit(), place, envelope)
    assert ring.open(permit(Action.ERASE), place, envelope)
    ring.hold(None)
    await ring.load([envelope[4:12]], NOW)  # type: ignore[list-item]
    assert ring.open(permit(), place, envelope)


@pytest.mark.parametrize("damage", ["lost", "first line", "last line", "byte", "swapped", "forged"])
async def test_a_ledger_that_lost_or_changed_a_line_is_refused(room: Room, tmp_path: Path, damage: str) -> None:
    """The database remembers how many entries there were, and the hash of the last."""
    ring = await room.ring()
    ledger, signer = await ledger_of(room, ring, tmp_path), await ring.signer(TENANT, NOW)
    for _ in range(3):
        ledger.append(signer, TENANT, (new_uuid4(),), (), NOW)
    for entry, reached in ledger.pending(State()):
        await shred.destroy(room.database, entry, reached)
    state = await shred.state_of(room.database, TENANT)
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    if damage == "lost":
        ledger.path.unlink()
    elif damage == "forged":
        ledger.path.unlink()
        forger = Ledger(ledger.path, (other := SigningKey(bytes(range(32)))).public())
        for _ in range(3):
            forger.append(other, TENANT, (new_uuid4(),), (), NOW)
    else:
        changed = {
            "first line": lines[1:],
            "last line": lines[:-1],
            "byte": [lines[0], lines[1].replace(b'"time":17', b'"time":18'), lines[2]],
            "swapped": [lines[1], lines[0], lines[2]],
        }[damage]
        ledger.path.write_bytes(b"".join(changed))

    with pytest.raises(LedgerRefused):
        ledger.pending(state)


async def test_a_line_without_its_end_was_never_there(room: Room, tmp_path: Path) -> None:
    """A kill while a line was written leaves a torn end; the next entry takes its place."""
    ring = await room.ring()
    ledger, signer = await ledger_of(room, ring, tmp_path), await ring.signer(TENANT, NOW)
    ledger.append(signer, TENANT, (new_uuid4(),), (), NOW)
    with ledger.path.open("ab") as file:
        file.write(b'{"entry":{"number":2,"ti')

    assert len(ledger.pending(State())) == 1
    assert ledger.append(signer, TENANT, (new_uuid4(),), (), NOW).number == 2
    assert len(ledger.pending(State())) == 2


async def test_what_was_searched_for_dies_week_by_week(room: Room) -> None:
    """The key of searches is renewed with every epoch, and each one is dropped five weeks after its last search."""
    ring = await room.ring()
    sealed = []
    for week in range(4):
        now = NOW + 7 * week * DAY
        await tend.renew_searches(ring, room.database, TENANT, POLICY, now)
        cell = Cell(TENANT, b"audit", b"sealed", week.to_bytes(16, "big"), purpose_class=PurposeClass.SEARCHES)
        sealed.append((cell, await ring.seal_service(cell, b"asked", now)))

    async def opened(now: int) -> list[int]:
        await tend.tend(room.database, room.provider, TENANT, POLICY, now)
        fresh, found = await room.ring(now), []
        for week, (cell, envelope) in enumerate(sealed):
            await fresh.load([envelope[4:12]], now)  # type: ignore[list-item]
            try:
                found.append(week if fresh.open_service(cell, envelope) == b"asked" else -1)
            except KeyMissing:
                continue
        return found

    assert await opened(NOW + 21 * DAY) == [0, 1, 2, 3]
    assert await opened(NOW + 42 * DAY) == [1, 2, 3]
    assert await opened(NOW + 56 * DAY) == [3]  # the newest stays, since what is searched next is sealed under it
