"""PKCS#11: what a token guards, what it does not, and a library that cannot be interrupted."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, MechanismFlag, ObjectClass

from confide.keys.choice import Pkcs11Choice
from confide.keys.errors import ProviderRefused, ProviderUnavailable, SlotMissing
from confide.keys.providers.onethread import OneThread
from confide.keys.providers.pkcs11_token import Pkcs11

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.keys.providers.benches import Bench
    from tests.keys.providers.failing_module import FailingModule

ROOT = Path(__file__).resolve().parents[3]
KEY, CONTEXT = bytes(range(32)), b"a context"
token = pytest.mark.parametrize("kind", ["PKCS#11"])
failing = pytest.mark.parametrize("kind", ["PKCS#11 that fails"])
HANGS = """
import sys
from pathlib import Path
from confide.keys.choice import Pkcs11Choice
from confide.keys.errors import ProviderUnavailable
from confide.keys.providers.opening import open_provider
module, label, pin, failures = sys.argv[1:]
provider = open_provider(Pkcs11Choice(Path(module), label, Path(pin), call_seconds=0.2))
Path(failures, "hangs").touch()
try:
    provider.slots()
except ProviderUnavailable:
    print("unavailable", flush=True)
"""
FORKS = """
import os
from confide.keys.providers.onethread import OneThread
thread = OneThread("test")
thread.call(lambda: None, 5)
child = os.fork()
if child == 0:
    os._exit(thread.call(lambda: 7, 5))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture
def choice(bench: Bench) -> Pkcs11Choice:
    assert isinstance(bench.choice, Pkcs11Choice)
    return bench.choice


def on_thread(provider: Pkcs11, work: Callable[[Any], Any]) -> Any:
    """Return what `work` finds on the provider's own session, in the one thread of its library."""
    return provider._do(work)


@token
def test_a_key_can_neither_be_read_nor_taken_away(choice: Pkcs11Choice) -> None:
    """It is the token's own: sensitive, not extractable, made there, for encryption alone."""
    provider = Pkcs11(choice)
    provider.make("root-1")
    asked = (Attribute.SENSITIVE, Attribute.EXTRACTABLE, Attribute.LOCAL, Attribute.PRIVATE, Attribute.WRAP, Attribute.SIGN)

    def look(session: Any) -> list[bool]:
        return [bool(provider._found(session, "root-1")[0][one]) for one in asked]

    def read(session: Any) -> object:
        return provider._found(session, "root-1")[0][Attribute.VALUE]

    assert on_thread(provider, look) == [True, False, True, True, False, False]
    with pytest.raises(ProviderUnavailable, match="AttributeSensitive"):
        on_thread(provider, read)


@token
def test_two_keys_of_one_slot_both_open(choice: Pkcs11Choice) -> None:
    """A token lets two makers at one time give one label to two keys: what either wrapped opens, and both are destroyed."""
    provider = Pkcs11(choice)
    wrapped = []

    def add(name: bytes) -> Callable[[Any], None]:
        def work(session: Any) -> None:
            session.generate_key(
                KeyType.AES,
                256,
                id=name,
                label=choice.prefix + "root-1",
                store=True,
                capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
            )

        return work

    for name in (b"\x80" + bytes(7), b"\x01" + bytes(7), b"\xff" * 8):
        on_thread(provider, add(name))
        wrapped.append(provider.wrap("root-1", KEY, CONTEXT))
    opened = [provider.unwrap("root-1", one, CONTEXT) for one in wrapped]
    provider.destroy("root-1")

    assert [one[0] for one in wrapped] == [0x80, 0x01, 0x01]
    assert opened == [bytearray(KEY)] * 3
    assert provider.slots() == frozenset()
    with pytest.raises(SlotMissing):
        provider.unwrap("root-1", wrapped[0], CONTEXT)


@token
def test_objects_of_others_are_no_slots(choice: Pkcs11Choice) -> None:
    """Only AES keys on the token whose label has our prefix and the form of a slot count."""
    provider = Pkcs11(choice)

    def add(session: Any) -> None:
        for label in (choice.prefix + "payroll", "root-9"):
            session.generate_key(KeyType.AES, 256, label=label, store=True)
        session.generate_key(KeyType.AES, 256, label=choice.prefix + "root-8", store=False)
        session.create_object(
            {Attribute.CLASS: ObjectClass.DATA, Attribute.LABEL: choice.prefix + "root-7", Attribute.TOKEN: True, Attribute.VALUE: b"x"}
        )

    on_thread(provider, add)
    provider.make("root-1")

    assert provider.slots() == {"root-1"}


@pytest.mark.parametrize(
    ("setting", "error", "named"),
    [
        ({"module": Path("/nowhere/library.so")}, ProviderRefused, "no PKCS#11 library"),
        ({"module": Path(__file__)}, ProviderRefused, "cannot be loaded"),
        ({"token_label": "another token"}, ProviderUnavailable, "another token is not there"),
        ({"pin_file": Path("/nowhere/pin")}, ProviderRefused, "PIN cannot be read"),
    ],
)
@token
def test_what_is_wrong_in_the_settings_is_named(choice: Pkcs11Choice, setting: dict[str, Any], error: type[Exception], named: str) -> None:
    """The sentence says which of them, and the right ones work afterwards."""
    with pytest.raises(error, match=named):
        Pkcs11(dataclasses.replace(choice, **setting)).slots()
    assert Pkcs11(choice).slots() == frozenset()


@failing
def test_a_wrong_pin_is_tried_once(choice: Pkcs11Choice, hsm_module: FailingModule) -> None:
    """A few wrong ones lock a token, and a readiness check asks every few seconds: the next try waits for another PIN."""
    right = choice.pin_file.read_text(encoding="utf-8")
    choice.pin_file.write_text("000000", encoding="utf-8")
    pkcs11.lib(str(choice.module)).reinitialize()
    provider, before = Pkcs11(choice), hsm_module.logins()
    for turn in range(10):
        with pytest.raises(ProviderRefused, match="not tried again"):
            provider.probe() if turn % 2 else provider.make("root-1")
    tried = hsm_module.logins() - before
    choice.pin_file.write_text(right, encoding="utf-8")
    provider.make("root-1")

    assert tried == 1
    assert provider.slots() == {"root-1"}


@failing
def test_a_library_that_hangs_does_not_keep_the_process(choice: Pkcs11Choice, hsm_module: FailingModule) -> None:
    """Whoever ends a service need not wait for a call that never returns."""
    arguments = (choice.module, choice.token_label, choice.pin_file, hsm_module.folder)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", HANGS, *map(str, arguments)],
            cwd=ROOT,
            env=dict(os.environ),
            timeout=20,
            check=False,
            capture_output=True,
        )
    finally:
        hsm_module.mend()

    assert (ended.stdout, ended.returncode) == (b"unavailable\n", 0)


def test_a_call_that_nobody_waits_for_any_more_is_not_begun() -> None:
    """Behind one that hangs, the others are given up, and do not happen later behind the backs of their callers."""
    thread, release, done = OneThread("test"), threading.Event(), []
    with pytest.raises(ProviderUnavailable, match=r"test did not answer within 0\.05 seconds"):
        thread.call(release.wait, 0.05)
    with pytest.raises(ProviderUnavailable):
        thread.call(lambda: done.append("late"), 0.05)
    release.set()
    last = thread.call(lambda: "served", 5)

    assert last == "served"
    assert done == []


def test_an_error_reaches_its_caller_and_the_thread_goes_on() -> None:
    """What a call raises is raised where it was asked for."""
    thread = OneThread("test")
    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 // 0, 5)
    before = time.monotonic()

    assert thread.call(lambda: 7, 5) == 7
    assert time.monotonic() - before < 5


def test_a_forked_process_has_a_thread_of_its_own() -> None:
    """A fork leaves threads behind; the first call in the child starts one."""
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", FORKS], cwd=ROOT, check=True, capture_output=True, timeout=30)

    assert ended.stdout == b"7\n"
