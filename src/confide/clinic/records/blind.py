"""From index entries to 63-bit tokens, under one key for each parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from confide.crypto.derive import BlindField
    from confide.keys.hierarchy import Keyring
    from confide.values.ids import TenantId

NORMALISER_VERSION = 1
TABLE = b"token"


class BlindIndex:
    """The field keys of one tenant."""

    def __init__(self, keyring: Keyring, tenant: TenantId) -> None:
        """Derive field keys when they are first needed."""
        self._keyring = keyring
        self._tenant = tenant
        self._fields: dict[int, BlindField] = {}

    def token(self, parameter: int, value: bytes, subject: bytes = b"") -> int:
        """Return the token of a value; with a subject it is equal only within that person."""
        field = self._fields.get(parameter)
        if field is None:
            field = self._keyring.field(self._tenant, TABLE, parameter.to_bytes(4, "big"), NORMALISER_VERSION)
            self._fields[parameter] = field
        return field.token(bytes((len(subject),)) + subject + value)

    def tokens(self, entries: Iterable[tuple[int, bool, bytes]], subjects: Collection[bytes]) -> list[tuple[int, int]]:
        """Return the distinct (parameter, token) pairs of (parameter, bound to the subject?, value) entries.

        A bound entry has a token for each subject, since a search names one of them. It has none where there is no subject.
        """
        found = set()
        for parameter, bound, value in entries:
            for subject in subjects if bound else (b"",):
                found.add((parameter, self.token(parameter, value, subject)))
        return sorted(found)
