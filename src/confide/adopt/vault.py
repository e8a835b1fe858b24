"""The vault of a backend: who acts, keys for sealing and opening, and the audit trail of what was opened.

It knows no framework. `adopt/sqlalchemy` and `adopt/django` stand on it.
"""

from __future__ import annotations

import os
import secrets
import weakref
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from confide.access.decide import decide
from confide.access.unseal import loaded_opener
from confide.adopt.acting import Acting
from confide.adopt.background import Background, uncancelled
from confide.adopt.errors import Misused
from confide.adopt.keys import Keys
from confide.adopt.parts import close_parts, open_parts
from confide.adopt.record import ACTOR, pseudonym, record
from confide.adopt.scope import SCOPE, Scope, current
from confide.keys.errors import KeyMissing
from confide.sealed import finding
from confide.sealed.memory import Memory
from confide.values.ids import DocumentKey, SubjectId, TenantId, uuid4, uuid_text
from confide.values.principal import Principal, Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from typing import Self

    from confide.adopt.parts import HoldingsOf, Parts
    from confide.adopt.reader import Opener, Reader
    from confide.adopt.settings import Settings
    from confide.crypto.derive import BlindField
    from confide.sealed.columns import Field
    from confide.values.permit import Action, Permit

    T = TypeVar("T")


class Vault:
    """One for each backend and process; it opens nothing before it is first used."""

    def __init__(self, settings: Settings, holdings: HoldingsOf | None = None) -> None:
        """Take the settings, and what carries erasures out in the backend's database."""
        self.settings = settings
        self._background: Background[Parts] = Background(lambda: open_parts(settings, holdings), close_parts, settings.wait_seconds)
        self._forget()
        here = weakref.ref(self)  # a vault that nobody uses any more need not live for this

        def after_fork() -> None:
            vault = here()
            if vault is not None:
                vault.after_fork()

        os.register_at_fork(after_in_child=after_fork)

    def _forget(self) -> None:
        # An opened key lives here and in the keyring, half of the stated time in each.
        self.keys = Keys(self.run, self.run_async, self.settings.cache_seconds / 2)
        self.memory = Memory()
        self._fields: dict[tuple[TenantId, str, str, str], BlindField] = {}

    def after_fork(self) -> None:
        """Forget everything in a child process; what is needed is opened anew."""
        self._background.after_fork()
        self._forget()

    # ------------------------------------------------------------------------------------------------------ life

    def start(self) -> Self:
        """Open keys and databases now, so that what is wrong with them shows at the start and not at the first request."""
        self._background.result(self._background.submit(_nothing))
        return self

    async def start_async(self) -> Self:
        """Do the same from an event loop, which goes on meanwhile."""
        await self._background.awaited(self._background.submit(_nothing))
        return self

    def close(self) -> None:
        """Store what was submitted and close the databases."""
        self._background.stop()
        self._forget()

    def run(self, work: Callable[[Parts], Coroutine[Any, Any, T]], seconds: float | None = None) -> T:
        """Return what work in the vault's thread returns, within the time that the settings give, or so many seconds."""
        return self._background.result(self._background.submit(work), seconds)

    async def run_async(self, work: Callable[[Parts], Coroutine[Any, Any, T]], seconds: float | None = None) -> T:
        """Do the same from an event loop, which goes on meanwhile."""
        return await self._background.awaited(self._background.submit(work), seconds)

    @property
    def parts(self) -> Parts:
        """The opened parts; what they do belongs into the vault's thread, but for `keyring.open` and `keyring.field`."""
        parts = self._background.parts
        if parts is None:
            self.start()
            parts = self._background.parts
        if parts is None:
            message = "The vault was closed while it was being used."
            raise Misused(message)
        return parts

    # ---------------------------------------------------------------------------------------------- who acts, and why

    def acting(
        self, who: str | int | bytes | UUID, purpose: Purpose, *, role: Role = Role.STAFF, own: bytes | UUID | None = None,
        tenant: int | None = None,
    ) -> Acting:  # fmt: skip
        """Return a scope for `with` or `async with`: until it ends, `who` acts for a purpose, and what is opened goes into the audit trail.

        Args:
            who: the backend's own identifier of the account or job; the trail holds a pseudonym of it.
            purpose: why; there is no default.
            role: STAFF, SUBJECT (then `own` names the person, and nothing of others opens) or OPERATOR.
            own: the person's subject identifier.
            tenant: where the vault serves several.
        """
        scope = self.new_scope()
        self._act(scope, who, purpose, role, own, tenant)
        return Acting(self, scope)

    def act(
        self, who: str | int | bytes | UUID, purpose: Purpose, *, role: Role = Role.STAFF, own: bytes | UUID | None = None,
        tenant: int | None = None,
    ) -> None:  # fmt: skip
        """Say who acts in the scope that is open, such as the one that a middleware opened for a request; see `acting`.

        Raises:
            NobodyActs: no scope is open.
            AlreadyActing: someone else acts in it.
        """
        self._act(current(), who, purpose, role, own, tenant)

    def new_scope(self) -> Scope:
        """Return a scope in which nobody acts yet."""
        return Scope(uuid_text(uuid4(secrets.token_bytes(16))), self._decide)

    def _act(
        self, scope: Scope, who: str | int | bytes | UUID, purpose: Purpose, role: Role, own: bytes | UUID | None, tenant: int | None,
        user: Any = None,
    ) -> None:  # fmt: skip
        account = _account(who)
        if not account or not isinstance(purpose, Purpose):
            message = "Say who acts, by an identifier that is not empty, and why, by a Purpose of confide.values.purpose."
            raise Misused(message)
        subject = None if own is None else SubjectId(own.bytes if isinstance(own, UUID) else own)
        at = self.tenant(tenant)
        chart = None if subject is None else DocumentKey(int.from_bytes(subject, "big"))
        named = pseudonym(self.parts.keyring, at, ACTOR, account)
        scope.act(Principal(at, account, named, role, purpose, chart), subject, user)

    def _decide(self, principal: Principal, action: Action, table: str) -> tuple[Permit, Opener]:
        permit = decide(principal, action, table, self.settings.policy)
        return permit, loaded_opener(self.parts.keyring, permit)

    def tenant(self, named: int | None = None) -> TenantId:
        """Return the tenant that is named, else that of whoever acts, else the only one.

        Raises:
            Misused: there are several and none is named, or it is not one of the vault's.
        """
        scope = SCOPE.get()
        if named is None and scope is not None and scope.principal is not None:
            return scope.principal.tenant
        tenants = self.settings.tenants
        found = TenantId(named) if named is not None else tenants[0] if len(tenants) == 1 else None
        if found is None or found not in tenants:
            message = "The vault serves several tenants, or not this one: name one of them, `acting(…, tenant=…)`."
            raise Misused(message)
        return found

    def record(self, scope: Scope) -> None:
        """Store the events of what a scope opened and searched; durable on return."""
        if scope.owes:
            self.run(lambda parts: record(parts, scope))

    async def record_async(self, scope: Scope) -> None:
        """Do the same from an event loop, which goes on meanwhile; a cancellation waits until they are stored."""
        if scope.owes:
            await uncancelled(self.run_async(lambda parts: record(parts, scope)))

    # -------------------------------------------------------------------------------------------------------------- opening

    def open(self, of: Field, subject: SubjectId, row: bytes, envelope: bytes) -> Any:
        """Return the value of an envelope in a row of a person, for whoever acts.

        Raises:
            NobodyActs, Denied, NotYours, KeysError, CryptoError, TimedOut
        """
        return self.read(current().reader(of), subject, row, envelope)

    def read(self, reader: Reader, subject: SubjectId, row: bytes, envelope: bytes, others: Iterable[bytes] = ()) -> Any:
        """Do the same with a reader that is at hand already; the keys of `others` are fetched together with one that is missing."""
        if self.keys.lack(envelope):
            self.keys.load([envelope, *others])
        try:
            return reader.open(subject, row, envelope)
        except KeyMissing:  # shredded, or it made room for others meanwhile
            self.keys.forget(envelope)
            self.keys.load([envelope])
            return reader.open(subject, row, envelope)

    # ------------------------------------------------------------------------------------------------------ searching

    def blind(self, tenant: TenantId, of: Field, kind: str) -> BlindField:
        """Return the keyed hash of one way to search a column."""
        known = (tenant, of.table, of.column, kind)
        found = self._fields.get(known)
        if found is None:
            column = f"{of.column}\x00{kind}".encode()
            found = self.parts.keyring.field(tenant, of.table.encode(), column, finding.VERSION)
            self._fields[known] = found
        return found


async def _nothing(_parts: Parts) -> None:
    """Do nothing; that the parts are opened is all."""


def _account(who: str | int | bytes | UUID | None) -> bytes:
    if who is None:
        return b""
    if isinstance(who, bytes):
        return who
    return who.bytes if isinstance(who, UUID) else str(who).encode()
