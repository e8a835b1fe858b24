"""Backups: what is restored is what was saved, on either engine; what was erased since stays erased; nothing is written over."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import TYPE_CHECKING, Any

import pyrage
import pytest
from click.testing import CliRunner

from confide.cli import backup
from confide.cli.databases import sources
from confide.cli.main import confide
from confide.clinic.app import clock, open_house
from confide.clinic.settings import Settings
from confide.store import snapshot
from confide.values.principal import Role
from tests.clinic.practice import observation, open_practice, patient

if TYPE_CHECKING:
    from pathlib import Path

MARK = "qqmarkedqq"


class Bank:
    """Where backups go, and who opens them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        identity = pyrage.x25519.Identity.generate()
        self.identity = folder / "identity.txt"
        self.identity.write_text(f"# made for this test\n{identity}\n", encoding="utf-8")
        self.recipient = str(identity.to_public())

    def run(self, *arguments: str, fails: bool = False, typed: str = "") -> str:
        """Run a command, type something; return what it said."""
        ran = CliRunner().invoke(confide, [*arguments], input=typed)
        said = ran.output + (str(ran.exception) if ran.exception else "")
        assert (ran.exit_code != 0) == fails, said
        return said

    def save(self, instance: Path) -> tuple[str, str]:
        """Take a backup; return the paths of data and keys."""
        targets = ["--data-to", str(self.folder / "data"), "--keys-to", str(self.folder / "keys"), "--recipient", self.recipient]
        made = json.loads(self.run("backup", *targets, "--folder", str(instance), "--json"))
        return made[0]["path"], made[1]["path"]

    def restore(self, instance: Path, data: str, keys: str, *more: str, fails: bool = False) -> str:
        """Restore a backup."""
        files = ["--data", data, "--keys", keys, "--identity", str(self.identity)]
        return self.run("restore", *files, "--folder", str(instance), *more, fails=fails)


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    """A place for backups."""
    folder = tmp_path / "bank"
    folder.mkdir()
    return Bank(folder)


async def fill(folder: Path, url: str | None) -> tuple[Settings, dict[str, Any], dict[str, Any]]:
    """Make an instance with two patients; return them."""
    async with open_practice(folder, url) as practice:
        client = await practice.sign_in(Role.CLINICIAN)
        marked, other = await client.create(patient(MARK, birthDate="1961-02-03")), await client.create(patient("Other"))
        for at in range(3):
            await client.create(observation(marked["id"], valueString=f"{MARK} {at}"))
        seen = await client.create(observation(other["id"]))
        await client.put(seen | {"valueString": "changed"})
        return practice.house.settings, marked, other


async def found(settings: Settings) -> dict[str, Any]:
    """Return what a clinician finds in an instance."""
    async with open_practice(settings.folder.parent, settings.data_database or None) as practice:
        client = await practice.sign_in(Role.CLINICIAN)
        return {
            "all": sorted(await client.found("Patient")),
            "by name": await client.found("Patient", family=MARK),
            "by birth": await client.found("Patient", birthdate="1961"),
            "other": len(await client.found("Observation")),
        }


def empty(settings: Settings) -> None:
    """Lose both databases, as with a disk."""
    for name in ("data.db", "keys.db"):
        for path in settings.folder.glob(name + "*"):
            path.unlink()


def test_what_is_restored_is_what_was_saved(tmp_path: Path, bank: Bank) -> None:
    """Every version, and a search index made anew; a second restore writes over nothing."""
    settings, *_ = asyncio.run(fill(tmp_path, None))
    before = asyncio.run(found(settings))
    data, keys = bank.save(settings.folder)
    empty(settings)

    said = bank.restore(settings.folder, data, keys, "--nothing-erased-since")

    assert "0 erasures" in said
    assert asyncio.run(found(settings)) == before
    assert "not empty" in bank.restore(settings.folder, data, keys, "--nothing-erased-since", fails=True)


def test_a_backup_of_postgresql_restores_into_sqlite_and_back(tmp_path: Path, bank: Bank, postgresql_url: str) -> None:
    """One form for both engines; generated numbers go on above the restored ones."""
    settings, *_ = asyncio.run(fill(tmp_path, postgresql_url))
    before = asyncio.run(found(settings))
    data, keys = bank.save(settings.folder)
    other = tmp_path / "other" / "instance"
    shutil.copytree(settings.folder, other)
    text = (other / "confide.toml").read_text(encoding="utf-8")
    (other / "confide.toml").write_text(text.replace(f'data_database = "{postgresql_url}"', ""), encoding="utf-8")
    moved = Settings.load(other)
    empty(moved)

    bank.restore(other, data, keys, "--nothing-erased-since")

    assert asyncio.run(found(moved)) == before


@pytest.mark.parametrize("ledger", ["kept", "lost"])
def test_who_was_erased_since_does_not_come_back(tmp_path: Path, bank: Bank, ledger: str) -> None:
    """The ledger is carried out before anything opens; without it nothing is restored."""
    settings, marked, other = asyncio.run(fill(tmp_path, None))
    data, keys = bank.save(settings.folder)
    bank.run("erase", "--patient", marked["id"], "--yes", "--folder", str(settings.folder))
    empty(settings)
    if ledger == "lost":
        settings.ledger.unlink()
        assert "shred ledger" in bank.restore(settings.folder, data, keys, fails=True)
        return

    assert "1 erasure of" in bank.restore(settings.folder, data, keys)

    assert asyncio.run(found(settings)) == {"all": [other["id"]], "by name": [], "by birth": [], "other": 1}


def test_a_stopped_restore_serves_nothing_until_the_index_is_whole(tmp_path: Path, bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search over half an index would miss what is there; the next start says so, and finishes."""
    settings, *_ = asyncio.run(fill(tmp_path, None))
    before = asyncio.run(found(settings))
    data, keys = bank.save(settings.folder)
    empty(settings)

    def stop(_settings: Settings) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("confide.cli.restore.bring_up", stop)
        bank.restore(settings.folder, data, keys, "--nothing-erased-since", fails=True)

    async def held() -> str | None:
        async with open_house(settings, clock()) as house:
            return house.keyring.held

    assert "search index" in (asyncio.run(held()) or "")
    bank.run("keys", "status", "--folder", str(settings.folder))
    assert asyncio.run(found(settings)) == before


@pytest.mark.parametrize("damage", ["cut", "byte", "swapped", "other identity"])
def test_a_damaged_backup_restores_nothing(tmp_path: Path, bank: Bank, damage: str) -> None:
    """A clear sentence, and the databases stay empty."""
    settings, *_ = asyncio.run(fill(tmp_path, None))
    data, keys = bank.save(settings.folder)
    empty(settings)
    raw = bytearray((tmp_path / data).read_bytes())
    if damage == "cut":
        (tmp_path / data).write_bytes(raw[: len(raw) // 2])
    elif damage == "byte":
        raw[len(raw) // 2] ^= 1
        (tmp_path / data).write_bytes(raw)
    elif damage == "swapped":
        data, keys = keys, data
    else:
        bank.identity.write_text(str(pyrage.x25519.Identity.generate()), encoding="utf-8")

    bank.restore(settings.folder, data, keys, "--nothing-erased-since", fails=True)

    for source in sources(settings):
        if (settings.folder / f"{source.which.value}.db").exists():
            assert snapshot.is_empty(source.url, source.metadata)


def test_a_backup_shows_no_value_and_no_index(tmp_path: Path, bank: Bank) -> None:
    """Neither encrypted nor opened: the data in it are sealed, and the tokens are left out."""
    settings, *_ = asyncio.run(fill(tmp_path, None))
    data, keys = bank.save(settings.folder)
    identity = pyrage.x25519.Identity.from_str(bank.identity.read_text(encoding="utf-8").splitlines()[1])
    for path in (data, keys):
        with backup.opened(tmp_path / path, [identity]) as stream:
            header, parts = snapshot.read(stream)
            content = list(parts)
        assert MARK.encode() not in (tmp_path / path).read_bytes()
        assert MARK not in repr(content)
        assert "token" not in {part.table for part in content if isinstance(part, snapshot.Part)}
        assert header.which in path


def test_the_two_folders_must_differ(tmp_path: Path, bank: Bank) -> None:
    """Keys apart from data."""
    settings, *_ = asyncio.run(fill(tmp_path, None))
    same = str(tmp_path / "same")

    said = bank.run(
        "backup", "--data-to", same, "--keys-to", same, "--recipient", bank.recipient, "--folder", str(settings.folder), fails=True
    )

    assert "two folders" in said


def test_a_restore_into_no_folder_leads_to_the_recovery_kit(tmp_path: Path, bank: Bank) -> None:
    """Not to init, which would make keys that open no backup."""
    settings, *_ = asyncio.run(fill(tmp_path, None))
    data, keys = bank.save(settings.folder)
    said = bank.restore(tmp_path / "gone away", data, keys, fails=True)

    assert "keys kit recover" in said
    assert f"--folder '{tmp_path / 'gone away'}'" in said
    assert "init" not in said
