"""A server that is killed keeps what it acknowledged; the check of this can fail."""

from __future__ import annotations

import pytest

from tests.faults.kills import Break
from tests.show import crash

KILLS_ALONE = ("--points", "0", "--control-points", "0")


@pytest.mark.slow
def test_a_killed_server_keeps_what_it_acknowledged(capsys: pytest.CaptureFixture[str]) -> None:
    """Two kills under load lose nothing and tear nothing."""
    status = crash.main(["--rounds", "2", *KILLS_ALONE])

    assert status == 0, capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (Break.ROW, "the row is gone"),
        (Break.EVENT, "its audit event is gone"),
        (Break.BUNDLE, "an event names a resource that is not there"),
    ],
)
def test_what_is_taken_away_after_a_kill_is_missed(broken: Break, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A version, an audit event or a part of a transaction that is gone ends the show with status 1 and a sentence."""
    status = crash.main(["--rounds", "1", "--break", broken.value, *KILLS_ALONE])

    assert status == 1
    assert said in capsys.readouterr().out
