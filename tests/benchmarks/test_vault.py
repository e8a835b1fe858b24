"""`make bench-vault` in a tiny form: everything runs, and whatever falls short is said and counts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks import columns, documents, files, rewrap
from benchmarks.asked import Asked, judge
from tests.ground import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def run(path: str) -> subprocess.CompletedProcess[str]:
    """Run the bench, with what is found on a path."""
    command = [sys.executable, "-m", "benchmarks.vault", "tiny"]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PATH": path})


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed: run make system-packages")
def test_everything_is_measured_and_judged() -> None:
    """Every peer has its line, and the exit code is what the verdicts say; what so few rows show is no figure."""
    done = run(os.environ["PATH"])

    assert done.returncode == int("FALLS SHORT" in done.stdout), done.stderr[-2000:]
    named = [*columns.SAYS, *documents.SAYS, rewrap.SWEPT, files.SEAL, "age encrypts"]
    assert [one for one in named if one not in done.stdout] == []
    assert done.stdout.count("   asked ") == 21
    assert "cores of" in done.stdout.splitlines()[-5]


def test_without_age_it_says_how_to_install_it(tmp_path: Path) -> None:
    """At once, before anything is measured."""
    done = run(str(tmp_path))

    assert (done.returncode, done.stdout) == (2, "")
    assert "apt-get install age" in done.stderr


@pytest.mark.parametrize(("found", "at_most", "held"), [(1.0, True, True), (1.1, True, False), (0.9, False, False), (1.0, False, True)])
def test_a_limit_is_a_limit(found: float, at_most: bool, held: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Reached exactly it is kept; beyond it the figure falls short, and with it everything."""
    kept = Asked("kept", 1, 1)

    assert judge([kept, Asked("judged", found, 1.0, at_most=at_most)]) is held
    assert ("FALLS SHORT" in capsys.readouterr().out) is not held


def test_no_number_is_no_success() -> None:
    """Where nothing was measured, nothing holds."""
    assert not Asked("columns", float("nan"), 1, at_most=True).held
    assert not Asked("files", float("nan"), 1).held


def test_columns_are_held_to_a_third_of_one_and_the_whole_of_another() -> None:
    """Of what is added, for writing and for reading each."""
    added = {columns.GCM: (30.0, 30.0), columns.SEALED_FIELDS: (11.0, 9.0)}

    assert [one.held for one in columns.asked(added | {columns.CONFIDE: (10.0, 10.0)})] == [True, True, True, False]
    assert [one.held for one in columns.asked(added | {columns.CONFIDE: (10.5, 9.0)})] == [False, True, True, True]


def test_documents_are_held_to_rates_and_to_bytes() -> None:
    """Six times one peer, 25 times another with and without its cache, a third of the bytes of a third."""
    peers = {
        documents.MONGO: documents.Figure(60, 59, 0),
        documents.AWS: documents.Figure(250, 250, 0),
        documents.AWS_CACHED: documents.Figure(249, 251, 0),
        documents.FERNET: documents.Figure(1, 1, 299),
    }

    verdicts = [one.held for one in documents.asked(peers | {documents.CONFIDE: documents.Figure(10, 10, 100)})]
    assert verdicts == [True, True, False, False, True, True, False]


def test_files_are_held_to_age_and_to_a_copy() -> None:
    """Twice as fast as the one, 70 % of either copy loop."""
    wall = {files.LOOP: 0.8, files.REUSING: 0.69, files.SEAL: 1.0, files.UNSEAL: 0.9, files.AGE_SEALS: 2.0, files.AGE_OPENS: 1.7}

    assert [one.held for one in files.asked(wall)] == [True, False, False, True, True, True]


def test_every_rewrap_is_held_to_its_rate() -> None:
    """A hundred thousand keys in a second of CPU."""
    assert [one.held for one in rewrap.asked({("a", "b"): 100_000.0, ("c", "d"): 99_999.0})] == [True, False]
