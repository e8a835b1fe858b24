"""One server of each kind for the run of a worker, and benches on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import aws, openbao, softhsm
from tests.keys.providers import benches, failing_module
from tests.required import missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.keys.providers.benches import Bench

KINDS = ("key file", "passphrase", "OpenBao", "AWS KMS", "PKCS#11")


@pytest.fixture(scope="session")
def openbao_server() -> Iterator[openbao.Server]:
    try:
        with openbao.server() as server:
            yield server
    except openbao.NoOpenBao as reason:
        missing(str(reason))


@pytest.fixture(scope="session")
def aws_services() -> Iterator[aws.Server]:
    with aws.server() as server:
        yield server


@pytest.fixture
def aws_server(aws_services: aws.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> aws.Server:
    """The services, and an environment with credentials and without any file of the person who runs the tests."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.SECRET_KEY)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return aws_services


@pytest.fixture(scope="session")
def hsm_token(tmp_path_factory: pytest.TempPathFactory) -> softhsm.Token:
    try:
        return softhsm.make_token(tmp_path_factory.mktemp("softhsm"))
    except softhsm.NoSoftHsm as reason:
        missing(str(reason))


@pytest.fixture(scope="session")
def hsm_module(tmp_path_factory: pytest.TempPathFactory, hsm_token: softhsm.Token) -> failing_module.FailingModule:
    try:
        return failing_module.build(tmp_path_factory.mktemp("failing"), hsm_token)
    except failing_module.NoCompilerError as reason:
        missing(str(reason))


@pytest.fixture
def kind() -> str:
    """Which kind of provider; a test that names none is given each."""
    return ""


@pytest.fixture
def bench(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    """A bench of one kind that this test has for itself."""
    folder = tmp_path / "keys"
    folder.mkdir()
    match kind:
        case "key file":
            return benches.key_file(folder)
        case "passphrase":
            return benches.passphrase_file(folder)
        case "OpenBao":
            return benches.on_openbao(folder, request.getfixturevalue("openbao_server"))
        case "AWS KMS":
            return benches.on_aws(request.getfixturevalue("aws_server"))
        case "PKCS#11 that fails":
            return benches.on_token(folder, request.getfixturevalue("hsm_token"), request.getfixturevalue("hsm_module"))
        case _:
            return benches.on_token(folder, request.getfixturevalue("hsm_token"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that asks for a bench, and does not say which, one of each kind."""
    if "bench" in metafunc.fixturenames and not any(
        "kind" in str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize")
    ):
        metafunc.parametrize("kind", KINDS)
