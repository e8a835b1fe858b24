"""OpenBao: what a transit engine does that a careless caller would not expect."""

from __future__ import annotations

import dataclasses
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from confide.crypto.errors import DoesNotOpen
from confide.keys.choice import OpenBaoChoice
from confide.keys.errors import ProviderRefused, ProviderUnavailable, SlotMissing
from confide.keys.providers.openbao import OpenBao
from tests.keys.providers.benches import Bench, secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.openbao import Server

KEY, CONTEXT = bytes(range(32)), b"a context"
pytestmark = pytest.mark.parametrize("kind", ["OpenBao"])


@pytest.fixture
def choice(bench: Bench) -> OpenBaoChoice:
    assert isinstance(bench.choice, OpenBaoChoice)
    return bench.choice


def test_a_wrap_makes_no_key_even_with_a_token_that_may(choice: OpenBaoChoice, openbao_server: Server, tmp_path: Path) -> None:
    """The server's own encrypt would make a key that is not there, under a name that was destroyed: we look first."""
    provider = OpenBao(dataclasses.replace(choice, token_file=secret(tmp_path / "root-token", openbao_server.root_token)))

    with pytest.raises(SlotMissing):
        provider.wrap("root-1", KEY, CONTEXT)
    assert provider.slots() == frozenset()


@pytest.mark.parametrize(
    "how", [{"derived": False}, {"derived": True, "exportable": True}, {"derived": True, "key_type": "chacha20-poly1305"}]
)
def test_a_key_that_somebody_else_made_is_not_used(choice: OpenBaoChoice, openbao_server: Server, how: dict[str, Any]) -> None:
    """A key of our name that does not bind to a context, or can be taken away, is refused rather than used."""
    openbao_server.client().secrets.transit.create_key(choice.prefix + "root-1", **how)
    provider = OpenBao(choice)

    for call in (lambda: provider.make("root-1"), lambda: provider.wrap("root-1", KEY, CONTEXT)):
        with pytest.raises(ProviderRefused, match="not made by Confide"):
            call()


def test_keys_of_others_are_no_slots(choice: OpenBaoChoice, openbao_server: Server) -> None:
    """Only names with our prefix and the form of a slot count."""
    OpenBao(choice).make("root-1")
    OpenBao(dataclasses.replace(choice, prefix=choice.prefix + "more-")).make("root-2")
    openbao_server.client().secrets.transit.create_key(choice.prefix + "payroll")

    assert OpenBao(choice).slots() == {"root-1"}


def test_a_key_that_the_operator_rotates_goes_on(choice: OpenBaoChoice, openbao_server: Server) -> None:
    """A newer version wraps, the older ones still open, and a wrap does not open as one of another version."""
    provider = OpenBao(choice)
    provider.make("root-1")
    before = provider.wrap("root-1", KEY, CONTEXT)
    openbao_server.client().secrets.transit.rotate_key(choice.prefix + "root-1")
    after = provider.wrap("root-1", KEY, CONTEXT)

    assert (before[:4], after[:4]) == (b"\0\0\0\1", b"\0\0\0\2")
    assert [provider.unwrap("root-1", one, CONTEXT) for one in (before, after)] == [bytearray(KEY)] * 2
    with pytest.raises(DoesNotOpen):
        provider.unwrap("root-1", after[:4] + before[4:], CONTEXT)


def test_a_token_is_renewed_at_half_its_life(choice: OpenBaoChoice, openbao_server: Server, tmp_path: Path) -> None:
    """A token of three seconds serves for seven, as long as somebody asks now and then; left alone, it ends and is refused."""
    provider = OpenBao(dataclasses.replace(choice, token_file=secret(tmp_path / "short", openbao_server.token(3))))
    until = time.monotonic() + 7
    while time.monotonic() < until:
        provider.probe()
        time.sleep(0.2)
    provider.probe()
    time.sleep(3.5)

    with pytest.raises(ProviderRefused, match="Give a new token"):
        provider.probe()


def test_a_new_token_is_taken_at_once(choice: OpenBaoChoice, openbao_server: Server) -> None:
    """Whoever writes a token into the file, an agent or a person, need not restart anything."""
    provider = OpenBao(choice)
    provider.make("root-1")
    assert choice.token_file is not None
    openbao_server.client().auth.token.revoke(choice.token_file.read_text(encoding="utf-8"))
    with pytest.raises(ProviderRefused):
        provider.slots()
    choice.token_file.write_text(openbao_server.token() + "\n", encoding="utf-8")

    assert provider.slots() == {"root-1"}


def test_a_token_may_be_in_the_environment(choice: OpenBaoChoice, openbao_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the name that the settings give, and under no other: what the client library would find by itself is not used."""
    provider = OpenBao(dataclasses.replace(choice, token_file=None, token_variable="CONFIDE_TEST_TOKEN"))
    monkeypatch.setenv("VAULT_TOKEN", openbao_server.root_token)
    with pytest.raises(ProviderRefused, match="set CONFIDE_TEST_TOKEN"):
        provider.probe()
    monkeypatch.setenv("CONFIDE_TEST_TOKEN", openbao_server.token())

    provider.probe()


def test_a_token_that_may_too_little_is_refused(choice: OpenBaoChoice, openbao_server: Server, tmp_path: Path) -> None:
    """The policy of Confide is what it needs: with the default one alone, every call is refused."""
    answer = openbao_server.client().auth.token.create(policies=["default"], no_parent=True)
    provider = OpenBao(dataclasses.replace(choice, token_file=secret(tmp_path / "weak", answer["auth"]["client_token"])))

    for call in (provider.probe, lambda: provider.make("root-1"), lambda: provider.destroy("root-1")):
        with pytest.raises(ProviderRefused, match="mend the policy"):
            call()


def test_a_mount_that_is_not_there_is_named(choice: OpenBaoChoice, openbao_server: Server, tmp_path: Path) -> None:
    """No transit engine is not the same as no keys."""
    token = secret(tmp_path / "root-token", openbao_server.root_token)
    provider = OpenBao(dataclasses.replace(choice, mount="elsewhere", token_file=token))

    for call in (provider.probe, provider.slots, lambda: provider.wrap("root-1", KEY, CONTEXT), lambda: provider.make("root-1")):
        with pytest.raises(ProviderRefused, match="elsewhere/"):
            call()


def test_a_certificate_that_is_not_trusted_is_refused(choice: OpenBaoChoice) -> None:
    """Without the authority's file the server is taken for an impostor, and the sentence says which setting is missing."""
    provider = OpenBao(dataclasses.replace(choice, ca_file=None))

    with pytest.raises(ProviderRefused, match="authority in the settings"):
        provider.probe()


class _Sends(BaseHTTPRequestHandler):
    """Sends everyone elsewhere."""

    seen: list[str | None]
    where: str

    def do_LIST(self) -> None:
        self.seen.append(self.headers["x-vault-token"])
        self.send_response(307 if self.where else 200)
        self.send_header("location", self.where)
        self.send_header("content-length", "0")
        self.end_headers()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.do_LIST
        raise AttributeError(name)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str | None]]]:
    """A server that sends everyone to another one, and the tokens that the other was shown."""
    shown: list[str | None] = []
    other = HTTPServer(("127.0.0.1", 0), type("_Other", (_Sends,), {"seen": shown, "where": ""}))
    first = HTTPServer(
        ("127.0.0.1", 0), type("_First", (_Sends,), {"seen": [], "where": f"http://127.0.0.1:{other.server_port}/v1/transit/keys"})
    )
    for one in (first, other):
        Thread(target=one.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{first.server_port}", shown
    for one in (first, other):
        one.shutdown()
        one.server_close()


class _HangsUp(BaseHTTPRequestHandler):
    """Takes the first request and hangs up, as a server does that closes an idle connection at that very moment; serves the next."""

    protocol_version = "HTTP/1.1"
    seen: list[str]

    def do_LIST(self) -> None:
        self.seen.append(self.path)
        if len(self.seen) > 1:
            content = b'{"data": {"keys": ["confide-root-1"]}}'
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        self.close_connection = True

    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def test_a_connection_that_breaks_is_made_anew(choice: OpenBaoChoice) -> None:
    """A server that hangs up on a request is asked once more, and only then is it down."""
    seen: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), type("_Once", (_HangsUp,), {"seen": seen}))
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        found = OpenBao(dataclasses.replace(choice, url=f"http://127.0.0.1:{server.server_port}", prefix="confide-")).slots()
    finally:
        server.shutdown()
        server.server_close()

    assert found == {"root-1"}
    assert seen == ["/v1/transit/keys"] * 2


def test_a_token_follows_no_redirect(choice: OpenBaoChoice, elsewhere: tuple[str, list[str | None]]) -> None:
    """Whoever answers with another address is not followed there: the token would go along."""
    url, shown = elsewhere

    with pytest.raises(ProviderUnavailable, match="no active OpenBao server"):
        OpenBao(dataclasses.replace(choice, url=url)).probe()
    assert shown == []
