"""The vault of a project on Django models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.apps import apps
from django.conf import settings as project
from django.db import connections
from django.db.models import Model

from confide.adopt import settings as of
from confide.adopt.django.described import all_described
from confide.adopt.django.holdings import steps
from confide.adopt.erasing import ErasingVault
from confide.adopt.errors import Misused
from confide.adopt.holdings import ModelHoldings
from confide.adopt.tables import tables_in

import sqlalchemy as sa  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confide.adopt.scope import Scope
    from confide.adopt.settings import Settings
    from confide.sealed.columns import Field
    from confide.store.work import Database
    from confide.values.ids import TenantId
    from confide.values.principal import Role
    from confide.values.purpose import Purpose

KNOWN = frozenset({"SETTINGS", "KEYS", "KEY_FILE", "LEDGER", "DATABASE", "PURPOSE", "ACTOR", "PERMISSION"})


class Vault(ErasingVault):
    """Seals, opens, exports and erases what is personal in the models of a project."""

    def __init__(self, settings: Settings, using: str = "default", permission: str = "") -> None:
        """Serve every installed model; nothing is opened yet."""
        super().__init__(settings, self._holdings)
        self.using, self.permission = using, permission

    @classmethod
    def of_project(cls) -> Vault:
        """Return the vault that CONFIDE in the project's settings describes.

        Raises:
            Misused: it is missing, or says something unknown.
        """
        said: dict[str, Any] = getattr(project, "CONFIDE", None) or {}
        unknown = set(said) - KNOWN
        if unknown or not ("SETTINGS" in said or {"KEYS", "KEY_FILE"} <= set(said)):
            message = f"CONFIDE in the settings names KEYS and KEY_FILE, or SETTINGS, and besides only {', '.join(sorted(KNOWN))}."
            raise Misused(message)
        using = said.get("DATABASE", "default")
        settings = said.get("SETTINGS") or of.of(
            keys=said["KEYS"], key_file=said["KEY_FILE"], ledger=said.get("LEDGER"), database=address(connections[using])
        )
        return cls(settings, using, said.get("PERMISSION", ""))

    def _act(self, scope: Scope, who: Any, purpose: Purpose, role: Role, own: Any, tenant: int | None, user: Any = None) -> None:
        """See `Vault.acting`; a user of Django is taken as well, and then their permissions are asked."""
        if isinstance(who, Model):
            user, who = who, f"{who._meta.label_lower}:{who.pk}"  # noqa: SLF001 - Django's documented way to ask a model
        super()._act(scope, who, purpose, role, own, tenant, user)

    def fields(self) -> Iterator[Field]:
        """Yield every personal field."""
        for described in all_described(apps):
            for bound in described.bound.values():
                yield bound.field

    def _holdings(self, database: Database, tenant: TenantId) -> ModelHoldings:
        return ModelHoldings(lambda: steps(apps), tables_in(sa.MetaData()), database, tenant)


def address(connection: Any) -> str:
    """Return where the database of a Django connection is, in the form that the vault's own connection takes.

    Raises:
        Misused: it is a database that the vault cannot use.
    """
    said = connection.settings_dict
    name = str(said["NAME"])
    if connection.vendor == "sqlite" and name and "memory" not in name:
        return f"sqlite:///{Path(name)}"
    if connection.vendor == "postgresql":
        who = f"{quote(said['USER'], safe='')}:{quote(said['PASSWORD'], safe='')}@" if said["USER"] else ""
        port = f":{said['PORT']}" if said["PORT"] else ""
        host = said["HOST"] or ""
        at = f"{who}/{quote(name)}?host={quote(host)}" if host.startswith("/") else f"{who}{host}{port}/{quote(name)}"
        return f"postgresql://{at}"
    message = "The vault serves SQLite files and PostgreSQL; a database in memory has no second connection, which audit events need."
    raise Misused(message)
