"""PKCS#11: one AES-256 key on the token for each slot, which the token never gives out."""

from __future__ import annotations

import secrets
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.exceptions import PKCS11Error

from confide.crypto.errors import DoesNotOpen
from confide.keys.errors import ProviderRefused, ProviderUnavailable, SlotMissing
from confide.keys.providers.naming import PREFIX, bound, check_slot, slot_of
from confide.keys.providers.onethread import OneThread
from confide.keys.providers.pkcs11_session import TokenSession
from confide.keys.providers.unseen import Unseen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pkcs11 import Session

    from confide.keys.choice import Pkcs11Choice

_Result = TypeVar("_Result")

ID_BYTES = 8
"""Labels need not be unique, so two makers at one time may give a slot two keys; a wrapped key names the one that wrapped it."""
NONCE_BYTES, TAG_BYTES = 12, 16
"""NIST SP 800-38D section 8.2.2: random nonces of 96 bits, for far fewer than 2^32 wraps under one key."""
KEY_BITS, TAG_BITS = 256, 128
_CANARY = b"canary"

_threads: dict[Path, OneThread] = {}
_threads_lock = Lock()


def thread_of(module: Path) -> OneThread:
    """Return the thread that calls a library: the standard gives a library one state in a process, so there is one thread for it."""
    with _threads_lock:
        return _threads.setdefault(module, OneThread("PKCS#11 token"))


class Pkcs11(Unseen):
    """Wraps on the token, which alone has the keys."""

    name = "PKCS#11"
    durable = True
    destruction_seconds = 0

    def __init__(self, choice: Pkcs11Choice) -> None:
        """Take the settings; the library is not loaded yet.

        Raises:
            ProviderRefused: the prefix has other than plain characters.
        """
        if PREFIX.fullmatch(choice.prefix) is None:
            message = "The prefix of the keys on the token may hold letters, digits, - and _ only, 64 at most."
            raise ProviderRefused(message)
        self._prefix = choice.prefix
        self._seconds = choice.call_seconds
        self._session = TokenSession(choice)
        self._thread = thread_of(choice.module)

    def make(self, slot: str) -> None:
        """Make a key on the token, where there is none: it can neither be read nor taken away.

        Raises:
            ProviderUnavailable, ProviderRefused: see `TokenSession`.
        """

        def work(session: Session) -> None:
            if not self._found(session, slot):
                session.generate_key(
                    KeyType.AES,
                    KEY_BITS,
                    id=secrets.token_bytes(ID_BYTES),
                    label=self._prefix + slot,
                    store=True,
                    capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
                    template={Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
                )

        check_slot(slot)
        self._do(work)

    def wrap(self, slot: str, key: bytes | bytearray, context: bytes) -> bytes:
        """Return `key` sealed under the slot's key, bound to slot and context.

        Raises:
            SlotMissing: the slot has no key.
            ProviderUnavailable, ProviderRefused: see `TokenSession`.
        """
        plaintext, associated = bytes(key), bound(check_slot(slot), context)

        def work(session: Session) -> bytes:
            keys = self._found(session, slot)
            if not keys:
                raise _missing(slot)
            return bytes(keys[0].id) + _sealed(keys[0], plaintext, associated)

        return self._do(work)

    def unwrap(self, slot: str, wrapped: bytes, context: bytes) -> bytearray:
        """Return the key in a buffer that the caller wipes.

        Raises:
            SlotMissing: the slot has no key.
            DoesNotOpen: another slot, another context, or bytes that were changed.
            ProviderUnavailable, ProviderRefused: see `TokenSession`.
        """
        name, sealed, associated = bytes(wrapped[:ID_BYTES]), bytes(wrapped[ID_BYTES:]), bound(check_slot(slot), context)

        def work(session: Session) -> bytearray:
            keys = self._found(session, slot)
            if not keys:
                raise _missing(slot)
            named = [key for key in keys if key.id == name]
            if not named or len(sealed) < NONCE_BYTES + TAG_BYTES:
                raise _closed(slot)
            try:
                return bytearray(_opened(named[0], sealed, associated))
            except PKCS11Error:
                # Tokens have no common error for a tag that is wrong: one that still opens what it sealed is in order.
                if _opened(named[0], _sealed(named[0], _CANARY, b""), b"") != _CANARY:
                    raise
                raise _closed(slot) from None

        return self._do(work)

    def destroy(self, slot: str) -> None:
        """Delete the key of a slot from the token.

        Raises:
            ProviderUnavailable, ProviderRefused: see `TokenSession`.
        """

        def work(session: Session) -> None:
            for key in self._found(session, slot):
                key.destroy()

        check_slot(slot)
        self._do(work)

    def slots(self) -> frozenset[str]:
        """Return the slots that have a key on the token.

        Raises:
            ProviderUnavailable, ProviderRefused: see `TokenSession`.
        """

        def work(session: Session) -> frozenset[str]:
            labels = [str(found[Attribute.LABEL]) for found in session.get_objects(_template())]
            self._session.check_present()
            return frozenset(slot for label in labels if (slot := slot_of(label, self._prefix)))

        return self._do(work)

    def probe(self) -> None:
        """Return if the token is there and takes the PIN.

        Raises:
            ProviderUnavailable, ProviderRefused: see `TokenSession`.
        """
        self._do(lambda _session: self._session.check_present())

    def _do(self, work: Callable[[Session], _Result]) -> _Result:
        try:
            return self._thread.call(lambda: self._session.use(work), self._seconds)
        except PKCS11Error as error:
            message = f"The PKCS#11 token fails ({type(error).__name__}): look at the device, its log and the permissions of its user."
            raise ProviderUnavailable(message) from None

    def _found(self, session: Session, slot: str) -> list[Any]:
        """Return the keys of a slot, in an order that every process sees; their type in the library states no operations."""
        found: list[Any] = list(session.get_objects(_template() | {Attribute.LABEL: self._prefix + slot}))
        if not found:
            self._session.check_present()
        return sorted(found, key=lambda one: one.id)


def _template() -> dict[Attribute, object]:
    return {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES, Attribute.TOKEN: True}


def _sealed(key: Any, plaintext: bytes, associated: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    body = key.encrypt(plaintext, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, associated, TAG_BITS))
    sealed = nonce + bytes(body)
    if _opened(key, sealed, associated) != plaintext:  # some tokens put a nonce of their own in place of ours
        message = "The token does not do AES-GCM as PKCS#11 2.40 has it, so what it wraps would not open: use another token."
        raise ProviderRefused(message)
    return sealed


def _opened(key: Any, sealed: bytes, associated: bytes) -> bytes:
    parameters = GCMParams(sealed[:NONCE_BYTES], associated, TAG_BITS)
    return bytes(key.decrypt(sealed[NONCE_BYTES:], mechanism=Mechanism.AES_GCM, mechanism_param=parameters))


def _missing(slot: str) -> SlotMissing:
    return SlotMissing(f"The token has no key for {slot}: it was destroyed or never made.")


def _closed(slot: str) -> DoesNotOpen:
    return DoesNotOpen(f"The wrapped key does not open under {slot}: it was changed, or wrapped elsewhere.")
