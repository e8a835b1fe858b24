"""Seal cells of one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confide.adopt.sqlalchemy.refusals import NoSubject
from confide.sealed.columns import seal
from confide.values.ids import NO_SUBJECT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confide.adopt.sqlalchemy.described import Bound
    from confide.adopt.vault import Vault
    from confide.sealed.cell import Cell
    from confide.sealed.columns import Home
    from confide.values.ids import TenantId


def seal_cells(vault: Vault, tenant: TenantId, row: Mapping[str, Any], cells: Sequence[tuple[Bound, Cell]]) -> None:
    """Give each cell of a row its envelope.

    Raises:
        NoSubject: it cannot be told whose a value is.
        WrongKind, TooLong
    """
    home: Home | None = None
    first = cells[0][0]
    if all(bound.person is first.person and bound.field.declared.purpose is first.field.declared.purpose for bound, _ in cells):
        home = first.home(tenant, row)
        _seal(vault, home, cells)
        return
    for bound, cell in cells:
        _seal(vault, bound.home(tenant, row), [(bound, cell)])


def _seal(vault: Vault, home: Home, cells: Sequence[tuple[Bound, Cell]]) -> None:
    of = cells[0][0].field
    owner = home.owner(of)
    if owner == NO_SUBJECT and not of.tenant_wide:
        message = f"It cannot be told whose {of.name} is: set {cells[0][0].person.relationship or cells[0][0].person.key} first."
        raise NoSubject(message)
    key = vault.keys.sealing_one((home.tenant, owner, of.declared.purpose))
    for (_, cell), envelope in zip(cells, seal(key, home, [(bound.field, cell.value) for bound, cell in cells]), strict=True):
        cell.envelope = envelope
