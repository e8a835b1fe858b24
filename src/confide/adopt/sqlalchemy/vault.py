"""The vault of a backend on SQLAlchemy models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.adopt import settings as of
from confide.adopt.errors import Misused
from confide.adopt.holdings import ModelHoldings
from confide.adopt.identifiers import as_bytes
from confide.adopt.sqlalchemy import unsealed
from confide.adopt.sqlalchemy.export import export
from confide.adopt.sqlalchemy.holdings import all_described, steps
from confide.adopt.sqlalchemy.instrument import instrument
from confide.adopt.sqlalchemy.waiting import WaitingVault
from confide.adopt.tables import tables_in
from confide.values.ids import SubjectId

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import DeclarativeBase, Session

    from confide.adopt.parts import Parts
    from confide.adopt.settings import Settings
    from confide.sealed.columns import Field
    from confide.store.work import Database
    from confide.values.ids import TenantId


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

    def fields(self) -> Iterator[Field]:
        """Yield every personal column."""
        for described in all_described(self.base.registry):
            for bound in described.bound.values():
                yield bound.field

    async def check_before_erasing(self, parts: Parts) -> None:
        """Refuse while a table is being migrated: whose a row is shows when it is sealed.

        Raises:
            NotFinished
        """
        await unsealed.check(self.base.registry, parts.data)

    def _holdings(self, database: Database, tenant: TenantId) -> ModelHoldings:
        return ModelHoldings(lambda: steps(self.base.registry), tables_in(self.base.metadata), database, tenant)


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
