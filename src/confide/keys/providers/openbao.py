"""OpenBao and HashiCorp Vault: one derived key of the transit engine for each slot.

A derived key binds every ciphertext to the `context` that comes with it. Associated data would bind as well, but `rewrap` fails on such
ciphertexts, and its batch answers say so under HTTP 200; nothing here uses batches.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from hvac.exceptions import InvalidPath, InvalidRequest

from confide.crypto.errors import DoesNotOpen
from confide.keys.errors import ProviderRefused, SlotMissing
from confide.keys.providers.naming import bound, check_slot, slot_of
from confide.keys.providers.openbao_line import Line
from confide.keys.providers.unseen import Unseen

if TYPE_CHECKING:
    from confide.keys.choice import OpenBaoChoice

TYPE = "aes256-gcm96"
MARK = "vault"
"""What a ciphertext begins with: `vault:v1:` and base64."""
VERSION_BYTES = 4


class OpenBao(Unseen):
    """Wraps on a server, which alone has the keys."""

    name = "OpenBao"
    durable = True
    destruction_seconds = 0

    def __init__(self, choice: OpenBaoChoice) -> None:
        """Take the settings; no connection is made yet.

        Raises:
            ProviderRefused: the address or the prefix is not one that may be used.
        """
        self._prefix = choice.prefix
        self._mount = choice.mount
        self._line = Line(choice)

    def make(self, slot: str) -> None:
        """Make the key of a slot; the server leaves one that is there as it is.

        Raises:
            ProviderUnavailable, ProviderRefused: see `Line`; or the key that is there does not bind, or can be exported.
        """
        name = self._name(slot)
        self._line.call(lambda transit: transit.create_key(name, derived=True, key_type=TYPE, mount_point=self._mount))
        self._look(slot)

    def wrap(self, slot: str, key: bytes | bytearray, context: bytes) -> bytes:
        """Return `key` sealed under the slot's key, bound to slot and context.

        Raises:
            SlotMissing: the slot has no key.
            ProviderUnavailable, ProviderRefused: see `Line`.
        """
        name, bound_to = self._look(slot), _text(bound(slot, context))  # `encrypt` would make a key that is not there, if it may
        answer = self._line.call(
            lambda transit: transit.encrypt_data(name, plaintext=_text(key), context=bound_to, mount_point=self._mount)
        )
        return _packed(str(answer["data"]["ciphertext"]))

    def unwrap(self, slot: str, wrapped: bytes, context: bytes) -> bytearray:
        """Return the key in a buffer that the caller wipes.

        Raises:
            SlotMissing: the slot has no key.
            DoesNotOpen: another slot, another context, or bytes that were changed.
            ProviderUnavailable, ProviderRefused: see `Line`.
        """
        name, ciphertext, bound_to = self._name(slot), _unpacked(bytes(wrapped)), _text(bound(slot, context))
        try:
            answer = self._line.call(
                lambda transit: transit.decrypt_data(name, ciphertext=ciphertext, context=bound_to, mount_point=self._mount),
                InvalidRequest,
            )
        except InvalidRequest:
            self._look(slot)  # the server says the same of a key that is not there
            message = f"The wrapped key does not open under {slot}: it was changed, or wrapped elsewhere."
            raise DoesNotOpen(message) from None
        return bytearray(base64.b64decode(answer["data"]["plaintext"]))

    def destroy(self, slot: str) -> None:
        """Delete the key of a slot from the server; its backups are the server's own affair.

        Raises:
            ProviderUnavailable, ProviderRefused: see `Line`.
        """
        name = self._name(slot)
        try:
            self._line.call(
                lambda transit: transit.update_key_configuration(name, deletion_allowed=True, mount_point=self._mount), InvalidRequest
            )
            self._line.call(lambda transit: transit.delete_key(name, mount_point=self._mount), InvalidRequest)
        except InvalidRequest:
            if slot in self.slots():
                message = f"OpenBao does not delete the key {name}: look at its audit log, and delete the key there."
                raise ProviderRefused(message) from None

    def slots(self) -> frozenset[str]:
        """Return the slots that have a key on the server.

        Raises:
            ProviderUnavailable, ProviderRefused: see `Line`.
        """
        try:
            answer = self._line.call(lambda transit: transit.list_keys(mount_point=self._mount), InvalidPath)
        except InvalidPath:
            return frozenset()
        return frozenset(slot for name in answer["data"]["keys"] if (slot := slot_of(name, self._prefix)))

    def probe(self) -> None:
        """Return if the server answers, is unsealed, and takes the token.

        Raises:
            ProviderUnavailable, ProviderRefused: see `Line`.
        """
        self.slots()

    def _look(self, slot: str) -> str:
        """Return the name of a slot's key, after a look at what it is."""
        name = self._name(slot)
        try:
            found = self._line.call(lambda transit: transit.read_key(name, mount_point=self._mount), InvalidPath)["data"]
        except InvalidPath:
            message = f"OpenBao has no key for {slot}: it was destroyed or never made."
            raise SlotMissing(message) from None
        leaves = found.get("exportable") or found.get("allow_plaintext_backup")
        if found["type"] != TYPE or not found["derived"] or leaves or found.get("soft_deleted"):
            message = (
                f"The key {name} in OpenBao is not a living, derived {TYPE} key that cannot be exported, so it was not made by Confide: "
                "look who made or changed it, or choose another prefix."
            )
            raise ProviderRefused(message)
        return name

    def _name(self, slot: str) -> str:
        return self._prefix + check_slot(slot)


def _text(content: bytes | bytearray) -> str:
    return base64.b64encode(content).decode("ascii")


def _packed(ciphertext: str) -> bytes:
    """Return version and bytes: of base64, several texts mean the same bytes, so that a changed text might still open."""
    _, version, body = ciphertext.split(":")
    return int(version.removeprefix("v")).to_bytes(VERSION_BYTES, "big") + base64.b64decode(body, validate=True)


def _unpacked(wrapped: bytes) -> str:
    version = int.from_bytes(wrapped[:VERSION_BYTES], "big")
    if len(wrapped) <= VERSION_BYTES or version < 1:  # the server takes version 0 for version 1
        message = "The wrapped key does not open: these are not the bytes of a wrapped key."
        raise DoesNotOpen(message)
    return f"{MARK}:v{version}:{binascii.b2a_base64(wrapped[VERSION_BYTES:], newline=False).decode('ascii')}"
