"""Whatever is not declared stops the boot, and CI, before anything is opened."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from confide.cli.init import make_instance
from confide.clinic.app import check_declared, clock, open_house
from confide.clinic.errors import Undeclared
from confide.clinic.records import fhir_map
from confide.datamap.terms import Category, Protection, declared
from confide.store.schema import DATA, KEYS
from tests import postgres
from tests.ground import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 120
PLANTS = {
    "a column without a declaration": (
        "import sqlalchemy as sa; from confide.store.schema import DATA; sa.Table('planted', DATA, sa.Column('note', sa.String))",
        "planted.note is not declared",
    ),
    "a datatype without a declaration": (
        "from confide.clinic.records.fhir_map import DATATYPES; del DATATYPES['Address']",
        "Patient.address (Address)",
    ),
}


@pytest.fixture(params=[DATA, KEYS], ids=["data", "keys"])
def planted(request: pytest.FixtureRequest) -> Iterator[sa.Table]:
    """A table in either database, gone afterwards."""
    table = sa.Table("planted", request.param)
    yield table
    request.param.remove(table)


def test_everything_is_declared() -> None:
    """As the house stands."""
    check_declared()


def test_an_undeclared_column_is_named(planted: sa.Table) -> None:
    """In either database."""
    planted.append_column(sa.Column("note", sa.String))

    with pytest.raises(Undeclared, match=r"the service does not start: planted\.note is not declared$"):
        check_declared()


def test_a_plain_personal_column_is_named(planted: sa.Table) -> None:
    """A reason does not make it right."""
    planted.append_column(sa.Column("surname", sa.String, info=declared(Category.NAME, Protection.PLAIN, reason="we like to read it")))

    with pytest.raises(Undeclared, match=r"planted\.surname is personal and stored plain$"):
        check_declared()


def test_an_undeclared_datatype_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the elements that have it, twenty at most."""
    monkeypatch.delitem(fhir_map.DATATYPES, "CodeableConcept")

    with pytest.raises(Undeclared, match=r"does not start: Account\.") as refused:
        check_declared()
    assert str(refused.value).count("(CodeableConcept)") == 20


async def test_nothing_is_opened(tmp_path: Path, planted: sa.Table) -> None:
    """The refusal comes before a key file is read or a database is touched."""
    settings, _ = await asyncio.to_thread(make_instance, tmp_path / "instance", {})
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "instance").rglob("*")}
    settings.key_file.unlink()
    planted.append_column(sa.Column("note", sa.String))

    with pytest.raises(Undeclared):
        async with open_house(settings, clock()):
            pass
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "instance").rglob("*")}
    assert {path for path in before if before[path] != after.get(path)} <= {settings.key_file, tmp_path / "instance"}


@pytest.mark.parametrize(("plant", "arguments"), [*zip(PLANTS, [("serve",), ("check", "--datamap")], strict=True)])
def test_no_server_and_no_ci(tmp_path: Path, plant: str, arguments: tuple[str, ...]) -> None:
    """`confide serve` and `make datamap` end with status 1 and name the field."""
    make_instance(tmp_path / "instance", {"port": postgres.free_port()})
    code, said = PLANTS[plant]
    program = f"import confide.clinic.app; {code}\nfrom confide.cli.main import main\nmain()"
    command = [sys.executable, "-c", program, *arguments, "--folder", str(tmp_path / "instance")]
    found = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=ROOT)

    assert found.returncode == 1
    assert said in found.stdout + found.stderr
    assert "Traceback" not in found.stderr
