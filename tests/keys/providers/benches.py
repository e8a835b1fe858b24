"""Each kind of provider against the real thing, with a place of its own for each test, and the ways in which it can fail."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import pkcs11

from confide.keys.choice import AwsKmsChoice, KeyFileChoice, OpenBaoChoice, PassphraseChoice, Pkcs11Choice
from confide.keys.errors import KeyFileRefused, ProviderRefused, ProviderUnavailable
from confide.keys.providers import keyfile, passphrase
from confide.keys.providers.opening import open_provider
from tests import aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from confide.keys.choice import Choice
    from confide.keys.errors import KeysError
    from confide.keys.provider import Provider
    from tests import openbao, softhsm
    from tests.keys.providers.failing_module import FailingModule

WORDS = "six words that no dice drew"
CHEAP = passphrase.Cost(memory_kib=64, passes=1, lanes=1)
"""A guess costs nothing, and neither does a test."""
CONNECT_SECONDS, READ_SECONDS = 0.5, 1.0
"""Short, so that an outage does not hold up the tests; only what is meant to fail is given so little time."""


@dataclass(frozen=True)
class Outage:
    """A way to fail."""

    error: type[KeysError] | None
    """What every call raises meanwhile; None where the provider must help itself."""
    within_seconds: float
    meanwhile: Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Bench:
    """A provider's settings, and what may happen to what it needs."""

    choice: Choice
    secrets: tuple[str, ...]
    """The credentials that must not show."""
    outages: dict[str, Outage]

    def provider(self) -> Provider:
        """Return the provider as another process would see it."""
        return open_provider(self.choice)

    def hasty(self) -> Bench:
        """Return the same with little patience."""
        match self.choice:
            case OpenBaoChoice() as choice:
                hasty: Choice = dataclasses.replace(choice, connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS)
            case AwsKmsChoice() as choice:
                hasty = dataclasses.replace(choice, connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS, attempts=1)
            case Pkcs11Choice() as choice:
                hasty = dataclasses.replace(choice, call_seconds=READ_SECONDS)
            case _:
                hasty = self.choice
        return dataclasses.replace(self, choice=hasty)


def secret(path: Path, text: str) -> Path:
    """Write a credential that its owner alone may read."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path


@contextlib.contextmanager
def gone(path: Path) -> Iterator[None]:
    """Let a file be away meanwhile."""
    aside = path.rename(path.with_name(path.name + ".aside"))
    try:
        yield
    finally:
        aside.rename(path)


@contextlib.contextmanager
def instead(path: Path, text: str) -> Iterator[None]:
    """Let a file hold something else meanwhile."""
    before = path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


@contextlib.contextmanager
def open_to_all(path: Path) -> Iterator[None]:
    """Let everyone read a file meanwhile."""
    path.chmod(0o644)
    try:
        yield
    finally:
        path.chmod(0o600)


@contextlib.contextmanager
def between(begin: Callable[[], object], end: Callable[[], object]) -> Iterator[None]:
    """Do one thing, and the other afterwards."""
    begin()
    try:
        yield
    finally:
        end()


def key_file(folder: Path) -> Bench:
    """Return a bench of a key file."""
    path = folder / "root.key"
    keyfile.create(path)
    return Bench(KeyFileChoice(path), (path.read_text(encoding="utf-8").split()[5],), _file_outages(path))


def passphrase_file(folder: Path) -> Bench:
    """Return a bench of a file that a passphrase opens."""
    path = folder / "root.sealed"
    passphrase.create(path, WORDS, CHEAP)
    choice = PassphraseChoice(path, passphrase_file=secret(folder / "passphrase", WORDS + "\n"))
    return Bench(choice, (WORDS,), _file_outages(path))


def _file_outages(path: Path) -> dict[str, Outage]:
    return {
        "file gone": Outage(KeyFileRefused, 2, lambda: gone(path)),
        "file open to all": Outage(KeyFileRefused, 2, lambda: open_to_all(path)),
        "folder gone": Outage(KeyFileRefused, 2, lambda: gone(path.parent)),
    }


def on_openbao(folder: Path, server: openbao.Server) -> Bench:
    """Return a bench of an OpenBao server."""
    token = secret(folder / "token", server.token())
    choice = OpenBaoChoice(server.url, prefix=f"{uuid4().hex}-", token_file=token, ca_file=server.authority)
    patience = 4 * (CONNECT_SECONDS + READ_SECONDS)
    return Bench(
        choice,
        (token.read_text(encoding="utf-8"),),
        {
            "stopped": Outage(ProviderUnavailable, patience, lambda: between(server.stop, server.start)),
            "frozen": Outage(ProviderUnavailable, patience, lambda: between(server.freeze, server.thaw)),
            "sealed": Outage(ProviderUnavailable, patience, lambda: between(server.seal, server.unseal)),
            "token gone": Outage(ProviderRefused, patience, lambda: gone(token)),
            "token open to all": Outage(ProviderRefused, patience, lambda: open_to_all(token)),
            "token wrong": Outage(ProviderRefused, patience, lambda: instead(token, "s.wrong")),
        },
    )


def on_aws(server: aws.Server) -> Bench:
    """Return a bench of AWS KMS; the credentials are in the environment."""
    patience = CONNECT_SECONDS + READ_SECONDS + 2
    return Bench(
        AwsKmsChoice(aws.REGION, prefix=f"{uuid4().hex}-", endpoint_url=server.url),
        (aws.SECRET_KEY,),
        {
            "stopped": Outage(ProviderUnavailable, patience, lambda: between(server.stop, server.start)),
            "silent": Outage(ProviderUnavailable, patience, lambda: between(server.silence, server.start)),
            "credentials wrong": Outage(ProviderRefused, patience, lambda: between(server.check_signatures, server.trust_everyone)),
        },
    )


def on_token(folder: Path, token: softhsm.Token, failing: FailingModule | None = None) -> Bench:
    """Return a bench of a PKCS#11 token, over a library that fails when it is told to where one is given."""
    pin = secret(folder / "pin", token.pin)
    module = failing.library if failing else token.module
    choice = Pkcs11Choice(module, token.label, pin, prefix=f"{uuid4().hex}-")

    def log_out() -> None:
        pkcs11.lib(str(module)).reinitialize()

    @contextlib.contextmanager
    def wrong_pin() -> Iterator[None]:
        with instead(pin, "000000"):
            log_out()  # as long as one session is logged in, a token asks nobody in this process for a PIN
            yield

    patience = READ_SECONDS + 2
    outages = {
        "token gone": Outage(ProviderUnavailable, patience, lambda: between(token.take_away, token.bring_back)),
        "PIN wrong": Outage(ProviderRefused, patience, wrong_pin),
        "session lost": Outage(None, patience, lambda: between(log_out, log_out)),
    }
    if failing:
        outages = {
            "device removed": Outage(ProviderUnavailable, patience, lambda: between(lambda: failing.fail("removed"), failing.mend)),
            "line hangs": Outage(ProviderUnavailable, patience, lambda: between(lambda: failing.fail("hangs"), failing.mend)),
        }
    return Bench(choice, (token.pin,), outages)
