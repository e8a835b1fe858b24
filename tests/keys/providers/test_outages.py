"""A provider that is down says so in time, harms nothing, and works again by itself when what it needs is back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from confide.keys.errors import KeysError

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.keys.provider import Provider
    from tests.keys.providers.benches import Bench

KEY, CONTEXT = bytes(range(32)), b"a context"
RECOVERED_SECONDS = 10
"""A server that was killed has to start first."""
OUTAGES = [
    *(("key file", one) for one in ("file gone", "file open to all", "folder gone")),
    *(("passphrase", one) for one in ("file gone", "file open to all", "folder gone")),
    *(("OpenBao", one) for one in ("stopped", "frozen", "sealed", "token gone", "token open to all", "token wrong")),
    *(("AWS KMS", one) for one in ("stopped", "silent", "credentials wrong")),
    *(("PKCS#11", one) for one in ("token gone", "PIN wrong", "session lost")),
    *(("PKCS#11 that fails", one) for one in ("device removed", "line hangs")),
]


def calls(provider: Provider, wrapped: bytes) -> dict[str, Callable[[], object]]:
    """Every call of a provider."""
    return {
        "unwrap": lambda: provider.unwrap("root-1", wrapped, CONTEXT),
        "wrap": lambda: provider.wrap("root-1", KEY, CONTEXT),
        "make": lambda: provider.make("epoch-1"),
        "destroy": lambda: provider.destroy("root-1"),
        "slots": provider.slots,
        "probe": provider.probe,
    }


def ended(call: Callable[[], object]) -> tuple[type[KeysError] | None, float]:
    """Return with which error a call ended, and after how many seconds."""
    before = time.monotonic()
    try:
        call()
    except KeysError as error:
        return type(error), time.monotonic() - before
    return None, time.monotonic() - before


def recovered(provider: Provider, wrapped: bytes) -> bytes:
    """Return what opens once it opens again."""
    until = time.monotonic() + RECOVERED_SECONDS
    while time.monotonic() < until:
        try:
            return bytes(provider.unwrap("root-1", wrapped, CONTEXT))
        except KeysError:
            time.sleep(0.1)
    return bytes(provider.unwrap("root-1", wrapped, CONTEXT))


@pytest.mark.parametrize(("kind", "outage"), OUTAGES)
def test_an_outage_is_named_in_time_and_ends_by_itself(bench: Bench, kind: str, outage: str) -> None:
    """Each call, on a provider in use and on a fresh one, ends with the error that fits; afterwards everything is as it was."""
    failure, provider = bench.outages[outage], bench.hasty().provider()
    bench.provider().make("root-1")
    wrapped, before = provider.wrap("root-1", KEY, CONTEXT), provider.slots()
    fresh = bench.hasty().provider()
    if failure.error is None:
        with failure.meanwhile():
            assert recovered(provider, wrapped) == KEY
        assert recovered(provider, wrapped) == KEY
        return

    with failure.meanwhile():
        seen = {name: ended(call) for name, call in calls(provider, wrapped).items()} | {"fresh": ended(fresh.probe)}

    assert {error for error, _ in seen.values()} == {failure.error}
    assert max(seconds for _, seconds in seen.values()) < failure.within_seconds
    for one in (provider, fresh):
        assert recovered(one, wrapped) == KEY
        assert one.slots() == before


@pytest.mark.parametrize(("kind", "outage"), [("OpenBao", "token wrong"), ("AWS KMS", "credentials wrong"), ("PKCS#11", "PIN wrong")])
def test_a_refusal_says_what_to_do_and_shows_no_credential(bench: Bench, kind: str, outage: str) -> None:
    """The sentence names the token, the credentials or the PIN, and repeats none of them."""
    provider = bench.provider()
    provider.make("root-1")
    with bench.outages[outage].meanwhile(), pytest.raises(bench.outages[outage].error or KeysError) as refused:
        bench.provider().slots()

    assert any(word in str(refused.value) for word in ("Give a new token", "look at the credentials", "write the right one"))
    assert not any(secret in str(refused.value) for secret in (*bench.secrets, "s.wrong", "000000"))
