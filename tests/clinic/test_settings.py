"""The settings: one file, environment over it, typed, bounded, and nothing said that should not be."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.clinic.errors import SettingsRefused
from confide.clinic.settings import FILE, Settings, render, unknown_variables

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "settings.md"
MARKER = "Zebulon"
NUMBERS = [name for name, field in Settings.model_fields.items() if field.annotation is int]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of whoever runs the tests stands over theirs."""
    for name in [*os.environ]:
        if name.startswith("CONFIDE_"):
            monkeypatch.delenv(name)


def load(folder: Path, text: str) -> Settings:
    """The settings of a folder with this file."""
    (folder / FILE).write_text(text, encoding="utf-8")
    return Settings.load(folder)


def bounds(name: str) -> tuple[int | None, int | None]:
    """The least and the most of a number."""
    found = Settings.model_fields[name].metadata
    least, most = ([getattr(one, end) for one in found if hasattr(one, end)] for end in ("ge", "le"))
    return least[0] if least else None, most[0] if most else None


def rows() -> dict[str, str]:
    """What the page says of each setting."""
    parts = render().split("\n\n")
    return {part.splitlines()[0].strip("`"): part.partition("\n: ")[2] for part in parts if "\n: " in part}


def test_the_page_is_what_the_settings_say() -> None:
    """`make reference` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == render()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    """With a sentence, its variable, and a default from which one can start."""
    field = Settings.model_fields[name]
    row = rows()[name]

    assert field.description is not None
    assert field.description.endswith(".")
    assert f"`CONFIDE_{name.upper()}`" in row
    assert field.description in row
    assert f"default `{json.dumps(str(field.default) if name == 'folder' else field.default)}`" in row


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_a_unit_and_a_lower_bound(name: str) -> None:
    """A number alone says nothing, and nought or less is nowhere a sensible choice."""
    least, _ = bounds(name)
    said = f"{name} {Settings.model_fields[name].description}".lower()

    assert least is not None
    assert least > 0
    assert any(unit in said for unit in ("bytes", "seconds", "port", "resources", "candidates", "keys", "days"))


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    """They are safe ones: this machine only, over TLS, and no demo."""
    found = Settings.load(tmp_path)

    assert (found.host, found.tls, found.demo) == ("127.0.0.1", True, False)
    assert found.data_url == f"sqlite:///{tmp_path / 'data.db'}"
    assert found.keys_url == f"sqlite:///{tmp_path / 'keys.db'}"


def test_the_file_stands_over_the_defaults_and_the_environment_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In that order, for each setting by itself."""
    monkeypatch.setenv("CONFIDE_PORT", "9001")
    monkeypatch.setenv("CONFIDE_SEARCH_ACROSS_PATIENTS", '["Observation.code"]')
    found = load(tmp_path, 'port = 9000\ntoken_seconds = 300\nsearch_across_patients = ["Condition.code"]\n')

    assert (found.port, found.token_seconds, found.key_cache_seconds) == (9001, 300, 120)
    assert found.search_across_patients == ("Observation.code",)


@given(st.fixed_dictionaries({}, optional={name: st.integers(bounds(name)[0], bounds(name)[1] or 2**40) for name in NUMBERS}))
def test_every_number_within_its_bounds_is_taken(tmp_path_factory: pytest.TempPathFactory, chosen: dict[str, int]) -> None:
    """As it is written."""
    found = load(tmp_path_factory.mktemp("settings"), "".join(f"{name} = {value}\n" for name, value in chosen.items()))

    assert {name: getattr(found, name) for name in chosen} == chosen


@pytest.mark.parametrize(("name", "end"), [(name, end) for name in NUMBERS for end in (0, 1) if bounds(name)[end] is not None])
def test_a_number_beyond_its_bounds_is_refused(tmp_path: Path, name: str, end: int) -> None:
    """One less than the least, one more than the most."""
    bound = bounds(name)[end]
    assert bound is not None

    assert getattr(load(tmp_path, f"{name} = {bound}\n"), name) == bound
    with pytest.raises(SettingsRefused, match=name):
        load(tmp_path, f"{name} = {bound + (1 if end else -1)}\n")


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    """A misspelt name does not leave a default standing unseen."""
    with pytest.raises(SettingsRefused, match="there is no setting tokn_seconds"):
        load(tmp_path, "tokn_seconds = 60\n")


@pytest.mark.parametrize(
    "line",
    [
        f'port = "{MARKER}"',
        f'port = ["{MARKER}"]',
        f'tls = "{MARKER}"',
        f'host = {{ name = "{MARKER}" }}',
        f'search_across_patients = "{MARKER}"',
        f'search_across_patients = [["{MARKER}"]]',
        "token_seconds = 1.5",
        f'base_url = "https://{MARKER}.example.org/"',
        f'base_url = "{MARKER}.example.org"',
        "host = 1",
        f'{MARKER} = "{MARKER}',
        f'port = "{MARKER}\x00"',
    ],
)
def test_a_wrong_value_is_refused_and_not_repeated(tmp_path: Path, line: str) -> None:
    """The sentence names the file and the setting; the value may be a password in the wrong place."""
    with pytest.raises(SettingsRefused) as refused:
        load(tmp_path, line)

    assert MARKER not in str(refused.value)
    assert FILE in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", MARKER), ("TLS", MARKER), ("SEARCH_ACROSS_PATIENTS", MARKER), ("SEARCH_ACROSS_PATIENTS", f'{{"{MARKER}": 1}}')],
)
def test_a_wrong_variable_is_refused_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A list that is not JSON as well."""
    monkeypatch.setenv(f"CONFIDE_{name}", value)
    with pytest.raises(SettingsRefused, match="CONFIDE_ variable") as refused:
        Settings.load(tmp_path)

    assert MARKER not in str(refused.value)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """TOML is UTF-8."""
    (tmp_path / FILE).write_bytes('host = "Ü"\n'.encode("latin-1"))

    with pytest.raises(SettingsRefused, match="TOML"):
        Settings.load(tmp_path)


def test_a_read_setting_cannot_be_changed(tmp_path: Path) -> None:
    """Nobody turns TLS off behind the server's back."""
    found = Settings.load(tmp_path)

    with pytest.raises(pydantic.ValidationError, match="frozen"):
        found.tls = False
    assert found.tls


def test_the_password_of_a_database_does_not_print_itself(tmp_path: Path) -> None:
    """No text form of the settings shows the addresses of the databases."""
    found = load(tmp_path, f'data_database = "postgresql://confide:{MARKER}@db/x"\nkeys_database = "postgresql://keys:{MARKER}@db/y"\n')

    assert MARKER in found.data_url
    assert MARKER not in f"{found!r} {found}"


@pytest.mark.parametrize(
    ("chosen", "url"),
    [
        ("", "https://localhost:8443"),
        ("port = 9000\n", "https://localhost:9000"),
        ("tls = false\n", "http://localhost:8443"),
        ('host = "::1"\n', "https://localhost:8443"),
        ('host = "10.1.2.3"\n', "https://10.1.2.3:8443"),
        ('host = "2001:db8::5"\n', "https://[2001:db8::5]:8443"),
        ('host = "0.0.0.0"\nbase_url = "https://clinic.example.org"\n', "https://clinic.example.org"),
    ],
)
def test_the_public_address_is_made_of_what_was_set(tmp_path: Path, chosen: str, url: str) -> None:
    """Of host and port, unless it was set itself."""
    assert load(tmp_path, chosen).public_url == url


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('port = "abc"', "port must be a whole number from 1 to 65535"),
        ("resource_bytes = 1", "resource_bytes must be a whole number, 1024 or more"),
        ('key_provider = "nosuch"', "key_provider must be one of key-file, passphrase, openbao, aws-kms, pkcs11"),
        ('tls = "maybe"', "tls must be true or false"),
        ('data_database = "mysql://db/x"', "data_database must be an address that begins with sqlite:/// or postgresql://"),
        ('key_prefix = "A b"', "key_prefix must be 1 to 32 of the characters"),
        ("search_across_patients = [1]", "search_across_patients must be a list of texts"),
    ],
)
def test_a_refusal_says_what_is_allowed(tmp_path: Path, line: str, said: str) -> None:
    """In words, and once for each setting."""
    with pytest.raises(SettingsRefused) as refused:
        load(tmp_path, line)

    assert str(refused.value).count(said) == 1


def test_a_variable_that_is_no_setting_is_told() -> None:
    """A misspelt name is found; what our own programs read is none."""
    assert unknown_variables(["CONFIDE_PROT", "CONFIDE_PORT", "CONFIDE_PASSPHRASE", "CONFIDE_FOLDER", "PATH"]) == ["CONFIDE_PROT"]


def test_every_path_lies_in_the_folder(tmp_path: Path) -> None:
    """One folder holds the instance, so that one backup does."""
    found = Settings.load(tmp_path)
    paths: list[Any] = [found.key_file, found.ca_certificate, found.ca_key, found.server_certificate, found.server_key]

    assert all(path.is_relative_to(tmp_path) for path in paths)


def test_the_page_says_what_toml_takes(tmp_path: Path) -> None:
    """Each default of the table, written into a file, is that default."""
    defaults = {name: row.partition("default `")[2].partition("`")[0] for name, row in rows().items() if name != "folder"}
    text = "".join(f"{name} = {default}\n" for name, default in defaults.items())

    assert load(tmp_path, text) == Settings.load(tmp_path)
    assert len(tomllib.loads(text)) == len(Settings.model_fields) - 1
