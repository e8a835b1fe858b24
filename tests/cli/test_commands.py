"""What holds for every command: help, one sentence for each error, and JSON where it is offered."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import click
import pyrage
import pytest
from click.testing import CliRunner

from confide.cli import main as entry
from confide.cli.errors import NotFinished
from confide.cli.main import confide
from tests.cli.desk import SECONDS, command, write_bundles
from tools.reference_cli import commands
from tools.reference_examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.desk import Desk

COMMANDS = dict(commands())
MAKERS = ("init", "demo", "keys kit recover", "restore")
"""What makes an instance, or fills one, and so does not want one to be there already."""
WITHOUT_ONE = ("adopt",)
"""What works on a backend that is none."""
WITH_AN_INSTANCE = [name for name in COMMANDS if not name.startswith((*MAKERS, *WITHOUT_ONE))]
WITH_JSON = [
    name for name, command in COMMANDS.items() if not name.startswith(WITHOUT_ONE) and any("--json" in one.opts for one in command.params)
]
MARKER = "Zebulon"
PASSWORD = "tall-ferns-99"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command line to its very end, as a shell would; return its status and what it said on both ways."""

    def command_line(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["confide", *words])
        capsys.readouterr()  # what fixtures said before
        mask = os.umask(0)  # the loosest that anyone may have
        try:
            entry.main()
        except SystemExit as end:
            status = int(end.code or 0)
        else:
            pytest.fail("the entry came back")
        finally:
            left = os.umask(mask)
        assert left == 0o077, "what a command makes is its owner's alone from its first moment"
        said, errors = capsys.readouterr()
        return status, said, errors

    return command_line


def example(name: str, folder: Path) -> list[str]:
    """The first example of a command, on a folder of the test's own."""
    words = shlex.split(EXAMPLES[name][0][1].partition(" < ")[0])
    rest = [word for word in words if "=" not in word][1:]
    if "--folder" in rest:
        del rest[rest.index("--folder") :][:2]
        rest = [word for at, word in enumerate(rest) if word != "--folder" and (at == 0 or rest[at - 1] != "--folder")]
    return [*rest, "--folder", str(folder)]


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_every_help_renders(run: Callable[..., tuple[int, str, str]], name: str, option: str) -> None:
    """With its usage and each of its options, on standard output, with status 0."""
    status, said, errors = run(*name.split(), option)

    assert (status, errors) == (0, "")
    assert said.startswith(f"Usage: confide {name}".rstrip())
    assert [one.opts for one in COMMANDS[name].params if isinstance(one, click.Option) and one.opts[-1] not in said] == [] if name else True


def test_the_version_is_that_of_the_package(run: Callable[..., tuple[int, str, str]]) -> None:
    """One line for a report of a fault."""
    status, said, _ = run("--version")

    assert status == 0
    assert said.startswith("confide, version ")


@pytest.mark.parametrize("name", WITH_AN_INSTANCE)
def test_without_an_instance_a_command_says_so(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """In one sentence that says what to do, with status 1, and without making anything."""
    monkeypatch.chdir(tmp_path)
    write_bundles(tmp_path / "bundles", ["Amsel"])
    for file in ("kit.age", "identity.txt"):
        (tmp_path / file).touch()
    before = sorted(tmp_path.rglob("*"))
    words = [
        str(pyrage.x25519.Identity.generate().to_public()) if "age-keygen" in one else one for one in example(name, tmp_path / "nowhere")
    ]
    status, said, errors = run(*words)

    assert status == 1
    assert len(errors.strip().splitlines()) == 1
    assert errors.startswith("✗ There is no ")
    assert "confide init" in errors or "confide demo" in errors
    assert "Traceback" not in said + errors
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", COMMANDS)
def test_wrong_usage_is_one_sentence_and_status_two(run: Callable[..., tuple[int, str, str]], name: str) -> None:
    """An option that there is not; nothing happens."""
    status, said, errors = run(*name.split(), "--no-such-option")

    assert (status, said) == (2, "")
    assert len([line for line in errors.splitlines() if line.startswith("Error: ")]) == 1
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    "words",
    [
        ("audit", "show", "-n", "0"),
        ("audit", "show", "-n", "many"),
        ("import",),
        ("import", "/no/such/file.json"),
        ("export",),
        ("export", "--to", "out", "--plaintext", "--type", "Patience"),
        ("account", "add", "one"),
        ("account", "add", "one", "king"),
        ("demo", "--patients", "0"),
        ("tour", "--only", "nothing"),
        ("keys", "rotate", "everything"),
        ("check", "--folder"),
        ("account",),
        ("nonsense",),
    ],
)
def test_wrong_words_are_wrong_usage(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Each with status 2, and nothing made in the folder one stands in."""
    monkeypatch.chdir(tmp_path)
    status, _, errors = run(*words)

    assert status == 2
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", [f'port = "{MARKER}"', f"port = {MARKER}", f"{MARKER} = [", "tls = 7", 'data_database = "mysql://x"'])
def test_settings_that_cannot_be_read_are_one_sentence(run: Callable[..., tuple[int, str, str]], desk: Desk, text: str) -> None:
    """Which file and which setting; a value is never repeated."""
    (desk.folder / "confide.toml").write_text(text)
    status, said, errors = run("audit", "show", "--folder", str(desk.folder))

    assert (status, said) == (1, "")
    assert len(errors.strip().splitlines()) == 1
    assert errors.rstrip().endswith(".")
    assert "unexpected" not in errors
    assert f"{MARKER} =" not in errors
    assert f"= {MARKER}" not in errors


def test_without_a_terminal_a_password_is_not_asked_for(desk: Desk) -> None:
    """One sentence names the option, and no warning of a library is shown."""
    asked = command("account", "add", "nurse.one", "clinician", "--folder", str(desk.folder))
    found = subprocess.run(
        asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False, start_new_session=True
    )

    assert found.returncode == 1
    assert len(found.stderr.strip().splitlines()) == 1
    assert "--password-stdin" in found.stderr


def test_an_error_with_json_leaves_standard_output_to_the_json(run: Callable[..., tuple[int, str, str]], desk: Desk) -> None:
    """A failed check is JSON there and a sentence here; without an instance there is the sentence alone."""
    (desk.folder / "root.key").chmod(0o644)
    status, said, errors = run("check", "--json", "--folder", str(desk.folder))

    assert status == 1
    assert json.loads(said)["ok"] is False
    assert len(errors.strip().splitlines()) == 1
    assert run("check", "--json", "--folder", str(desk.folder / "none"))[1] == ""


def test_a_stopped_command_is_told_as_such(run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    """Ctrl-C is status 130 and one word."""

    def stop(_folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("confide.cli.audit.settings_of", stop)

    status, said, errors = run("audit", "show", "--folder", str(desk.folder))
    assert (status, said, errors.strip()) == (130, "", "✗ Stopped.")


def test_whatever_a_command_makes_is_its_owners_alone(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """Whoever's umask it was run under."""
    run("init", "--folder", str(tmp_path / "instance"))
    modes = {path: path.stat().st_mode & 0o077 for path in (tmp_path / "instance").rglob("*")}

    assert [path for path, mode in modes.items() if mode] == []
    assert len(modes) > 5


def patient_of(desk: Desk, folder: Path) -> str:
    """The id of a Patient that was imported for this."""
    write_bundles(folder / "in", ["Amsel"])
    desk.run("import", str(folder / "in"))
    desk.run("export", "--to", str(folder / "out"), "--plaintext", "--type", "Patient")
    found: str = json.loads((folder / "out" / "Patient.ndjson").read_text().splitlines()[0])["id"]
    return found


def json_lines(name: str, desk: Desk, folder: Path) -> list[str]:
    """The words after which a command with --json has something to say."""
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    words: dict[str, list[str]] = {
        "check": [],
        "bootstrap": [],
        "account add": ["nurse.one", "clinician", "--password-stdin"],
        "import": [str(folder / "in")],
        "export": ["--to", str(folder / "out2"), "--plaintext"],
        "audit show": ["-n", "3"],
        "keys status": [],
        "files sweep": ["--dry-run"],
        "backup": ["--data-to", str(folder / "data"), "--keys-to", str(folder / "keys"), "--recipient", recipient],
    }
    if name == "erase":
        return ["--patient", patient_of(desk, folder)]
    return words[name]


@pytest.mark.parametrize("name", WITH_JSON)
def test_json_is_json_and_nothing_else(desk: Desk, tmp_path: Path, name: str) -> None:
    """One value on one line, or one object on each line of the trail."""
    write_bundles(tmp_path / "in", ["Amsel", "Birke"])
    desk.run("audit", "show")  # so that there is an event to show
    words = json_lines(name, desk, tmp_path)
    result = CliRunner().invoke(confide, [*name.split(), *words, "--json", "--folder", str(desk.folder)], input=PASSWORD + "\n")
    lines = result.stdout.splitlines()

    assert result.exit_code == 0, result.output
    assert all(isinstance(json.loads(line), dict | list) for line in lines)
    assert len(lines) == 1 or (name == "audit show" and lines)


def test_a_refused_import_is_json_too(desk: Desk, tmp_path: Path) -> None:
    """With each finding of each file, and without what was in it."""
    write_bundles(tmp_path / "in", ["Amsel"])[0].write_text('{"resourceType": "Bundle", "type": "' + MARKER)
    result = desk.run("import", str(tmp_path / "in"), "--json")
    found = json.loads(result.stdout)

    assert isinstance(result.exception, NotFinished)
    assert [(one["state"], bool(one["findings"])) for one in found["files"]] == [("refused", True)]
    assert MARKER not in result.output
