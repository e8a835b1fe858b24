"""The pages that come out of the code are what the code says, and their examples are commands that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from confide.cli.main import confide
from confide.clinic.fhir import outcome
from confide.clinic.fhir.errors import FhirError
from confide.clinic.portal import errors as portal
from tools import reference_cli, reference_errors, reference_examples, write_reference

EXAMPLES = [(name, line) for name, examples in reference_examples.EXAMPLES.items() for _, line in examples]
CODE = re.compile(r"[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*")
ASSIGNMENT = re.compile(r"[A-Z_]+=\S*")


@pytest.mark.parametrize("page", write_reference.PAGES)
def test_a_page_is_what_the_code_says(page: str) -> None:
    """`make reference` writes it anew."""
    assert (write_reference.FOLDER / page).read_text(encoding="utf-8") == write_reference.PAGES[page]()


def test_every_command_has_an_example() -> None:
    """And no example is left of a command that is gone."""
    assert set(reference_examples.EXAMPLES) == {name for name, _ in reference_cli.commands()}


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_an_example_is_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, line: str) -> None:
    """Every option, choice, number and argument is taken by the command itself, which is not run."""
    monkeypatch.chdir(tmp_path)
    Path("bundles").mkdir()
    for file in ("bundles/one.json", "bundles/two.json", "kit.age", "identity.txt", "data.confide.age", "keys.confide.age"):
        Path(file).touch()
    words = shlex.split(line.partition(" < ")[0])
    while ASSIGNMENT.fullmatch(words[0]):
        words.pop(0)
    program, *rest = words

    assert program == "confide"
    assert rest[: len(name.split())] == name.split()
    command = dict(reference_cli.commands())[name]
    assert command.make_context(name, rest[len(name.split()) :], **confide.context_settings).params


def test_every_option_stands_on_the_page() -> None:
    """With the words of its help, so that a reader need not run it to know."""
    page = " ".join(reference_cli.page().split())
    options = [one for _, command in reference_cli.commands() for one in command.params if isinstance(one, click.Option)]

    assert [one.name for one in options if one.help is None or " ".join(one.help.split()) not in page] == []
    assert len(options) > 20


def test_the_commands_are_those_of_the_program() -> None:
    """None is missing on the page, nor made up."""
    listed = {name.split()[0] for name, _ in reference_cli.commands()}

    assert listed == set(confide.list_commands(click.Context(confide)))


def test_every_error_has_a_code_of_its_own() -> None:
    """Stable, of the form room.what, and never two classes under one."""
    kinds = reference_errors.errors()
    codes = [kind.code for kind in kinds]

    assert [kind.__name__ for kind in kinds if "code" not in vars(kind)] == []
    assert sorted(set(codes)) == codes
    assert [code for code in codes if not CODE.fullmatch(code)] == []


def test_every_error_says_what_happened() -> None:
    """In a sentence of its class."""
    said = {kind.code: reference_errors.sentence(kind) for kind in reference_errors.errors()}

    assert [code for code, text in said.items() if not text.endswith(".") or not text[0].isupper()] == []
    assert len(said) > 60


def test_the_statuses_are_those_that_are_answered() -> None:
    """Taken from the two tables that the doors answer by; what no request meets has none."""
    shown = {kind.code: reference_errors.status(kind) for kind in reference_errors.errors()}

    assert {kind.code: str(kind.status) for kind in reference_errors.errors() if issubclass(kind, FhirError)}.items() <= shown.items()
    assert {kind.code: str(status) for kind, status in portal.STATUS}.items() <= shown.items()
    assert {kind.code: str(status) for kind, status, _ in outcome._TABLE}.items() <= shown.items()
    assert {code for code, status in shown.items() if not status and not code.startswith(("cli.", "clinic."))} == set()
