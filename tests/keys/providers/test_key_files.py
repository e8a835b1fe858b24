"""Key files: what is lost, open to others or half there is refused and left as it is; what is written is written whole."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from confide.crypto.errors import DoesNotOpen
from confide.keys.errors import KeyFileRefused, KeysError, ProviderUnavailable, SlotMissing
from confide.keys.providers import epochs, keyfile, slotfile
from confide.keys.providers.keyfile import KeyFile
from confide.keys.providers.naming import bound

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.keys.providers.benches import Bench

ROOT = Path(__file__).resolve().parents[3]
KEY, CONTEXT = bytes(range(32)), b"a context"
LOCAL = pytest.mark.parametrize("kind", ["key file", "passphrase"])
FULL_DISK = """
import resource, sys
from pathlib import Path
from confide.keys.providers.keyfile import KeyFile, create
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), -1))
do = {"make": lambda path: KeyFile(path).make(sys.argv[4]), "destroy": lambda path: KeyFile(path).destroy(sys.argv[4]), "create": create}
try:
    do[sys.argv[1]](Path(sys.argv[2]))
except Exception as error:
    print(type(error).__name__, error)
"""
"""Writes end after so many bytes, as on a full disk; the kernel counts, and for this process alone."""
CHURN = """
import sys
from pathlib import Path
from confide.keys.providers.keyfile import KeyFile
from confide.keys.providers.naming import bound
provider, number = KeyFile(Path(sys.argv[1])), int(sys.argv[2])
while True:
    number += 1
    for slot in (f"epoch-{number}", f"root-{number}"):
        provider.make(slot)
        print(slot, provider.wrap(slot, b"k", b"").hex(), flush=True)
    provider.destroy(f"root-{number - 1}")
    print(f"root-{number - 1}", "destroyed", flush=True)
"""
MAKE = """
import sys
from pathlib import Path
from confide.keys.providers.keyfile import KeyFile
from confide.keys.providers.naming import bound
provider = KeyFile(Path(sys.argv[1]))
for number in range(1, 9):
    provider.make(f"epoch-{number}")
    print(provider.wrap(f"epoch-{number}", b"k", b"").hex())
"""


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python process of ours."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def files(folder: Path) -> dict[str, bytes]:
    """Return what lies in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key file with an epoch key beside it."""
    found = tmp_path / "root.key"
    keyfile.create(found)
    KeyFile(found).make("epoch-1")
    return found


@LOCAL
def test_every_file_is_its_owners_alone(bench: Bench, tmp_path: Path) -> None:
    """Whatever is written has mode 0600, and nothing else is left in the folder."""
    provider = bench.provider()
    for slot in ("epoch-1", "root-2"):
        provider.make(slot)
    provider.destroy("root-1")
    found = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()}

    assert found.items() >= {"epochs.key": 0o600}.items()
    assert set(found.values()) == {0o600}
    assert set(found) - {"passphrase"} in ({"root.key", "epochs.key"}, {"root.sealed", "epochs.key"})


def test_the_epochs_file_alone_opens_nothing(path: Path, tmp_path: Path) -> None:
    """It holds no key in the clear, and beside other root keys it is refused and left."""
    provider = KeyFile(path)
    secret = provider._keys().epochs["epoch-1"].secret
    content = (path.parent / "epochs.key").read_text(encoding="ascii")
    other = tmp_path / "other"
    other.mkdir()
    keyfile.create(other / "root.key")
    (other / "epochs.key").write_text(content, encoding="ascii")
    (other / "epochs.key").chmod(0o600)

    assert secret[8:].hex() not in content
    for call in (KeyFile(other / "root.key").probe, lambda: KeyFile(other / "root.key").make("epoch-2")):
        with pytest.raises(KeyFileRefused, match="beside other root keys"):
            call()
    assert (other / "epochs.key").read_text(encoding="ascii") == content


def test_no_caller_opens_what_the_epochs_file_holds(path: Path) -> None:
    """A line of the epochs file is no wrapped key: under no slot and no context that a caller may give does it open."""
    provider = KeyFile(path)
    sealed = slotfile.read(path.with_name("epochs.key"), epochs.FIRST_LINE)["epoch-1"]

    for slot in ("root-1", "epoch-1"):
        for context in (b"", epochs._PURPOSE, bound("epoch-1", epochs._PURPOSE)):
            with pytest.raises(DoesNotOpen):
                provider.unwrap(slot, sealed, context)


@LOCAL
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620, 0o601])
def test_a_file_that_others_may_use_is_refused(bench: Bench, tmp_path: Path, mode: int) -> None:
    """Any bit of group or world, on either file, stops everything with a sentence that says what to do."""
    bench.provider().make("epoch-1")
    for file in (tmp_path / "keys").iterdir():
        if file.name == "passphrase":
            continue
        file.chmod(mode)
        with pytest.raises(KeyFileRefused, match="chmod 600"):
            bench.provider().unwrap("root-1", b"x", b"")
        file.chmod(0o600)
    bench.provider().probe()


@pytest.mark.parametrize("name", ["root.key", "epochs.key"])
def test_a_part_of_a_file_is_refused_and_left(path: Path, name: str) -> None:
    """Cut at any byte, or changed at any byte, a file is refused; nothing is written, whatever is asked for."""
    file = path.with_name(name)
    whole = file.read_bytes()
    damaged = [whole[:length] for length in range(len(whole))]
    damaged += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole))]
    damaged += [whole + b"x", whole + whole, b"\xff" * 100]
    accepted = []
    for content in damaged:
        file.write_bytes(content)
        for call in (KeyFile(path).probe, lambda: KeyFile(path).make("epoch-2"), lambda: KeyFile(path).destroy("root-1")):
            try:
                call()
                accepted.append(content)
            except KeyFileRefused:
                pass
        assert file.read_bytes() == content

    assert accepted == []


def test_a_lost_key_file_is_never_made_anew_by_the_way(path: Path) -> None:
    """Without the root keys nothing is made, neither a root nor an epoch: a new file would open nothing of what is there."""
    path.unlink()
    before = files(path.parent)
    for slot in ("root-1", "root-2", "epoch-1", "epoch-2"):
        with pytest.raises(KeyFileRefused, match="Nothing was written"):
            KeyFile(path).make(slot)

    assert files(path.parent) == before


def test_lost_epochs_are_missing_slots(path: Path) -> None:
    """Where the epochs file is gone, its slots are missing, and the sentence names the file."""
    (path.parent / "epochs.key").unlink()

    with pytest.raises(SlotMissing, match=r"epochs\.key"):
        KeyFile(path).wrap("epoch-1", KEY, CONTEXT)
    assert KeyFile(path).slots() == {"root-1"}


@pytest.mark.parametrize(
    ("deed", "slot"), [("make", "root-2"), ("make", "epoch-2"), ("destroy", "root-1"), ("destroy", "epoch-1"), ("create", "new.key")]
)
@pytest.mark.parametrize("room", [0, 1, 60])
def test_a_full_disk_loses_nothing(path: Path, deed: str, slot: str, room: int) -> None:
    """Wherever the disk fills up, the sentence is clear and every file is as it was."""
    if deed == "destroy" and slot.startswith("root"):
        KeyFile(path).make("root-2")
    before = files(path.parent)
    ended = run(FULL_DISK, deed, path.with_name(slot) if deed == "create" else path, room, slot)
    said = ended.communicate(timeout=60)[0]

    assert said.startswith("ProviderUnavailable")
    assert "make room" in said
    assert files(path.parent) == before


def test_a_kill_at_any_time_leaves_whole_files(path: Path) -> None:
    """Killed while it makes and destroys slots, a process leaves every slot that it had told of, and files that open."""
    told: dict[str, str] = {"epoch-1": KeyFile(path).wrap("epoch-1", b"k", b"").hex()}
    for turn in range(12):
        process = run(CHURN, path, 1 + 1000 * turn)
        assert process.stdout is not None
        first = process.stdout.readline() if turn else ""
        time.sleep(0.02 * turn)
        process.send_signal(signal.SIGKILL)
        for line in (first + process.communicate()[0]).splitlines(keepends=True):
            match line.split():
                case [slot, "destroyed"]:
                    told.pop(slot, None)
                case [slot, wrapped] if line.endswith("\n"):
                    told[slot] = wrapped
                case _:
                    assert not line.endswith("\n")
        provider = KeyFile(path)
        gone = set(told) - provider.slots()

        assert len(gone) <= 1  # destroyed, but killed before it could say so
        assert all(slot.startswith("root-") for slot in gone)
        told = {slot: wrapped for slot, wrapped in told.items() if slot not in gone}
        assert {slot: bytes(provider.unwrap(slot, bytes.fromhex(wrapped), b"")) for slot, wrapped in told.items()} == dict.fromkeys(
            told, b"k"
        )
    assert len(told) > 20


def test_processes_that_make_one_slot_share_its_key(path: Path) -> None:
    """Whoever comes first makes it; what any of them wrapped opens."""
    processes = [run(MAKE, path) for _ in range(6)]
    wrapped = [process.communicate(timeout=60)[0].split() for process in processes]
    provider = KeyFile(path)
    opened = [bytes(provider.unwrap(f"epoch-{number}", bytes.fromhex(one), b"")) for some in wrapped for number, one in enumerate(some, 1)]

    assert opened == [b"k"] * 48


def test_what_a_killed_process_left_is_no_trap(path: Path) -> None:
    """A part of a file is thrown away; where it is a link to elsewhere, what lies there is not touched."""
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_bytes(b"precious")
    path.with_name("epochs.key.part").symlink_to(elsewhere)
    path.with_name("root.key.part").write_bytes(b"half")
    for slot in ("root-2", "epoch-2"):
        KeyFile(path).make(slot)

    assert elsewhere.read_bytes() == b"precious"
    assert KeyFile(path).slots() == {"root-1", "root-2", "epoch-1", "epoch-2"}
    assert set(files(path.parent)) == {"root.key", "epochs.key", "elsewhere"}


def test_a_link_to_the_key_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    """Keys on another medium, linked to from here, are written there."""
    medium = tmp_path / "medium"
    medium.mkdir()
    path.rename(medium / "root.key")
    path.symlink_to(medium / "root.key")
    KeyFile(path).make("root-2")

    assert path.is_symlink()
    assert KeyFile(medium / "root.key").slots() >= {"root-1", "root-2"}


def test_a_destroyed_root_is_needed_by_nothing(path: Path) -> None:
    """Epoch keys go over to the newest root before theirs goes, so that the file holds no trace of it."""
    provider = KeyFile(path)
    old = provider._keys().roots["root-1"].secret
    for step, slot in ((provider.make, "root-2"), (provider.make, "root-10"), (provider.destroy, "root-1")):
        step(slot)
    newest = provider._keys().roots["root-10"].secret[:8].hex()
    written = b"".join(files(path.parent).values()).decode()

    assert old[:8].hex() not in written
    assert old[8:].hex() not in written
    assert newest in (path.parent / "epochs.key").read_text(encoding="ascii")


def test_the_last_root_takes_the_epochs_along(path: Path) -> None:
    """With no root left nothing opens, and nothing says otherwise; an epoch needs a root."""
    provider = KeyFile(path)
    provider.destroy("root-1")

    assert provider.slots() == frozenset()
    with pytest.raises(SlotMissing, match="make root-1 first"):
        provider.make("epoch-2")


def test_whoever_keeps_the_folder_is_waited_for_but_not_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change waits for another process's, and gives up after the stated time; reading waits for nobody."""
    monkeypatch.setattr(slotfile, "LOCK_SECONDS", 0.3)
    handle = os.open(path.parent, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    before = time.monotonic()
    try:
        with pytest.raises(ProviderUnavailable, match="Another process"):
            KeyFile(path).make("epoch-2")
        waited = time.monotonic() - before
        assert KeyFile(path).unwrap("root-1", KeyFile(path).wrap("root-1", KEY, CONTEXT), CONTEXT) == KEY
    finally:
        os.close(handle)

    assert 0.3 <= waited < 2
    KeyFile(path).make("epoch-2")


def _summed(body: bytes) -> bytes:
    return body + b"sum " + hashlib.sha256(body).hexdigest().encode() + b"\n"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda body: body.rstrip(b"\n") + b"00\n", "another length"),
        (lambda body: body.replace(b"root keys", b"epoch keys"), "no whole key file"),
        (lambda body: body.replace(b"root-1 ", b"root-1 zz"), "no whole key file"),
        (lambda body: body + b"root-2\n", "no whole key file"),
        (lambda _body: b"", "no whole key file"),
    ],
)
def test_a_file_of_another_kind_is_refused(path: Path, change: Callable[[bytes], bytes], named: str) -> None:
    """Even where the sum is right, a file that is not one of ours says so."""
    path.write_bytes(_summed(change(path.read_bytes().rpartition(b"sum ")[0])))

    with pytest.raises(KeysError, match=named):
        KeyFile(path).probe()


def test_revealed_keys_can_be_put_back(path: Path, tmp_path: Path) -> None:
    """What a recovery kit holds opens on another machine what was wrapped on this one; nothing that is there is overwritten."""
    provider = KeyFile(path)
    provider.make("root-2")
    wrapped = {slot: provider.wrap(slot, KEY, CONTEXT) for slot in provider.slots()}
    other = tmp_path / "other"
    other.mkdir()
    kit = provider.reveal()
    keyfile.restore(other / "root.key", kit)
    before = files(other)

    assert {slot: bytes(KeyFile(other / "root.key").unwrap(slot, one, CONTEXT)) for slot, one in wrapped.items()} == dict.fromkeys(
        wrapped, KEY
    )
    assert {one.stat().st_mode & 0o777 for one in other.iterdir()} == {0o600}
    with pytest.raises(KeyFileRefused, match="already"):
        keyfile.restore(other / "root.key", kit)
    (other / "root.key").unlink()
    with pytest.raises(KeyFileRefused, match="already"):
        keyfile.restore(other / "root.key", kit)
    assert files(other) == {"epochs.key": before["epochs.key"]}


@pytest.mark.parametrize("secrets", [{}, {"epoch-1": bytes(40)}, {"root-1": bytes(39)}, {"root-1": bytes(40), "x": bytes(40)}])
def test_what_is_no_set_of_keys_is_not_put_back(tmp_path: Path, secrets: dict[str, bytes]) -> None:
    """Without a root, with a key of another length or a name that is no slot, nothing is written."""
    with pytest.raises(KeyFileRefused, match="not a set of keys"):
        keyfile.restore(tmp_path / "root.key", secrets)
    assert files(tmp_path) == {}
