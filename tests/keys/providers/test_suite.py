"""What every provider keeps, held against the real thing: a file, a server, a cloud, a token."""

from __future__ import annotations

import base64
import copy
import logging
import pickle  # noqa: TID251 - to see that nothing goes into one
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confide.crypto.errors import DoesNotOpen
from confide.keys.errors import SlotMissing

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.keys.provider import Provider
    from tests.keys.providers.benches import Bench

KEY, CONTEXT = bytes(range(32)), b"a context"
FACTS = {
    "key file": ("key file", False, 0),
    "passphrase": ("passphrase", False, 0),
    "OpenBao": ("OpenBao", True, 0),
    "AWS KMS": ("AWS KMS", True, 7 * 86_400),
    "PKCS#11": ("PKCS#11", True, 0),
}
same_bench = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
"""The examples of one test share its bench: that one wrap does not disturb another is part of the fact."""
keys = st.binary(min_size=1, max_size=64)
contexts = st.binary(max_size=300)


@pytest.fixture
def provider(bench: Bench) -> Provider:
    found = bench.provider()
    found.make("root-1")
    return found


@same_bench
@given(keys, contexts)
def test_what_was_wrapped_opens(bench: Bench, provider: Provider, key: bytes, context: bytes) -> None:
    """Any key comes back under its slot and context, and no two wraps are equal."""
    first, second = provider.wrap("root-1", key, context), provider.wrap("root-1", bytearray(key), context)

    assert [provider.unwrap("root-1", one, context) for one in (first, second)] == [bytearray(key)] * 2
    assert first != second


@same_bench
@given(st.data())
def test_nothing_opens_after_any_bit_was_flipped(bench: Bench, provider: Provider, data: st.DataObject) -> None:
    """One bit anywhere in the wrapped bytes, and the error says that they do not open."""
    wrapped = bytearray(provider.wrap("root-1", KEY, CONTEXT))
    place = data.draw(st.integers(0, len(wrapped) * 8 - 1))
    wrapped[place // 8] ^= 1 << place % 8

    with pytest.raises(DoesNotOpen):
        provider.unwrap("root-1", bytes(wrapped), CONTEXT)


def test_each_bit_matters(bench: Bench, provider: Provider) -> None:
    """The same for each single bit of one wrapped key, so that no bit is left to chance."""
    wrapped = provider.wrap("root-1", KEY, CONTEXT)
    opened = []
    for place in range(len(wrapped) * 8):
        changed = bytearray(wrapped)
        changed[place // 8] ^= 1 << place % 8
        try:
            provider.unwrap("root-1", bytes(changed), CONTEXT)
            opened.append(place)
        except DoesNotOpen:
            pass

    assert opened == []


@same_bench
@given(st.data())
def test_a_part_or_an_addition_does_not_open(bench: Bench, provider: Provider, data: st.DataObject) -> None:
    """Cut anywhere, or with bytes behind it, a wrapped key does not open; nor do bytes that never were one."""
    wrapped = provider.wrap("root-1", KEY, CONTEXT)
    changed = data.draw(
        st.one_of(
            st.integers(0, len(wrapped) - 1).map(lambda length: wrapped[:length]),
            st.binary(min_size=1, max_size=20).map(lambda more: wrapped + more),
            st.binary(max_size=200),
        )
    )

    with pytest.raises(DoesNotOpen):
        provider.unwrap("root-1", changed, CONTEXT)


@same_bench
@given(contexts, contexts)
def test_another_context_does_not_open(bench: Bench, provider: Provider, context: bytes, other: bytes) -> None:
    """A wrapped key is bound to the context with which it was wrapped."""
    wrapped = provider.wrap("root-1", KEY, context)

    if context == other:
        assert provider.unwrap("root-1", wrapped, other) == KEY
    else:
        with pytest.raises(DoesNotOpen):
            provider.unwrap("root-1", wrapped, other)


def test_another_slot_does_not_open(bench: Bench, provider: Provider) -> None:
    """A wrapped key is bound to its slot, whatever kind the other one is of."""
    for other in ("root-2", "epoch-1"):
        provider.make(other)
    wrapped = {slot: provider.wrap(slot, KEY, CONTEXT) for slot in ("root-1", "root-2", "epoch-1")}

    for slot, sealed in wrapped.items():
        for other in wrapped:
            if slot == other:
                assert provider.unwrap(other, sealed, CONTEXT) == KEY
            else:
                with pytest.raises(DoesNotOpen):
                    provider.unwrap(other, sealed, CONTEXT)


def test_a_slot_that_was_never_made_is_missing(bench: Bench, provider: Provider) -> None:
    """Neither wrap nor unwrap makes a slot by the way."""
    wrapped = provider.wrap("root-1", KEY, CONTEXT)

    for slot in ("root-7", "epoch-7"):
        with pytest.raises(SlotMissing, match=slot):
            provider.wrap(slot, KEY, CONTEXT)
        with pytest.raises(SlotMissing, match=slot):
            provider.unwrap(slot, wrapped, CONTEXT)
    assert provider.slots() == {"root-1"}


def test_making_again_keeps_the_key(bench: Bench, provider: Provider) -> None:
    """However often a slot is made, and by whom: the key that it has is never replaced."""
    provider.make("epoch-1")
    wrapped = {slot: provider.wrap(slot, KEY, CONTEXT) for slot in ("root-1", "epoch-1")}
    for again in (provider, bench.provider(), provider):
        for slot in wrapped:
            again.make(slot)

    assert {slot: provider.unwrap(slot, sealed, CONTEXT) for slot, sealed in wrapped.items()} == {"root-1": KEY, "epoch-1": KEY}
    assert bench.provider().unwrap("root-1", wrapped["root-1"], CONTEXT) == KEY


@pytest.mark.parametrize("slot", ["root-2", "epoch-3"])
def test_a_destroyed_slot_opens_nothing(bench: Bench, provider: Provider, slot: str) -> None:
    """Gone for this process and for every other, as often as it is destroyed; its neighbours go on."""
    elsewhere = bench.provider()
    for made in ("root-2", "epoch-3", "epoch-4"):
        provider.make(made)
    wrapped, kept = elsewhere.wrap(slot, KEY, CONTEXT), provider.wrap("epoch-4", KEY, CONTEXT)
    for _ in range(2):
        provider.destroy(slot)

    for one in (provider, elsewhere, bench.provider()):
        with pytest.raises(SlotMissing, match=slot):
            one.unwrap(slot, wrapped, CONTEXT)
        with pytest.raises(SlotMissing, match=slot):
            one.wrap(slot, KEY, CONTEXT)
        assert one.unwrap("epoch-4", kept, CONTEXT) == KEY
        assert one.slots() == {"root-1", "root-2", "epoch-3", "epoch-4"} - {slot}


def test_a_slot_that_comes_back_does_not_open_what_went_before(bench: Bench, provider: Provider) -> None:
    """A slot that is made after it was destroyed has another key."""
    provider.make("epoch-1")
    wrapped = provider.wrap("epoch-1", KEY, CONTEXT)
    provider.destroy("epoch-1")
    provider.make("epoch-1")

    with pytest.raises(DoesNotOpen):
        provider.unwrap("epoch-1", wrapped, CONTEXT)
    assert provider.unwrap("epoch-1", provider.wrap("epoch-1", KEY, CONTEXT), CONTEXT) == KEY


def test_the_old_root_goes_and_the_epochs_stay(bench: Bench, provider: Provider) -> None:
    """A new root takes over: what hangs under epochs opens before, between and after."""
    provider.make("epoch-1")
    wrapped, seen = provider.wrap("epoch-1", KEY, CONTEXT), []
    steps: tuple[tuple[Callable[[str], None], str], ...] = (
        (provider.make, "root-1"),
        (provider.make, "root-2"),
        (provider.destroy, "root-1"),
        (provider.make, "epoch-2"),
    )
    for step, slot in steps:
        step(slot)
        seen.append(bytes(bench.provider().unwrap("epoch-1", wrapped, CONTEXT)))

    assert seen == [KEY] * 4
    assert bench.provider().slots() == {"root-2", "epoch-1", "epoch-2"}


def test_what_is_no_slot_is_refused(bench: Bench, provider: Provider) -> None:
    """A name that could mean something else to a server never reaches it."""
    for slot in ("", "root", "root-0", "root-1/../x", "Root-1", "root-1\n", "root-01", "x" * 17 + "-1", "root-1234567890"):
        calls: tuple[Callable[[str], object], ...] = (
            provider.make,
            provider.destroy,
            lambda name: provider.wrap(name, KEY, CONTEXT),
            lambda name: provider.unwrap(name, KEY, CONTEXT),
            lambda name: provider.unwrap(name, b"", CONTEXT),
        )
        for call in calls:
            with pytest.raises(ValueError, match="a slot is named like"):
                call(slot)


def test_secrets_do_not_print(bench: Bench, provider: Provider) -> None:
    """A provider shows its kind alone and can be neither pickled nor copied, and its settings hold no credential."""
    provider.wrap("root-1", KEY, CONTEXT)
    for shown in (repr(provider), str(provider), f"{provider!r}"):
        assert shown == f"{type(provider).__name__}(…)"
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            copied(provider)
    assert all(bench.secrets)
    assert not any(secret in f"{bench.choice!r} {provider!r}" for secret in bench.secrets)


def test_logs_hold_neither_keys_nor_credentials(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Even with every library at its most talkative, what is wrapped and what opens the provider stay out of the logs."""
    with caplog.at_level(logging.DEBUG):
        provider = bench.provider()
        provider.make("root-1")
        provider.unwrap("root-1", provider.wrap("root-1", KEY, CONTEXT), CONTEXT)
        with pytest.raises(DoesNotOpen):
            provider.unwrap("root-1", provider.wrap("root-1", KEY, CONTEXT), b"another")
    told = caplog.text

    assert not [one for one in (*bench.secrets, KEY.hex(), base64.b64encode(KEY).decode()[:40], repr(KEY)[2:-1]) if one in told]


def test_threads_do_not_disturb_each_other(bench: Bench, provider: Provider) -> None:
    """Many threads make, wrap, unwrap and destroy at one time; each sees its own slots whole, and all of them one key of a shared one."""

    def work(number: int) -> list[bytes]:
        own = f"epoch-{number}"
        provider.make("epoch-99")
        provider.make(own)
        shared = provider.wrap("epoch-99", KEY, CONTEXT)
        opened = [bytes(provider.unwrap(own, provider.wrap(own, KEY + bytes([turn]), CONTEXT), CONTEXT)) for turn in range(5)]
        provider.destroy(own)
        return [shared, *opened]

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(work, range(1, 9)))

    assert [one[1:] for one in done] == [[KEY + bytes([turn]) for turn in range(5)]] * 8
    assert [bytes(provider.unwrap("epoch-99", one[0], CONTEXT)) for one in done] == [KEY] * 8
    assert provider.slots() == {"root-1", "epoch-99"}


def test_the_facts_about_it_are_stated(bench: Bench, kind: str, provider: Provider) -> None:
    """Whether keys survive the machine, and how long a destroyed one may come back, is what the operator is told."""
    provider.probe()

    assert (provider.name, provider.durable, provider.destruction_seconds) == FACTS[kind]
