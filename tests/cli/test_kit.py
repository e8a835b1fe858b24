"""The recovery kit: it opens for whom it was made for, and with a restore brings a lost machine back."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confide.keys.errors import KitRefused
from confide.keys.kit import FILES, Kit, join, pack, split, unpack
from tests.cli.test_backup import Bank, bank, fill, found

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bank"]
KIT = Kit(3, 1, {"root.key": b"root", "epochs.key": b"epochs"})


@given(st.dictionaries(st.sampled_from(FILES), st.binary(max_size=200)), st.integers(0, 10**6))
def test_a_kit_is_read_as_it_was_written(files: dict[str, bytes], epoch: int) -> None:
    """Bytes in, bytes out."""
    kit = Kit(epoch, 7, files)

    assert unpack(pack(kit)) == kit


@settings(max_examples=5)
@given(st.integers(2, 5), st.integers(0, 3))
def test_any_so_many_shares_open_a_kit_and_fewer_do_not(needed: int, more: int) -> None:
    """Every choice of the needed number joins; one fewer never does."""
    sealed, words = split(pack(KIT), needed, needed + more)

    for chosen in itertools.islice(itertools.combinations(words, needed), 3):
        assert unpack(join(sealed, chosen)) == KIT
    with pytest.raises(KitRefused):
        join(sealed, words[: needed - 1])


def test_shares_of_another_kit_do_not_open_it() -> None:
    """Nor a mistyped word, nor bytes that are none."""
    sealed, words = split(pack(KIT), 2, 3)
    other, _ = split(pack(KIT), 2, 3)

    for what, shares in ((other, words[:2]), (sealed, [words[0], words[1][:-3] + "zzz"]), (b"nothing", words[:2])):
        with pytest.raises(KitRefused):
            join(what, shares)
    with pytest.raises(KitRefused):
        unpack(b"\x01nothing")
    assert "root" not in repr(KIT)


@pytest.mark.parametrize("way", ["identity", "shares"])
def test_a_lost_machine_comes_back(tmp_path: Path, bank: Bank, way: str) -> None:
    """From the kit, the two backups and the ledger alone, in another folder."""
    instance, *_ = asyncio.run(fill(tmp_path / "first", None))
    bank.run("keys", "rotate", "epoch", "--folder", str(instance.folder))
    before = asyncio.run(found(instance))
    data, keys = bank.save(instance.folder)
    kit, second = str(tmp_path / "kit"), tmp_path / "second" / "instance"
    if way == "identity":
        said = bank.run("keys", "kit", "write", "--to", kit, "--recipient", bank.recipient, "--folder", str(instance.folder))
        opening, typed = ["--identity", str(bank.identity)], ""
    else:
        said = bank.run("keys", "kit", "write", "--to", kit, "--shares", "3", "--folder", str(instance.folder))
        shares = [line.strip() for line in said.splitlines() if len(line.split()) > 25]
        opening, typed = [], f"{shares[0]}\n{shares[2]}\n\n"
    asks = "confirm" in said and "--identity FILE" in said
    unconfirmed = json.loads(bank.run("check", "--json", "--folder", str(instance.folder)))["checks"][-1]
    bank.run("keys", "kit", "confirm", kit, *opening, "--folder", str(instance.folder), typed=typed)

    bank.run("keys", "kit", "recover", kit, *opening, "--folder", str(second), typed=typed)
    bank.restore(second, data, keys, "--nothing-erased-since")

    assert asks == (way == "identity")
    assert unconfirmed["warning"]
    assert json.loads(bank.run("check", "--json", "--folder", str(instance.folder)))["checks"][-1]["name"] != "recovery"
    text = (second / "confide.toml").read_text(encoding="utf-8")
    (second / "confide.toml").write_text(text.replace("# tls = true", "tls = false"), encoding="utf-8")
    assert asyncio.run(found(instance.load(second))) == before


def test_a_kit_of_an_earlier_epoch_is_not_confirmed(tmp_path: Path, bank: Bank) -> None:
    """And what was confirmed counts no more when an epoch begins."""
    instance, *_ = asyncio.run(fill(tmp_path / "first", None))
    kit = str(tmp_path / "kit")
    bank.run("keys", "kit", "write", "--to", kit, "--recipient", bank.recipient, "--folder", str(instance.folder))
    bank.run("keys", "rotate", "epoch", "--folder", str(instance.folder))

    said = bank.run("keys", "kit", "confirm", kit, "--identity", str(bank.identity), "--folder", str(instance.folder), fails=True)

    assert "earlier epoch" in said
