"""The entry of the command line."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click
import pytest

from confide.cli.errors import NoInstance, sentence
from confide.cli.main import COMMANDS
from tests.cli.desk import Desk, run_apart

if TYPE_CHECKING:
    from pathlib import Path


def test_an_error_is_one_sentence_and_status_one(tmp_path: Path) -> None:
    """What goes wrong is said in one line on standard error, without a traceback."""
    found = run_apart("serve", "--folder", str(tmp_path / "nowhere"))

    assert found.returncode == 1
    assert found.stdout == ""
    assert len(found.stderr.strip().splitlines()) == 1
    assert "confide init" in found.stderr


def test_a_traceback_is_shown_only_where_it_is_asked_for(tmp_path: Path) -> None:
    """CONFIDE_DEBUG=1 shows where an error comes from."""
    found = run_apart("serve", "--folder", str(tmp_path / "nowhere"), CONFIDE_DEBUG="1")

    assert found.returncode == 1
    assert "Traceback" in found.stderr


def test_wrong_usage_is_status_two() -> None:
    """An unknown command is wrong usage."""
    found = run_apart("nonsense")

    assert found.returncode == 2
    assert "No such command" in found.stderr


def test_the_help_imports_no_command() -> None:
    """`confide --help` answers without loading the server."""
    program = (
        "import sys, confide.cli.main as m\ntry: m.confide.main(['--help'])\nexcept SystemExit: print('confide.clinic' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.splitlines()[-1] == "False"
    assert all(name in found.stdout for name in COMMANDS)


def test_a_command_that_migrates_nothing_imports_no_migrations(desk: Desk) -> None:
    """Alembic and the ORM are a third of the start, and a file of SQLite needs neither."""
    program = (
        "import sys, click.testing, confide.cli.main as m\n"
        "click.testing.CliRunner().invoke(m.confide, sys.argv[1:], catch_exceptions=False)\n"
        "print([name for name in ('alembic', 'sqlalchemy.orm', 'sqlite3') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, "keys", "status", "--folder", str(desk.folder)], capture_output=True, text=True, check=True
    )

    assert found.stdout.splitlines()[-1] == "['sqlite3']"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_group_lists_its_commands_in_whole_sentences(name: str) -> None:
    """On 80 columns none is cut off."""
    groups = [(name, import_module(COMMANDS[name][0]).command)]
    for path, group in groups:
        if isinstance(group, click.Group):
            groups += [(f"{path} {one}", command) for one, command in group.commands.items()]
            lines = group.get_help(click.Context(group, info_name=path, terminal_width=80, max_content_width=80)).partition("Commands:")[2]

            assert [line for line in lines.splitlines() if line.endswith("...")] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_module_and_help(name: str) -> None:
    """A name in the list leads to a click command of that name with a help text."""
    found = import_module(COMMANDS[name][0]).command

    assert isinstance(found, click.Command)
    assert found.name == name
    assert found.help


def test_a_strange_error_says_nothing_of_what_it_holds() -> None:
    """Only texts of our own errors are shown; another's may hold a value."""
    assert sentence(NoInstance("There is none.")) == "There is none."
    assert "Zebulon" not in sentence(ValueError("Zebulon"))
