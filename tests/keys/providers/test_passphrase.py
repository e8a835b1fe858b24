"""The passphrase: the right one opens, any other is told and harms nothing, and a guess costs what Argon2id costs."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given
from hypothesis import strategies as st

from confide.keys.choice import PassphraseChoice
from confide.keys.errors import KeyFileRefused, ProviderRefused
from confide.keys.providers import passphrase
from confide.keys.providers.opening import asked, open_provider
from confide.keys.providers.passphrase import Cost, Passphrase
from tests.keys.providers.benches import CHEAP, WORDS, secret

if TYPE_CHECKING:
    from collections.abc import Callable

KEY, CONTEXT = bytes(range(32)), b"a context"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that WORDS opens."""
    found = tmp_path / "root.sealed"
    passphrase.create(found, WORDS, CHEAP)
    return found


def summed(content: bytes) -> bytes:
    """Return the content with the sum that belongs to it."""
    body = content.rpartition(b"sum ")[0]
    return body + b"sum " + hashlib.sha256(body).hexdigest().encode() + b"\n"


def test_a_wrong_passphrase_is_told_and_writes_nothing(path: Path) -> None:
    """Whatever is asked for, the sentence says that the passphrase is another one, and the files are as they were."""
    right, wrong = Passphrase(path, lambda: WORDS), Passphrase(path, lambda: WORDS + " too many")
    right.make("epoch-1")
    before = {one: one.read_bytes() for one in path.parent.iterdir()}
    calls: tuple[Callable[[], object], ...] = (
        wrong.probe,
        wrong.slots,
        lambda: wrong.make("root-2"),
        lambda: wrong.make("epoch-2"),
        lambda: wrong.destroy("root-1"),
        lambda: wrong.wrap("root-1", KEY, CONTEXT),
    )
    for call in calls:
        with pytest.raises(ProviderRefused, match=r"not the one .* Nothing was written"):
            call()

    assert {one: one.read_bytes() for one in path.parent.iterdir()} == before
    right.probe()


def test_a_short_passphrase_is_not_taken(tmp_path: Path) -> None:
    """Fourteen characters are refused before anything is written, fifteen are taken."""
    with pytest.raises(ProviderRefused, match="at least 15"):
        passphrase.create(tmp_path / "root.sealed", "x" * 14, CHEAP)
    assert list(tmp_path.iterdir()) == []
    passphrase.create(tmp_path / "root.sealed", "x" * 15, CHEAP)


def test_a_file_that_is_there_stays(path: Path) -> None:
    """A second creation is refused, and leaves the file as it is."""
    before = path.read_bytes()

    with pytest.raises(KeyFileRefused, match="already"):
        passphrase.create(path, "another passphrase", CHEAP)
    assert path.read_bytes() == before


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40), st.binary(min_size=16, max_size=16))
def test_the_key_is_what_argon2id_makes(words: str, salt: bytes) -> None:
    """Another implementation of RFC 9106 gives the same key."""
    made = passphrase.stretched(words, salt, CHEAP).key.secret[8:]

    assert made == Argon2id(salt=salt, length=32, iterations=1, lanes=1, memory_cost=64).derive(normalize("NFKC", words).encode())


def test_two_ways_to_type_a_character_are_one(tmp_path: Path) -> None:
    """A passphrase with a composed letter opens with the decomposed one, whatever the keyboard sends."""
    passphrase.create(tmp_path / "root.sealed", "f\u00fcnf W\u00f6rter ohne W\u00fcrfel", CHEAP)

    Passphrase(tmp_path / "root.sealed", lambda: "fu\u0308nf Wo\u0308rter ohne Wu\u0308rfel").probe()


def test_the_named_costs_are_those_of_the_rfc() -> None:
    """RFC 9106 section 4: 2 GiB with one pass first, 64 MiB with three where that is too much; four lanes each."""
    assert Cost(memory_kib=2**21, passes=1, lanes=4) == passphrase.HIGH_MEMORY
    assert Cost(memory_kib=2**16, passes=3, lanes=4) == passphrase.LOW_MEMORY


def test_the_default_cost_is_paid(tmp_path: Path) -> None:
    """A file made without further words costs 64 MiB and three passes to open, and says so."""
    passphrase.create(tmp_path / "root.sealed", WORDS)
    Passphrase(tmp_path / "root.sealed", lambda: WORDS).probe()
    line = (tmp_path / "root.sealed").read_text(encoding="ascii").splitlines()[1]

    assert line == "argon2id " + "".join(f"{number:08x}" for number in (0x13, 65536, 3, 4))


@pytest.mark.parametrize(
    "cost",
    [(0x13, 2**31, 1, 1), (0x13, 64, 2**20, 1), (0x13, 64, 0, 1), (0x13, 64, 1, 0), (0x13, 7, 1, 1), (0x10, 64, 1, 1), (0x13, 64, 1)],
)
def test_a_cost_that_would_exhaust_the_machine_is_refused_at_once(path: Path, cost: tuple[int, ...]) -> None:
    """Nobody who can write the file can make the service eat all memory or hang."""
    encoded = "".join(f"{number:08x}" for number in cost).encode()
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(summed(b"\n".join([lines[0], b"argon2id " + encoded, *lines[2:]])))
    before = time.monotonic()

    with pytest.raises(KeyFileRefused, match="was changed"):
        Passphrase(path, lambda: WORDS).probe()
    assert time.monotonic() - before < 1


def test_no_change_opens_even_with_the_right_sum(path: Path) -> None:
    """Whoever changes a single digit and mends the sum gets a refusal: salt, cost and sealed keys hang together."""
    content, opened = path.read_bytes(), []
    start, end = content.index(b"salt "), content.index(b"sum ")
    for at in range(start, end):
        if content[at : at + 1] in b"0123456789abcdef":
            digit = b"1" if content[at : at + 1] == b"0" else b"0"
            path.write_bytes(summed(content[:at] + digit + content[at + 1 :]))
            try:
                if "root-1" in Passphrase(path, lambda: WORDS).slots():
                    opened.append(at)
            except (KeyFileRefused, ProviderRefused):
                pass

    assert opened == []


def test_the_file_alone_holds_no_key(path: Path) -> None:
    """Neither the root key nor what it is sealed under stands in it."""
    provider = Passphrase(path, lambda: WORDS)
    root = provider._keys().roots["root-1"].secret
    roots = provider._roots
    assert isinstance(roots, passphrase.SealedRoots)
    assert roots._under is not None
    content = path.read_text(encoding="ascii")

    assert root[8:].hex() not in content
    assert roots._under.key.secret[8:].hex() not in content


def test_a_changed_passphrase_opens_the_same_keys(path: Path) -> None:
    """After a change the new one opens what was wrapped before, the old one nothing, and a running service asks again."""
    words = [WORDS]
    running = Passphrase(path, lambda: words[0])
    wrapped = running.wrap("root-1", KEY, CONTEXT)
    with pytest.raises(ProviderRefused, match="not the one"):
        passphrase.change(path, lambda: "not what it was sealed with", "another long passphrase", CHEAP)
    passphrase.change(path, lambda: WORDS, "another long passphrase", CHEAP)

    with pytest.raises(ProviderRefused, match="not the one"):
        running.unwrap("root-1", wrapped, CONTEXT)
    words[0] = "another long passphrase"
    assert running.unwrap("root-1", wrapped, CONTEXT) == KEY
    running.make("root-2")
    assert Passphrase(path, lambda: words[0]).slots() == {"root-1", "root-2"}


def test_a_passphrase_is_asked_for_once(path: Path) -> None:
    """As long as the file's salt stays, nobody is asked again, however often the file changes."""
    times = []

    def ask() -> str:
        times.append(1)
        return WORDS

    provider = Passphrase(path, ask)
    for slot in ("root-2", "epoch-1", "root-3"):
        provider.make(slot)
    Passphrase(path, lambda: WORDS).make("root-4")

    assert provider.slots() == {"root-1", "root-2", "root-3", "root-4", "epoch-1"}
    assert len(times) == 1


def test_it_is_asked_for_where_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First the file, then the variable, then the person; and where there is none of them, a sentence that says so."""
    monkeypatch.delenv("CONFIDE_PASSPHRASE", raising=False)
    with_file = PassphraseChoice(Path("x"), passphrase_file=secret(tmp_path / "words", "of the file\n"))
    without = PassphraseChoice(Path("x"))
    found = [asked(with_file, lambda: "of the person"), asked(without, lambda: "of the person")]
    with pytest.raises(ProviderRefused, match="CONFIDE_PASSPHRASE"):
        asked(without, None)
    monkeypatch.setenv("CONFIDE_PASSPHRASE", "of the variable")
    found += [asked(with_file, None), asked(without, lambda: "of the person")]

    assert found == ["of the file", "of the person", "of the file", "of the variable"]


def test_nobody_is_asked_before_it_is_needed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Building the provider asks nothing; its first use does, through the prompt that was given."""
    monkeypatch.delenv("CONFIDE_PASSPHRASE", raising=False)
    times = []

    def prompt() -> str:
        times.append(1)
        return WORDS

    provider = open_provider(PassphraseChoice(path), prompt)
    before = len(times)
    provider.probe()

    assert (before, len(times)) == (0, 1)
