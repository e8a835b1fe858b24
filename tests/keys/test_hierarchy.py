"""The key hierarchy: one key for each person, durable before use, opened only with a permit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from confide.access.decide import decide
from confide.crypto.envelope import Suite
from confide.crypto.errors import DoesNotOpen
from confide.crypto.random import new_uuid4
from confide.keys import store
from confide.keys.errors import KeyFileRefused, KeyMissing, NotPermitted
from confide.keys.hierarchy import Keyring
from confide.keys.providers import keyfile
from confide.store import migrate
from confide.store.opening import open_database
from confide.store.schema import KEYS
from confide.values.ids import NO_SUBJECT, Pseudonym, TenantId
from confide.values.permit import Action
from confide.values.place import Place
from confide.values.principal import Principal, Role
from confide.values.purpose import Purpose, PurposeClass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from confide.values.permit import Permit

TENANT = TenantId(1)
NOW = 1_700_000_000_000_000
LATER = NOW + 3_600_000_000


@pytest.fixture
async def keyring(tmp_path: Path) -> AsyncIterator[Keyring]:
    """A keyring on an empty key database."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'keys.db'}")
    KEYS.create_all(engine)
    engine.dispose()
    database = await open_database(f"sqlite:///{tmp_path / 'keys.db'}")
    keyfile.create(tmp_path / "root.key")
    found = Keyring(database, keyfile.read(tmp_path / "root.key"))
    await found.start(TENANT, NOW)
    yield found
    await database.close()


def permit(tenant: int = 1) -> Permit:
    """A clinician's permit to read."""
    principal = Principal(TenantId(tenant), b"account", Pseudonym(bytes(16)), Role.CLINICIAN, Purpose.TREATMENT, None)
    return decide(principal, Action.READ, "Patient")


def place(subject: bytes) -> Place:
    """A place in one subject's chart."""
    return Place(TENANT, subject, PurposeClass.CARE, b"table", b"column", b"row")  # type: ignore[arg-type]


async def test_every_subject_has_a_key_of_its_own(keyring: Keyring) -> None:
    """Two subjects never share a data encryption key, and asking again gives the same one."""
    subjects = [new_uuid4() for _ in range(20)]
    keys = [await keyring.sealer(TENANT, subject, PurposeClass.CARE, NOW) for subject in subjects]
    again = [await keyring.sealer(TENANT, subject, PurposeClass.CARE, LATER) for subject in subjects]

    assert len({key.key_ref for key in keys}) == 20
    assert [key.key_ref for key in again] == [key.key_ref for key in keys]


async def test_a_key_that_is_there_is_used_even_for_a_subject_held_to_be_new(keyring: Keyring) -> None:
    """Whoever says that a subject is new is spared a look, and never gets a second key beside the first."""
    subject = new_uuid4()
    first = await keyring.sealer(TENANT, subject, PurposeClass.CARE, NOW, is_new=True)
    keyring.forget()
    again = await keyring.sealer(TENANT, subject, PurposeClass.CARE, NOW, is_new=True)

    assert again.key_ref == first.key_ref
    assert again.open(place(subject).context(), first.seal(Suite.COBBLESTONE_256, place(subject).context(), b"value")) == b"value"


async def test_a_value_opens_after_the_cache_forgot_its_key(keyring: Keyring) -> None:
    """The key row is durable before any ciphertext names it."""
    subject = new_uuid4()
    key = await keyring.sealer(TENANT, subject, PurposeClass.CARE, NOW)
    sealed = key.seal(Suite.COBBLESTONE_256, place(subject).context(), b"value")
    keyring.forget()
    with pytest.raises(KeyMissing):
        keyring.open(permit(), place(subject), sealed)
    await keyring.load([key.key_ref], LATER)

    assert keyring.open(permit(), place(subject), sealed) == b"value"


async def test_a_value_does_not_open_for_another_subject(keyring: Keyring) -> None:
    """A row that was pointed at another person's compartment is refused before any decryption."""
    mine, yours = new_uuid4(), new_uuid4()
    key = await keyring.sealer(TENANT, mine, PurposeClass.CARE, NOW)
    await keyring.sealer(TENANT, yours, PurposeClass.CARE, NOW)
    sealed = key.seal(Suite.COBBLESTONE_256, place(mine).context(), b"value")

    for wrong in (place(yours), place(NO_SUBJECT), place(mine)._replace(row=b"other row")):
        with pytest.raises(DoesNotOpen):
            keyring.open(permit(), wrong, sealed)


async def test_a_permit_for_another_tenant_opens_nothing(keyring: Keyring) -> None:
    """The permit and the place must name one tenant."""
    subject = new_uuid4()
    key = await keyring.sealer(TENANT, subject, PurposeClass.CARE, NOW)
    sealed = key.seal(Suite.COBBLESTONE_256, place(subject).context(), b"value")

    with pytest.raises(NotPermitted):
        keyring.open(permit(tenant=2), place(subject), sealed)


async def test_wrapped_keys_that_changed_places_do_not_open(keyring: Keyring) -> None:
    """Whoever swaps two wrapped keys in the key table gains nothing: a wrap is bound to its row."""
    first, second = new_uuid4(), new_uuid4()
    refs = [(await keyring.sealer(TENANT, one, PurposeClass.CARE, NOW)).key_ref for one in (first, second)]
    database = keyring._database
    table = store.KEY
    rows = [(await database.fetch(store.BY_REF, {"key_ref": ref}))[0] for ref in refs]
    connection = database._connection  # type: ignore[attr-defined]
    for ref, other in zip(refs, reversed(rows), strict=True):
        connection.execute(f"UPDATE {table.name} SET wrapped = ? WHERE key_ref = ?", (other[8], ref))  # noqa: S608 - our own table
    keyring.forget()

    with pytest.raises(DoesNotOpen):
        await keyring.load(refs, NOW)


async def test_cached_keys_are_bounded(tmp_path: Path) -> None:
    """No more than the stated number of keys stays open."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'keys.db'}")
    KEYS.create_all(engine)
    engine.dispose()
    database = await open_database(f"sqlite:///{tmp_path / 'keys.db'}")
    keyfile.create(tmp_path / "root.key")
    keyring = Keyring(database, keyfile.read(tmp_path / "root.key"), seconds=60, size=5)
    await keyring.start(TENANT, NOW)
    for _ in range(30):
        await keyring.sealer(TENANT, new_uuid4(), PurposeClass.CARE, NOW)

    assert len(keyring._opened) == 5
    assert len(keyring._current) <= 5
    await database.close()


async def test_all_keys_of_one_answer_are_there_however_few_are_kept(tmp_path: Path) -> None:
    """A search whose hits have more keys than the bound allows opens them all; the next load is bounded again."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'keys.db'}")
    KEYS.create_all(engine)
    engine.dispose()
    database = await open_database(f"sqlite:///{tmp_path / 'keys.db'}")
    keyfile.create(tmp_path / "root.key")
    keyring = Keyring(database, keyfile.read(tmp_path / "root.key"), seconds=60, size=5)
    await keyring.start(TENANT, NOW)
    subjects = [new_uuid4() for _ in range(30)]
    keys = [await keyring.sealer(TENANT, subject, PurposeClass.CARE, NOW) for subject in subjects]
    sealed = [key.seal(Suite.COBBLESTONE_256, place(one).context(), b"value") for key, one in zip(keys, subjects, strict=True)]
    await keyring.load([key.key_ref for key in keys], NOW)

    opened = [keyring.open(permit(), place(one), envelope) for one, envelope in zip(subjects, sealed, strict=True)]
    assert opened == [b"value"] * 30
    await keyring.sealer(TENANT, new_uuid4(), PurposeClass.CARE, NOW)
    assert len(keyring._opened) == 5
    await database.close()


@pytest.mark.postgresql
async def test_answers_at_one_time_do_not_take_the_keys_from_each_other(tmp_path: Path, postgresql_url: str) -> None:
    """Many loads over a real network, each with more keys than half of what is kept: every one finds all of its own afterwards."""
    await asyncio.to_thread(migrate.upgrade, postgresql_url, migrate.Which.KEYS)
    database = await open_database(postgresql_url)
    keyfile.create(tmp_path / "root.key")
    keyring = Keyring(database, keyfile.read(tmp_path / "root.key"), seconds=60, size=15)
    await keyring.start(TENANT, NOW)
    subjects = [new_uuid4() for _ in range(40)]
    keys = [await keyring.sealer(TENANT, subject, PurposeClass.CARE, NOW) for subject in subjects]
    sealed = [key.seal(Suite.COBBLESTONE_256, place(one).context(), b"value") for key, one in zip(keys, subjects, strict=True)]

    async def answer(first: int) -> list[bytes]:
        chosen = [(first + at) % 40 for at in range(10)]
        await keyring.load([keys[one].key_ref for one in chosen], NOW)
        return [keyring.open(permit(), place(subjects[one]), sealed[one]) for one in chosen]

    assert await asyncio.gather(*(answer(7 * at % 40) for at in range(60))) == [[b"value"] * 10] * 60
    await database.close()


def test_a_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    """Mode 0600, and never overwritten."""
    path = tmp_path / "root.key"
    keyfile.create(path)
    before = path.read_bytes()

    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyFileRefused, match="already"):
        keyfile.create(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Group and world bits stop the service with a sentence that says what to do."""
    path = tmp_path / "root.key"
    keyfile.create(path)
    path.chmod(mode)

    with pytest.raises(KeyFileRefused, match="chmod 600"):
        keyfile.read(path)


@pytest.mark.parametrize(
    "content", [b"", b"confide root key 1\n", b"confide root key 1\nzz", bytes(range(64)), b"confide root key 1\n" + b"00" * 39]
)
def test_a_damaged_key_file_is_refused_and_left(tmp_path: Path, content: bytes) -> None:
    """Nothing is overwritten when the file is not a key file."""
    path = tmp_path / "root.key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(KeyFileRefused):
        keyfile.read(path)
    assert path.read_bytes() == content


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    """The sentence says which file, and that nothing was written."""
    with pytest.raises(KeyFileRefused, match="cannot be read"):
        keyfile.read(tmp_path / "absent.key")
