"""The keys of a vault are made once, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from confide.adopt.begin import begin
from confide.adopt.errors import KeysLost, Misused
from confide.adopt.settings import of
from confide.store.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_there_is_not_touched(tmp_path: Path) -> None:
    """A second time makes nothing."""
    settings = of(keys=f"sqlite:///{tmp_path / 'keys.db'}", key_file=tmp_path / "root.key", database=f"sqlite:///{tmp_path / 'data.db'}")
    made = begin(settings)
    key = (tmp_path / "root.key").read_bytes()

    assert made == ["key file", "key database"]
    assert begin(settings) == []
    assert (tmp_path / "root.key").read_bytes() == key


def test_a_key_database_that_is_not_reached_leaves_no_key_file(tmp_path: Path) -> None:
    """With the address put right it is made at once."""
    settings = of(keys="postgresql://nobody@127.0.0.1:9/keys", key_file=tmp_path / "root.key", database=f"sqlite:///{tmp_path / 'data.db'}")
    with pytest.raises(Unavailable):
        begin(settings)

    assert list(tmp_path.iterdir()) == []


def test_keys_are_not_made_in_the_database_of_the_data(tmp_path: Path) -> None:
    """Whoever stole it would have everything."""
    url = f"sqlite:///{tmp_path / 'data.db'}"
    with pytest.raises(Misused, match="name another one"):
        begin(of(keys=url, key_file=tmp_path / "root.key", database=url))

    assert list(tmp_path.iterdir()) == []


def test_epochs_of_a_lost_key_file_stop_it(tmp_path: Path) -> None:
    """A new root key beside them would open nothing of before."""
    (tmp_path / "epochs.key").write_text("left over")
    with pytest.raises(KeysLost, match="that back, or move this away"):
        begin(of(keys=f"sqlite:///{tmp_path / 'keys.db'}", key_file=tmp_path / "root.key", database=f"sqlite:///{tmp_path / 'data.db'}"))

    assert [one.name for one in tmp_path.iterdir()] == ["epochs.key"]
