"""`confide adopt keys`: the keys of a vault of a backend of one's own, and their rotation, while the backend goes on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from confide.adopt.deed import tell
from confide.adopt.parts import clock, tend_tenant
from confide.adopt.sqlalchemy.holdings import all_described
from confide.adopt.sqlalchemy.in_use import in_use
from confide.adopt.sqlalchemy.migrate.engine import reader
from confide.adopt.sqlalchemy.reseal import holding, reseal, rows
from confide.cli import key_lines, rotations, terminal
from confide.cli.errors import NotFinished
from confide.cli.named_vault import models_option, opened_engine, vault_argument, vault_of
from confide.cli.rotations import ROTATIONS
from confide.keys import rotate
from confide.keys.rotate import SETTLED
from confide.keys.status import status
from confide.values.permit import Action
from confide.values.principal import Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from confide.adopt.acting import Acting
    from confide.adopt.parts import Parts
    from confide.adopt.scope import Scope
    from confide.adopt.sqlalchemy.described import Bound
    from confide.adopt.sqlalchemy.vault import Vault
    from confide.cli.rotations import Rotation
    from confide.keys.rotate import Report
    from confide.keys.status import Line
    from confide.values.ids import KeyRef, TenantId

DATA = "data"
LONG = 30 * 86_400.0
"""Seconds for what takes as long as there are keys."""
SECOND = 1_000_000


@click.group("keys")
def command() -> None:
    """Show and rotate the keys of a vault."""


@command.command("status", short_help="Show keys, their ages, and what is due.")
@vault_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value: a list for each tenant.")
def status_command(*, name: str, as_json: bool) -> None:
    """Show every key that others stand under, its age, and what the policy asks for."""
    vault = vault_of(name, ())
    try:
        found = {tenant: _status(vault, tenant) for tenant in vault.settings.tenants}
    finally:
        vault.close()
    if as_json:
        terminal.machine(found)
        return
    for tenant, lines in found.items():
        if len(found) > 1:
            terminal.title(f"tenant {tenant}")
        key_lines.show(lines)
    if any(key_lines.is_due(lines) for lines in found.values()):
        rotating = terminal.shown("adopt", "keys", "rotate")
        terminal.note(f"Something is due: run {rotating} with root, kek or data, or adopt keys tend for the epoch.")


@command.command("tend", short_help="Do what is due by the clock.")
@vault_argument
def tend_command(name: str) -> None:
    """Do what is due by the clock: begin an epoch, destroy what is superseded. A running backend does so every hour."""
    vault = vault_of(name, ())
    deeds: list[str] = []
    try:
        for tenant in vault.settings.tenants:
            done = _tended(vault, tenant)
            if done:
                _tell(vault, tenant, "tend")
            deeds += done
    finally:
        vault.close()
    for deed in deeds:
        terminal.done(deed)
    if not deeds:
        terminal.kept("nothing is due")


@command.command("rotate", short_help="Make a new root, KEK, epoch or data keys.")
@click.argument("what", type=click.Choice([*ROTATIONS, DATA]))
@vault_argument
@models_option
@click.option("--destroy", is_flag=True, help="With data: destroy superseded keys that nothing in the database or a backup needs.")
def rotate_command(*, what: str, name: str, models: tuple[str, ...], destroy: bool) -> None:
    """Make a new root, KEK or epoch, or new data keys, and bring everything under it. Stopped, it goes on when it is run again.

    The backend reads and writes meanwhile. What is superseded is destroyed later, by a running backend or `adopt keys tend`. Superseded
    data keys are destroyed with --destroy alone, once no column of the database is sealed under them and no backup is kept that is. There
    is no way back, so say it only where nothing outside of the database, such as a file, is sealed under keys of this vault.
    """
    if destroy and what != DATA:
        message = "--destroy goes with data: what else is superseded is destroyed by adopt keys tend."
        raise click.UsageError(message)
    vault = vault_of(name, models)
    try:
        if what == DATA:
            for tenant in vault.settings.tenants:
                terminal.done(data(vault, tenant, destroy=destroy))
        else:
            _rotate(vault, what)
    finally:
        vault.close()


def _rotate(vault: Vault, what: str) -> None:
    rotation, tenants = ROTATIONS[what], vault.settings.tenants
    for tenant in tenants[:1] if rotation.shared else tenants:
        done = terminal.with_bar(f"Rotating {what}", None, partial(_carried_out, vault, rotation, tenant))
        terminal.done(done)
    for tenant in tenants:
        _tell(vault, tenant, rotation.event)


def data(vault: Vault, tenant: TenantId, *, destroy: bool = False) -> str:
    """Renew data keys that are older than the policy allows, and seal again what they sealed; return what was done, in words.

    Raises:
        NotFinished: values do not open; all others are under the newest keys, and those keep theirs.
    """
    policy, now, registry = vault.settings.lifetimes, clock(), vault.base.registry
    with opened_engine(vault.settings.database) as engine, _acting(vault, tenant) as scope:
        _may(vault, scope)
        before = now - policy.dek * SECOND
        old = terminal.with_bar("Making keys", None, partial(_renewed, vault, tenant, before, now))
        vault.run(lambda parts: tell(parts, scope, "reseal"))
        with reader(engine).connect() as connection:
            works = holding(registry, connection)
            total = rows(connection, works)
        failed = terminal.with_bar("Sealing again", total, lambda report: sum(reseal(engine, work, old, report) for work in works))
        used = in_use(engine, vault.base.metadata, old)
    # Nobody seals under a superseded key any more once every process has learned of the new one.
    kept = max(policy.retired, policy.searches, SETTLED + vault.settings.cache_seconds)
    gone = rotations.unneeded(old, used, now - kept * SECOND)
    if destroy:
        vault.run(lambda parts: rotate.drop(parts.keys, gone))
    if failed:
        message = f"{failed} values of tenant {tenant} do not open: their keys are kept. Look at who wrote to the database past the models."
        raise NotFinished(message)
    left = f"; {len(gone)} may go (--destroy)" if gone and not destroy else ""
    return rotations.told(old, used, len(gone) if destroy else 0) + left


def _may(vault: Vault, scope: Scope) -> None:
    """Return if whoever acts may maintain every table, before anything is changed."""
    with scope.doing(Action.MAINTAIN) as maintaining:
        for bound in _bounds(vault):
            maintaining.reader(bound.field)


def _bounds(vault: Vault) -> list[Bound]:
    return [bound for described in all_described(vault.base.registry) for bound in described.bound.values()]


def _status(vault: Vault, tenant: TenantId) -> list[Line]:
    async def work(parts: Parts) -> list[Line]:
        return await status(parts.keys, tenant, parts.settings.lifetimes, clock())

    # Searches of a backend's rows are keyed by the tenant's own index key: the one of a server's searches indexes nothing here.
    return [line for line in vault.run(work) if not line.name.startswith("index-")]


def _tended(vault: Vault, tenant: TenantId) -> list[str]:
    async def work(parts: Parts) -> list[str]:
        return await tend_tenant(parts, tenant)

    return vault.run(work, LONG)


def _carried_out(vault: Vault, rotation: Rotation, tenant: TenantId, report: Report) -> str:
    async def work(parts: Parts) -> str:
        return await rotation.carry_out(parts.keys, parts.provider, tenant, clock(), report)

    return vault.run(work, LONG)


def _renewed(vault: Vault, tenant: TenantId, before: int, now: int, report: Report) -> dict[KeyRef, int]:
    """Make the next generation of data keys from before a time; return those that are superseded, with the time since when."""
    classes = {bound.field.declared.purpose for bound in _bounds(vault)}

    async def work(parts: Parts) -> dict[KeyRef, int]:
        await rotate.renew_data_keys(parts.keys, parts.keyring, tenant, before, now, classes, report)
        return dict(await rotate.superseded(parts.keys, tenant))

    return vault.run(work, LONG)


def _acting(vault: Vault, tenant: TenantId) -> Acting:
    return vault.acting("confide adopt keys", Purpose.MAINTENANCE, role=Role.OPERATOR, tenant=tenant)


def _tell(vault: Vault, tenant: TenantId, action: str) -> None:
    with _acting(vault, tenant) as scope:
        vault.run(lambda parts: tell(parts, scope, action))
