"""Seal cells of one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confide.adopt.refusals import NoSubject
from confide.sealed.columns import cells
from confide.values.ids import NO_SUBJECT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confide.adopt.bound import Bound, Group
    from confide.adopt.vault import Vault
    from confide.sealed.cell import Cell
    from confide.values.ids import TenantId


def seal_cells(vault: Vault, tenant: TenantId, row: Mapping[str, Any], found: Sequence[tuple[Bound, Cell]]) -> None:
    """Give each cell of a row its envelope.

    Raises:
        NoSubject: it cannot be told whose a value is.
        WrongKind, TooLong
    """
    first = found[0][0].group
    for bound, _ in found:
        if bound.group is not first:
            break
    else:  # nearly always
        _seal(vault, tenant, row, found)
        return
    groups: dict[Group, list[tuple[Bound, Cell]]] = {}
    for bound, cell in found:
        groups.setdefault(bound.group, []).append((bound, cell))
    for together in groups.values():
        _seal(vault, tenant, row, together)


def _seal(vault: Vault, tenant: TenantId, row: Mapping[str, Any], found: Sequence[tuple[Bound, Cell]]) -> None:
    bound = found[0][0]
    group = bound.group
    subject, identity = group.where(row)
    if not subject and not group.tenant_wide:
        message = f"It cannot be told whose {bound.field.name} is: set {bound.person.relationship or bound.person.key} first."
        raise NoSubject(message)
    key = vault.keys.sealing_one((tenant, NO_SUBJECT if group.tenant_wide else subject, group.purpose))
    envelopes = key.seal_cells(cells(tenant, subject, identity, [(bound.field, cell.value) for bound, cell in found]))
    for (_, cell), envelope in zip(found, envelopes):  # noqa: B905 - as many as there are cells; checking it would cost as much again
        cell.envelope = envelope
