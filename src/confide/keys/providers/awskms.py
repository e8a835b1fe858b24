"""AWS KMS: one symmetric key with an alias for each slot."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from confide.crypto.errors import DoesNotOpen
from confide.keys.errors import ProviderRefused, ProviderUnavailable, SlotMissing
from confide.keys.providers.awskms_line import Line, Said
from confide.keys.providers.naming import bound, check_slot, slot_of
from confide.keys.providers.unseen import Unseen

if TYPE_CHECKING:
    from confide.keys.choice import AwsKmsChoice

DAY_SECONDS = 86_400
ALIAS = "alias/"
DYING = {"PendingDeletion", "PendingReplicaDeletion"}
SETTLE_SECONDS = 10.0
"""How long to wait for an alias to be seen after it was made: AWS KMS is consistent eventually only."""
MOST_BYTES = 6144
"""The longest ciphertext that AWS KMS takes (API reference, Decrypt)."""

_NOT_FOUND, _INVALID_STATE, _DENIED, _TAKEN = (
    "NotFoundException",
    "KMSInvalidStateException",
    "AccessDeniedException",
    "AlreadyExistsException",
)
_ABSENT = frozenset({_NOT_FOUND})
_UNUSABLE = frozenset({_NOT_FOUND, _INVALID_STATE})
_CLOSED = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
_CANARY = b"canary"


class AwsKms(Unseen):
    """Wraps at AWS, which alone has the keys."""

    name = "AWS KMS"
    durable = True

    def __init__(self, choice: AwsKmsChoice) -> None:
        """Take the settings; no connection is made yet.

        Raises:
            ProviderRefused: a setting is out of its bounds.
        """
        self._prefix = ALIAS + choice.prefix
        self._days = choice.deletion_days
        self.destruction_seconds = choice.deletion_days * DAY_SECONDS
        self._line = Line(choice)

    def make(self, slot: str) -> None:
        """Make a key and its alias, where there is none; the key of a maker who came second is deleted, unused.

        Raises:
            ProviderUnavailable, ProviderRefused: see `Line`.
        """
        alias = self._alias(slot)
        state = self._state(alias)
        if state in DYING:
            self._drop(alias)  # a destruction that was interrupted
        elif state is not None:
            return
        key = self._line.call("create_key", Description=f"Confide {slot}", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
        try:
            self._line.call("create_alias", frozenset({_TAKEN}), AliasName=alias, TargetKeyId=key)
        except Said:
            self._line.call("schedule_key_deletion", KeyId=key, PendingWindowInDays=self._days)
        until = time.monotonic() + SETTLE_SECONDS
        while self._state(alias) is None:
            if time.monotonic() > until:
                message = f"AWS KMS made the key of {slot} but does not show it yet: try again in a minute."
                raise ProviderUnavailable(message)
            time.sleep(0.2)

    def wrap(self, slot: str, key: bytes | bytearray, context: bytes) -> bytes:
        """Return `key` sealed under the slot's key, bound to slot and context.

        Raises:
            SlotMissing: the slot has no key.
            ProviderUnavailable, ProviderRefused: see `Line`.
        """
        return self._encrypted(slot, bytes(key), _bound(slot, context))

    def unwrap(self, slot: str, wrapped: bytes, context: bytes) -> bytearray:
        """Return the key in a buffer that the caller wipes.

        Raises:
            SlotMissing: the slot has no key.
            DoesNotOpen: another slot, another context, or bytes that were changed.
            ProviderUnavailable, ProviderRefused: see `Line`.
        """
        if not 0 < len(wrapped) <= MOST_BYTES:
            raise _closed(check_slot(slot))
        try:
            return bytearray(self._decrypted(slot, bytes(wrapped), _bound(slot, context), _CLOSED | {_DENIED}))
        except Said as said:
            # AWS denies access to a ciphertext that names a key it does not know, as it does to a caller without permission.
            if said.code == _DENIED and not self._may_decrypt(slot):
                message = f"AWS KMS does not let this service decrypt under {slot}: mend its policy (docs/security/key-management.md)."
                raise ProviderRefused(message) from None
            raise _closed(slot) from None

    def destroy(self, slot: str) -> None:
        """Schedule the deletion of a slot's key and take its alias away; the slot is missing from now on.

        Until `destruction_seconds` have passed, an administrator of the account can cancel the deletion.

        Raises:
            ProviderUnavailable, ProviderRefused: see `Line`.
        """
        alias = self._alias(slot)
        try:
            key = self._line.call("describe_key", _ABSENT, KeyId=alias)["KeyMetadata"]
            if key["KeyState"] not in DYING:
                self._line.call("schedule_key_deletion", _UNUSABLE, KeyId=key["KeyId"], PendingWindowInDays=self._days)
        except Said as said:
            if said.code == _NOT_FOUND:
                return
        self._drop(alias)

    def slots(self) -> frozenset[str]:
        """Return the slots whose alias names a key that is not about to be deleted.

        Raises:
            ProviderUnavailable, ProviderRefused: see `Line`.
        """
        names = [alias["AliasName"] for page in self._line.pages("list_aliases") for alias in page["Aliases"]]
        ours = {slot: name for name in names if (slot := slot_of(name, self._prefix))}
        return frozenset(slot for slot, name in ours.items() if self._state(name) not in {None, *DYING})

    def probe(self) -> None:
        """Return if AWS answers and takes the credentials.

        Raises:
            ProviderUnavailable, ProviderRefused: see `Line`.
        """
        self._line.call("list_aliases", Limit=1)

    def _encrypted(self, slot: str, plaintext: bytes, context: dict[str, str]) -> bytes:
        try:
            answer = self._line.call("encrypt", _UNUSABLE, KeyId=self._alias(slot), Plaintext=plaintext, EncryptionContext=context)
        except Said:
            raise self._unusable(slot) from None
        return bytes(answer["CiphertextBlob"])

    def _decrypted(self, slot: str, wrapped: bytes, context: dict[str, str], expected: frozenset[str]) -> bytes:
        try:
            answer = self._line.call(
                "decrypt", _UNUSABLE | expected, KeyId=self._alias(slot), CiphertextBlob=wrapped, EncryptionContext=context
            )
        except Said as said:
            if said.code in _UNUSABLE:
                raise self._unusable(slot) from None
            raise
        return bytes(answer["Plaintext"])

    def _may_decrypt(self, slot: str) -> bool:
        context = _bound(slot, _CANARY)
        try:
            return self._decrypted(slot, self._encrypted(slot, _CANARY, context), context, frozenset()) == _CANARY
        except ProviderRefused:
            return False

    def _unusable(self, slot: str) -> SlotMissing | ProviderUnavailable:
        if self._state(self._alias(slot)) in {None, *DYING}:
            return SlotMissing(f"AWS KMS has no living key for {slot}: it was destroyed or never made.")
        return ProviderUnavailable(f"The key of {slot} in AWS KMS cannot be used in its state: look at it in the console.")

    def _state(self, alias: str) -> str | None:
        try:
            return str(self._line.call("describe_key", _ABSENT, KeyId=alias)["KeyMetadata"]["KeyState"])
        except Said:
            return None

    def _drop(self, alias: str) -> None:
        try:
            self._line.call("delete_alias", _ABSENT, AliasName=alias)
        except Said:
            return  # somebody else did

    def _alias(self, slot: str) -> str:
        return self._prefix + check_slot(slot)


def _bound(slot: str, context: bytes) -> dict[str, str]:
    """Return the encryption context; AWS writes it into its own logs, so it is a hash of ours."""
    return {"confide-slot": slot, "confide-context": hashlib.sha256(bound(slot, context)).hexdigest()}


def _closed(slot: str) -> DoesNotOpen:
    return DoesNotOpen(f"The wrapped key does not open under {slot}: it was changed, or wrapped elsewhere.")
