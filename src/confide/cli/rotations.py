"""Rotations that touch rows of keys alone, and the end of one of data keys: alike for a server and for a backend of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from confide.keys import rotate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from confide.keys.provider import Provider
    from confide.keys.rotate import Report
    from confide.store.work import Database
    from confide.values.ids import KeyRef, TenantId

    CarryOut = Callable[[Database, Provider, TenantId, int, Report], Awaitable[str]]
    """Takes key database, provider, tenant, the time and whom to tell of progress; returns what was done, in words."""


class Rotation(NamedTuple):
    """One kind of them."""

    event: str
    """The action in the audit trail."""
    shared: bool
    """Whether it is done for all tenants at once: slots of the provider are everybody's."""
    carry_out: CarryOut


async def _root(keys: Database, provider: Provider, _tenant: TenantId, now: int, _report: Report) -> str:
    return f"root-{await rotate.rotate_root(keys, provider, now)} wraps every KEK"


async def _kek(keys: Database, provider: Provider, tenant: TenantId, now: int, report: Report) -> str:
    return f"kek-{await rotate.rotate_kek(keys, provider, tenant, now, report)} wraps every key"


async def _epoch(keys: Database, provider: Provider, tenant: TenantId, now: int, report: Report) -> str:
    return f"epoch-{await rotate.advance_epoch(keys, provider, tenant, now, report)} holds every key of a person"


ROTATIONS = {
    "root": Rotation("rotate-root", True, _root),  # noqa: FBT003 - a row of a table
    "kek": Rotation("rotate-kek", False, _kek),  # noqa: FBT003
    "epoch": Rotation("begin-epoch", True, _epoch),  # noqa: FBT003
}


def unneeded(superseded: Mapping[KeyRef, int], used: Collection[KeyRef], before: int) -> list[KeyRef]:
    """Return the superseded data keys that nothing is sealed under and that were superseded before a time: no backup needs them either."""
    return [ref for ref, since in superseded.items() if ref not in used and since <= before]


def told(superseded: Collection[KeyRef], used: Collection[KeyRef], destroyed: int) -> str:
    """Return how far a rotation of data keys has come, in words."""
    return f"{len(superseded)} superseded data keys, {len(set(superseded) & set(used))} of them in use, {destroyed} destroyed"
