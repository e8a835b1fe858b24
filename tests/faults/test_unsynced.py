"""Losing what was never synced loses nothing that was acknowledged; with less syncing it does."""

from __future__ import annotations

from random import Random  # noqa: TID251 - a seed, so that a failure can be repeated
from typing import TYPE_CHECKING

import pytest

from tests.faults import journal, unsynced
from tests.faults.unsynced import RecorderMissedError
from tests.show import crash

if TYPE_CHECKING:
    from pathlib import Path

POINTS, WRITES = 16, 120
SEED = 20_260


@pytest.mark.slow
def test_no_acknowledged_write_is_unsynced(capsys: pytest.CaptureFixture[str]) -> None:
    """At each point, every acknowledged version is there with its event, and transactions are whole or absent."""
    status = crash.main(["--rounds", "0", "--points", str(POINTS), "--writes", str(WRITES), "--control-points", "0", "--seed", str(SEED)])

    assert status == 0, capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("synchronous", crash.WEAK)
def test_less_syncing_is_caught(tmp_path: Path, synchronous: str) -> None:
    """With PRAGMA synchronous=OFF or NORMAL the same check finds acknowledged versions lost."""
    losses = unsynced.run(tmp_path, 8, 60, Random(SEED), synchronous)  # noqa: S311 - no secret comes of it

    assert losses.findings.lost


@pytest.mark.slow
def test_a_write_past_the_recorder_is_caught(tmp_path: Path) -> None:
    """If the records do not give the very files on disk, the run ends instead of vouching for them."""
    recorded = unsynced.record(tmp_path, 4, Random(SEED), None)  # noqa: S311 - no secret comes of it
    with (recorded.ground.folder / "data.db").open("ab") as file:
        file.write(b"unrecorded")

    with pytest.raises(RecorderMissedError):
        unsynced.lose(recorded, 0, Random(SEED), unsynced.Losses(), tmp_path / "left")  # noqa: S311


def test_without_a_compiler_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names make system-packages."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(journal.NoCompilerError, match="make system-packages"):
        journal.build(tmp_path)
