"""Bad input is refused and leaves nothing, good strings come back; and a server that fails at either is found out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import postgres
from tests.fuzz.weakened import Weakness
from tests.show import fuzz

if TYPE_CHECKING:
    from pathlib import Path

BODIES, STRINGS = fuzz.FAMILIES[0].name, fuzz.FAMILIES[-1].name
SAID = {
    Weakness.ECHO: "the answer repeats a part of the input",
    Weakness.FAIL: "it is answered with 500",
    Weakness.STORE: "document has changed",
    Weakness.BARE: "the refusal is not a valid OperationOutcome",
    Weakness.PLACE: "no issue is",
    Weakness.LOG: "it holds a part of an input",
    Weakness.TRAIL: "an event holds a part of an input",
    Weakness.CHANGE: "a create changed",
}


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_bad_input_leaves_nothing_and_good_strings_come_back(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A few inputs of every family find no fault."""
    cluster = None
    if store == "postgresql":
        url = request.getfixturevalue("postgresql_url")
        cluster = postgres.Cluster(url, tmp_path / "elsewhere", postgres.Binaries(tmp_path, None))
    result = fuzz.run(tmp_path, store, cluster, fuzz.Plan(long=False, seed=20240229))

    assert fuzz.tell([result]) == 0, result.faults
    assert result.tally.sent.total() > 1_300
    assert result.tally.returned > 100


@pytest.mark.slow
@pytest.mark.parametrize("weakness", Weakness)
def test_a_fault_in_the_server_is_found(weakness: Weakness, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--break`, the run ends with status 1 and says what is wrong."""
    family = STRINGS if weakness is Weakness.CHANGE else BODIES
    status = fuzz.main(["--store", "sqlite", "--small", "--seed", "7", "--only", family, "--break", weakness.value])

    assert status == 1
    assert SAID[weakness] in capsys.readouterr().out
