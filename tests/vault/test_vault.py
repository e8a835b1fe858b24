"""A server whose provider goes away says so, and recovers; rotations may be killed."""

from __future__ import annotations

from random import Random  # noqa: TID251 - a seed repeats a run; no secret comes of it
from typing import TYPE_CHECKING

from tests import openbao
from tests.required import missing
from tests.vault import outage, rotation

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_provider_that_goes_away_is_told_and_survived(tmp_path: Path) -> None:
    """Under a running server, and before one starts: 503 with the reason, and back by itself."""
    try:
        seen = outage.run(tmp_path)
    except openbao.NoOpenBao as reason:
        missing(str(reason))

    assert seen.faults == []
    assert seen.slowest_answer < outage.PATIENCE_SECONDS


def test_rotations_may_be_killed_under_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One kill of each, on a small instance."""
    monkeypatch.setattr(rotation, "KILLS", 1)
    monkeypatch.setattr(rotation, "FILLED", 30)

    seen = rotation.run(tmp_path, Random(1))  # noqa: S311 - no secret comes of it

    assert seen.faults == []
    assert seen.finished >= len(rotation.WHAT)
    assert seen.written > 30
