"""The vault of a backend on SQLAlchemy models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.adopt import settings as of
from confide.adopt.errors import Misused
from confide.adopt.scope import current
from confide.adopt.sqlalchemy import unsealed
from confide.adopt.sqlalchemy.erase import erase
from confide.adopt.sqlalchemy.export import export
from confide.adopt.sqlalchemy.holdings import ModelHoldings, all_described
from confide.adopt.sqlalchemy.identifiers import as_bytes
from confide.adopt.sqlalchemy.instrument import instrument
from confide.adopt.sqlalchemy.tables import tables_in
from confide.adopt.sqlalchemy.waiting import WaitingVault
from confide.values.ids import SubjectId
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import DeclarativeBase, Session

    from confide.adopt.parts import Parts
    from confide.adopt.scope import Scope
    from confide.adopt.settings import Settings
    from confide.adopt.sqlalchemy.erase import Erasure
    from confide.store.work import Database
    from confide.values.ids import TenantId
    from confide.values.permit import Permit

ERASE_SECONDS = 600.0
"""An erasure may take longer than anything that a request waits for."""


class Vault(WaitingVault):
    """Seals, opens, exports and erases what is personal in the models below one declarative base."""

    def __init__(self, base: type[DeclarativeBase], settings: Settings) -> None:
        """Serve the models of a base, those that are declared later included; nothing is opened yet."""
        self.base = base
        super().__init__(settings, self._holdings)
        self.tables = instrument(base, self)

    @classmethod
    def of(
        cls, base: type[DeclarativeBase], *, database: str | sa.URL, keys: str, key_file: Path | str, ledger: Path | str | None = None
    ) -> Vault:  # fmt: skip
        """Return a vault with a key file.

        Args:
            base: the declarative base.
            database: where the backend's data are, as for `create_engine`; audit events are stored there too.
            keys: the key database, `sqlite:///path` or `postgresql://…`.
            key_file: the root key; `confide adopt init` makes both.
            ledger: the shred ledger, by default beside the key file.
        """
        return cls(base, of.of(keys=keys, key_file=key_file, database=address(database), ledger=ledger))

    def export(self, session: Session, subject: bytes | UUID) -> dict[str, list[dict[str, Any]]]:
        """Return everything personal of a person, opened: the rows of each table, by its name.

        In an AsyncSession: `await session.run_sync(vault.export, subject)`.

        Raises:
            NobodyActs, Denied, NotYours, KeysError, CryptoError
            NotFinished: a table is being migrated.
        """
        unsealed.check_in_session(self.base.registry, session)
        return export(self.base.registry, session, SubjectId(as_bytes(subject)))

    def erase(self, subject: bytes | UUID, *, dry_run: bool = False) -> Erasure:
        """Erase a person: keys destroyed, rows deleted or emptied as they are declared, tokens deleted; with `dry_run`, only say so.

        It has a transaction of its own, so no other may be open that writes.

        Raises:
            NobodyActs, Denied, UnknownSubject, LedgerRefused, Unavailable, StillWriting
            NotFinished: a table is being migrated.
        """
        done = self.run(self._erasure(subject, dry_run=dry_run), ERASE_SECONDS)
        self.keys.forget_all()
        return done

    async def erase_async(self, subject: bytes | UUID, *, dry_run: bool = False) -> Erasure:
        """Do the same from an event loop, which goes on meanwhile."""
        done = await self.run_async(self._erasure(subject, dry_run=dry_run), ERASE_SECONDS)
        self.keys.forget_all()
        return done

    def _erasure(self, subject: bytes | UUID, *, dry_run: bool) -> Callable[[Parts], Coroutine[Any, Any, Erasure]]:
        scope, permit, wanted = *self._permit_to_erase(), SubjectId(as_bytes(subject))

        async def carry_out(parts: Parts) -> Erasure:
            await unsealed.check(self.base.registry, parts.data)
            return await erase(parts, scope, permit, wanted, dry_run=dry_run)

        return carry_out

    def _permit_to_erase(self) -> tuple[Scope, Permit]:
        """Return the scope and the permit; whoever may not erase one of the tables erases nothing."""
        scope = current()
        with scope.doing(Action.ERASE):
            fields = [bound.field for described in all_described(self.base.registry) for bound in described.bound.values()]
            permits = [scope.reader(of).permit for of in fields]
        if not permits:
            message = "This vault serves no personal columns, so there is nothing to erase."
            raise Misused(message)
        return scope, permits[0]

    def _holdings(self, database: Database, tenant: TenantId) -> ModelHoldings:
        return ModelHoldings(self.base.registry, tables_in(self.base.metadata), database, tenant)


def address(url: str | sa.URL) -> str:
    """Return an address for SQLAlchemy in the form that the vault's own connection takes.

    Raises:
        Misused: it names a database that the vault cannot use.
    """
    parsed = sa.make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return f"sqlite:///{parsed.database}"
    if backend == "postgresql":
        return parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    message = "The vault serves SQLite files and PostgreSQL; a database in memory has no second connection, which audit events need."
    raise Misused(message)
