"""Synthetic patients: what is there is not invented again, and no chart stays in the clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.cli.demonstration import patients

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_there_is_not_invented_again(tmp_path: Path) -> None:
    """A bundle counts, and so does the mark of one that was imported; a bundle that is not complete does not."""
    people = patients.wanted(tmp_path, 4)
    people[0].bundle.touch()
    people[1].mark.touch()
    people[2].bundle.with_suffix(".part").mkdir()

    assert patients.missing(people) == people[2:]


def test_bundles_in_the_clear_are_deleted(tmp_path: Path) -> None:
    """After the import only empty marks are left."""
    people = patients.wanted(tmp_path, 2)
    people[0].bundle.write_text("chart")
    people[1].mark.touch()
    patients.forget_plaintext(people)

    assert sorted((path.name, path.stat().st_size) for path in tmp_path.iterdir()) == [
        ("patient-001.imported", 0),
        ("patient-002.imported", 0),
    ]


def test_equal_numbers_are_equal_lives(tmp_path: Path) -> None:
    """Seeds follow from the number, so a larger demo holds the smaller one."""
    assert patients.wanted(tmp_path, 5)[:3] == patients.wanted(tmp_path, 3)
    assert len({one.seed for one in patients.wanted(tmp_path, 50)}) == 50
