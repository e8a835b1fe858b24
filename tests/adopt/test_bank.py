"""The example bank before and after: the same client suite passes on both, and only what is stored differs."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.adopt.bank import EXAMPLES, Bank, running
from tests.adopt.difference import LINES, changes, difference
from tests.adopt.tellers import ADA, BEN, IBAN, PLANTED, TRANSFER, found, posted, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"


@pytest.fixture(params=["before", "after"])
def bank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bank]:
    """A bank of each kind."""
    with running(request.param, tmp_path) as found:
        yield found


def test_the_client_sees_no_difference_and_a_thief_does(bank: Bank) -> None:
    """One suite for both; then a scan of every file, in which the bank of before shows everything."""
    walk(bank)
    bank.stop()
    stored = bank.content()
    seen = {value.decode() for value in PLANTED if value in stored}

    if bank.variant == "before":
        assert {"marker.ada@example.org", IBAN, TRANSFER["reference"], ADA["address"]} <= seen
    else:
        assert seen == set()


def test_every_reading_is_in_the_trail(tmp_path: Path) -> None:
    """The bank of after has an event for each person of each request, stored when the answer was there."""
    with running("after", tmp_path) as bank:
        posted(bank.client, "/customers", ADA)
        posted(bank.client, "/customers", BEN)
        connection = sqlite3.connect(tmp_path / "bank.db")
        before = connection.execute("SELECT count(*) FROM audit_outbox").fetchone()[0]
        found(bank.client)
        after = connection.execute("SELECT count(*) FROM audit_outbox").fetchone()[0]
        connection.close()

    assert after - before == 2


def test_adopting_takes_few_lines() -> None:
    """Counted as `diff` counts them: every line that was added or taken away."""
    assert changes(EXAMPLES) <= LINES
    assert 200 <= sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (EXAMPLES / "before" / "bank").glob("*.py")) <= 300


def test_the_guide_shows_the_very_change() -> None:
    """The page includes what is compared here."""
    written = (EXAMPLES / "adopt.diff").read_text(encoding="utf-8")

    assert written == "".join(line + "\n" for line in difference(EXAMPLES))
    assert "adopt.diff" in (GUIDE / "adopt-sqlalchemy.md").read_text(encoding="utf-8")
