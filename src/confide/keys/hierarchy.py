"""Root → tenant KEK → data encryption keys, opened on demand and cached for a short time.

```
root (provider)
 └ tenant KEK
     ├ subject DEK per purpose class      a person's values
     ├ tenant DEK per purpose class       what belongs to no single person; the service's own secrets
     └ tenant index key → one key for each blind search field, by HKDF
```
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from confide.crypto.derive import BlindField, derive
from confide.crypto.envelope import DataKey, Suite, read_header
from confide.crypto.errors import DoesNotOpen
from confide.crypto.random import new_key, new_key_ref, wipe
from confide.keys import store
from confide.keys.errors import KeyMissing, NotPermitted
from confide.store.errors import Conflict
from confide.store.work import Add, Unit
from confide.values.ids import NO_SUBJECT, KeyRef, SubjectId, TenantId
from confide.values.place import Place, length_prefixed
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from confide.store.work import Database
    from confide.values.permit import Permit

CACHE_SECONDS = 120
"""How long an opened key may serve without being looked up again (design: 60 to 300 s)."""
CACHE_KEYS = 10_000
"""About 2 KiB each."""

_DEK, _KEK, _INDEX = "dek", "kek", "index"


class Provider(Protocol):
    """What holds the root key."""

    def wrap(self, key: bytes | bytearray, context: bytes) -> bytes:
        """Return `key` sealed under the root, bound to `context`."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytearray:
        """Return the key that was wrapped under the same context."""
        ...


@dataclass(slots=True)
class _Opened:
    key: DataKey
    tenant: int
    subject: bytes
    purpose_class: bytes
    until: int


class Keyring:
    """The opened keys of this process; one for the whole application."""

    def __init__(self, database: Database, provider: Provider, *, seconds: int = CACHE_SECONDS, size: int = CACHE_KEYS) -> None:
        """Keep opened keys for `seconds`, at most `size` of them."""
        self._database = database
        self._provider = provider
        self._lifetime = seconds * 1_000_000
        self._size = size
        self._opened: OrderedDict[bytes, _Opened] = OrderedDict()
        self._current: OrderedDict[tuple[int, bytes, bytes], bytes] = OrderedDict()
        self._keks: dict[int, DataKey] = {}
        self._index: dict[int, bytes] = {}

    async def start(self, tenant: TenantId, now: int) -> None:
        """Open (or, in an empty key database, make) the tenant's own keys; `now` in microseconds since 1970."""
        context = length_prefixed(b"kek", tenant.to_bytes(8, "big"))
        row = await self._find(tenant, _KEK, NO_SUBJECT, b"")
        if row is None:
            key = new_key()
            await self._add(new_key_ref(), tenant, _KEK, NO_SUBJECT, b"", self._provider.wrap(key, context), now)
            wipe(key)
            row = await self._find(tenant, _KEK, NO_SUBJECT, b"")
        if row is None:
            message = "The tenant's key is not in the key database although it was just stored: look at the database."
            raise KeyMissing(message)
        opened = self._provider.unwrap(row[6], context)
        self._keks[tenant] = DataKey(KeyRef(row[0]), opened)
        wipe(opened)
        index = await self._find(tenant, _INDEX, NO_SUBJECT, b"")
        if index is None:
            await self._make(tenant, _INDEX, NO_SUBJECT, b"", now)
            index = await self._find(tenant, _INDEX, NO_SUBJECT, b"")
        if index is not None:
            self._index[tenant] = bytes(self._unwrap(index))
        for purpose_class in (PurposeClass.SERVICE, PurposeClass.COMMONS):
            await self.sealer(tenant, NO_SUBJECT, purpose_class, now)

    def field(self, tenant: TenantId, table: bytes, column: bytes, version: int) -> BlindField:
        """Return the blind index key of one field; it is never derived from a data encryption key."""
        return BlindField(derive(self._index[tenant], length_prefixed(b"blind", table, column, version.to_bytes(4, "big"))))

    async def sealer(self, tenant: TenantId, subject: SubjectId, purpose_class: PurposeClass, now: int) -> DataKey:
        """Return the key that new values of a subject are sealed under, making it durable first if there is none."""
        identity = (tenant, subject, purpose_class.value)
        key_ref = self._current.get(identity)
        if key_ref is not None:
            cached = self._cached(key_ref, now)
            if cached is not None:
                return cached.key
        row = await self._find(tenant, _DEK, subject, purpose_class.value)
        if row is None:
            row = await self._make(tenant, _DEK, subject, purpose_class.value, now)
        self._current[identity] = row[0]
        if len(self._current) > self._size:
            self._current.popitem(last=False)
        return self._remember(row, now).key

    async def load(self, references: Iterable[KeyRef], now: int) -> None:
        """Open the keys that envelopes name, so that `open` finds them."""
        for key_ref in references:
            if self._cached(key_ref, now) is None:
                rows = await self._database.fetch(store.BY_REF, {"key_ref": key_ref})
                if rows and rows[0][2] == _DEK:
                    self._remember(rows[0], now)

    def open(self, permit: Permit, place: Place, envelope: bytes) -> bytes:
        """Return the plaintext of an envelope; whoever calls owes the audit trail an event before any byte leaves.

        Raises:
            NotPermitted: the permit is for another tenant.
            KeyMissing: the key was shredded, or `load` was not called.
            DoesNotOpen, NotAnEnvelope: the value is not at home in `place`.
        """
        if permit.principal.tenant != place.tenant:
            message = "The permit is for another tenant."
            raise NotPermitted(message)
        return self._open(place, envelope)

    def open_service(self, tenant: TenantId, table: bytes, column: bytes, row: bytes, envelope: bytes) -> bytes:
        """Return a secret of the service itself (accounts, audit values); such values belong to no subject."""
        return self._open(Place(tenant, NO_SUBJECT, PurposeClass.SERVICE, table, column, row), envelope)

    async def seal_service(self, tenant: TenantId, table: bytes, column: bytes, row: bytes, plaintext: bytes, now: int) -> bytes:
        """Return the envelope of a secret of the service itself."""
        key = await self.sealer(tenant, NO_SUBJECT, PurposeClass.SERVICE, now)
        place = Place(tenant, NO_SUBJECT, PurposeClass.SERVICE, table, column, row)
        return key.seal(Suite.XAES_256_GCM, place.context(), plaintext)

    def forget(self) -> None:
        """Drop every opened data key, as after a fork or a shred."""
        self._opened.clear()
        self._current.clear()

    def _open(self, place: Place, envelope: bytes) -> bytes:
        opened = self._opened.get(read_header(envelope).key_ref)
        if opened is None:
            message = "The key of this value is not there: it was shredded, or the key database is not the one that belongs to this data."
            raise KeyMissing(message)
        if (opened.tenant, opened.subject, opened.purpose_class) != (place.tenant, place.subject, place.purpose_class.value):
            message = "The value does not open: its key belongs to someone else."
            raise DoesNotOpen(message)
        return opened.key.open(place.context(), envelope)

    def _cached(self, key_ref: bytes, now: int) -> _Opened | None:
        opened = self._opened.get(key_ref)
        if opened is None or opened.until <= now:
            return None
        return opened

    def _remember(self, row: tuple[Any, ...], now: int) -> _Opened:
        key_ref, tenant, _, subject, purpose_class, _, _ = row
        secret = self._unwrap(row)
        opened = _Opened(DataKey(KeyRef(key_ref), secret), tenant, subject, purpose_class, now + self._lifetime)
        wipe(secret)
        self._opened[opened.key.key_ref] = opened
        self._opened.move_to_end(opened.key.key_ref)
        if len(self._opened) > self._size:
            self._opened.popitem(last=False)
        return opened

    def _unwrap(self, row: tuple[Any, ...]) -> bytearray:
        key_ref, tenant, kind, subject, purpose_class, generation, wrapped = row
        context = _wrap_context(tenant, kind, subject, purpose_class, generation, key_ref)
        return bytearray(self._keks[tenant].open(context, wrapped))

    async def _find(self, tenant: int, kind: str, subject: bytes, purpose_class: bytes) -> tuple[Any, ...] | None:
        values = {"tenant": tenant, "kind": kind, "subject": subject, "class": purpose_class}
        rows = await self._database.fetch(store.CURRENT, values)
        return tuple(rows[0]) if rows else None

    async def _make(self, tenant: int, kind: str, subject: bytes, purpose_class: bytes, now: int) -> tuple[Any, ...]:
        key, key_ref = new_key(), new_key_ref()
        context = _wrap_context(tenant, kind, subject, purpose_class, 1, key_ref)
        wrapped = self._keks[tenant].seal(Suite.XAES_256_GCM, context, bytes(key))
        wipe(key)
        await self._add(key_ref, tenant, kind, subject, purpose_class, wrapped, now)
        row = await self._find(tenant, kind, subject, purpose_class)
        if row is None:
            message = "A key was stored but cannot be found: look at the key database."
            raise KeyMissing(message)
        return row

    async def _add(self, key_ref: KeyRef, tenant: int, kind: str, subject: bytes, purpose_class: bytes, wrapped: bytes, now: int) -> None:
        row = (key_ref, tenant, kind, subject, purpose_class, 1, wrapped, now)
        try:
            await self._database.commit(Unit((Add(store.ADD_KEY, [row]),)))
        except Conflict:
            return  # another worker made the same key first: theirs is the key, ours was never used


def _wrap_context(tenant: int, kind: str, subject: bytes, purpose_class: bytes, generation: int, key_ref: bytes) -> bytes:
    return length_prefixed(tenant.to_bytes(8, "big"), kind.encode(), subject, purpose_class, generation.to_bytes(4, "big"), key_ref)
