"""From settings to a provider: built without touching anything, and clear about what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from confide.keys.choice import AwsKmsChoice, Choice, KeyFileChoice, OpenBaoChoice, PassphraseChoice, Pkcs11Choice
from confide.keys.errors import ProviderRefused
from confide.keys.providers.addresses import check_address
from confide.keys.providers.opening import open_provider
from confide.keys.providers.secretfile import from_file

ROOT = Path(__file__).resolve().parents[3]
NOWHERE = Path("/nowhere/at/all")
CHOICES: dict[str, Choice] = {
    "KeyFile": KeyFileChoice(NOWHERE),
    "Passphrase": PassphraseChoice(NOWHERE),
    "OpenBao": OpenBaoChoice("https://192.0.2.1:8200"),
    "AwsKms": AwsKmsChoice("eu-central-1", endpoint_url="https://192.0.2.1"),
    "Pkcs11": Pkcs11Choice(NOWHERE, "label", NOWHERE),
}


@pytest.mark.parametrize(("name", "choice"), CHOICES.items())
def test_a_choice_becomes_its_provider_and_touches_nothing(name: str, choice: Choice) -> None:
    """A provider that is down, or whose file is gone, stops no start: what is wrong comes out when it is used."""
    assert type(open_provider(choice)).__name__ == name


@pytest.mark.parametrize(
    "choice",
    [
        OpenBaoChoice("http://192.0.2.1:8200"),
        OpenBaoChoice("https://192.0.2.1:8200", prefix="../"),
        AwsKmsChoice("eu-central-1", endpoint_url="http://192.0.2.1"),
        AwsKmsChoice("eu-central-1", prefix="a:b"),
        Pkcs11Choice(NOWHERE, "label", NOWHERE, prefix="a b"),
    ],
)
def test_a_setting_that_may_not_be_used_is_refused_at_once(choice: Choice) -> None:
    """An address in the clear, or a prefix that could mean something else, never gets as far as a connection."""
    with pytest.raises(ProviderRefused, match=r"must start with|may hold|must have"):
        open_provider(choice)


@pytest.mark.parametrize(
    ("choice", "package", "extra"),
    [("OpenBao", "hvac", "openbao"), ("AwsKms", "boto3", "aws"), ("Pkcs11", "pkcs11", "pkcs11")],
)
def test_a_package_that_is_not_installed_is_named_with_its_extra(
    choice: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence is the command that brings it."""
    for module in [one for one in sys.modules if one.startswith("confide.keys.providers.") and not one.endswith((".opening", ".keyfile"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(ProviderRefused, match=rf"pip install 'confide\[{extra}\]'"):
        open_provider(CHOICES[choice])


def test_whoever_keeps_keys_in_a_file_needs_no_other_package() -> None:
    """Nothing behind the other providers is imported by the way."""
    code = (
        "import sys, pathlib; from confide.keys.choice import KeyFileChoice; from confide.keys.providers.opening import open_provider\n"
        "open_provider(KeyFileChoice(pathlib.Path('x'))); print({'hvac', 'requests', 'boto3', 'botocore', 'pkcs11'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)

    assert ended.stdout == "set()\n"


@pytest.mark.parametrize("url", ["https://bao.example", "http://127.0.0.1:8200", "http://[::1]:8200", "http://localhost:8200"])
def test_an_address_is_encrypted_or_here(url: str) -> None:
    """An https address goes anywhere, http to this machine."""
    check_address("OpenBao", url)


@pytest.mark.parametrize(
    "url", ["http://bao.example", "http://192.0.2.1:8200", "http://127.0.0.1.example", "ftp://localhost", "", "https://"]
)
def test_keys_cross_no_network_in_the_clear(url: str) -> None:
    """Everything else is refused before anything is sent."""
    with pytest.raises(ProviderRefused, match="https://"):
        check_address("OpenBao", url)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_credential_is_read_without_its_line_break(tmp_path: Path, mode: int) -> None:
    """One line, as an editor or systemd writes it; spaces are part of it."""
    path = tmp_path / "credential"
    path.write_bytes(b" secret words \r\n")
    path.chmod(mode)

    assert from_file(path, "token") == " secret words "


@pytest.mark.parametrize(
    ("content", "mode", "named"),
    [
        (b"secret", 0o604, "chmod o-rwx"),
        (b"", 0o600, "holds no token"),
        (b"\n", 0o600, "holds no token"),
        (b"\xff\xfe", 0o600, "holds no token"),
    ],
)
def test_a_credential_that_cannot_be_used_says_why(tmp_path: Path, content: bytes, mode: int, named: str) -> None:
    """Open to the world, empty or no text; and the sentence does not repeat it."""
    path = tmp_path / "credential"
    path.write_bytes(content)
    path.chmod(mode)

    with pytest.raises(ProviderRefused, match=named) as refused:
        from_file(path, "token")
    assert "secret" not in str(refused.value)


def test_a_credential_that_is_missing_is_named(tmp_path: Path) -> None:
    """The sentence names the file."""
    with pytest.raises(ProviderRefused, match="credential with the token cannot be read"):
        from_file(tmp_path / "credential", "token")
