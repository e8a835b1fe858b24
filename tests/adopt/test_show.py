"""`make show-adopt`, in small."""

from __future__ import annotations

import pytest

from tests.show import adopt


@pytest.mark.slow
def test_examples_adopt_and_migrate(capsys: pytest.CaptureFixture[str]) -> None:
    """Every example before, after and in between, with a kill; the figures are last and nothing falls short."""
    status = adopt.main(["--people", "40"])

    assert status == 0, capsys.readouterr().out
