"""The vault of a backend on SQLAlchemy models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from confide.adopt import settings as of
from confide.adopt.errors import Misused
from confide.adopt.sqlalchemy.instrument import instrument
from confide.adopt.sqlalchemy.waiting import WaitingVault

if TYPE_CHECKING:
    from pathlib import Path

    from confide.adopt.settings import Settings


class Vault(WaitingVault):
    """Seals, opens, exports and erases what is personal in the models below one declarative base."""

    def __init__(self, base: type, settings: Settings) -> None:
        """Serve the models of a base, those that are declared later included; nothing is opened yet."""
        super().__init__(settings)
        self.base = base
        self.tables = instrument(base, self)

    @classmethod
    def of(cls, base: type, *, database: str | sa.URL, keys: str, key_file: Path | str, ledger: Path | str | None = None) -> Vault:
        """Return a vault with a key file.

        Args:
            base: the declarative base.
            database: where the backend's data are, as for `create_engine`; audit events are stored there too.
            keys: the key database, `sqlite:///path` or `postgresql://…`.
            key_file: the root key; `confide adopt init` makes both.
            ledger: the shred ledger, by default beside the key file.
        """
        return cls(base, of.of(keys=keys, key_file=key_file, database=address(database), ledger=ledger))


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
