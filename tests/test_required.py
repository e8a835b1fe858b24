"""What a person's machine may lack, CI may not."""

from __future__ import annotations

import pytest

from tests.required import missing


def test_a_missing_thing_is_a_skip_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a person's machine the run goes on, and prints why something was not run."""
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="no token"):
        missing("no token")


def test_a_missing_thing_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """There nothing is skipped without anybody noticing."""
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="no token"):
        missing("no token")
