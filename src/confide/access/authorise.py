"""Authorise the query, not the result: the one source of rows.

Every read, search, include, count, history and conditional write starts from the predicate made here. Shapes are few and fixed
(`Reach`), values are bound parameters, so compiled statements are cached for each shape. Policy sentences, consent and restriction
join here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.access.decide import decide
from confide.values.permit import Permit, Reach

if TYPE_CHECKING:
    from sqlalchemy.sql.expression import ColumnElement

    from confide.values.permit import Action
    from confide.values.principal import Principal


@dataclass(frozen=True)
class Guarded:
    """What a store hands over when it is built: its table and the columns that access is decided by."""

    tenant: ColumnElement[int]
    patient: ColumnElement[int]
    """Key of the Patient document whose compartment the row is in; null outside exactly one compartment."""
    shared_with: sa.Exists
    """True where the row is in the compartment bound as `:own` among others."""
    in_no_compartment: ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Rows:
    """A permit and the bound values of its predicate."""

    permit: Permit
    values: dict[str, Any]


def authorise(resource_type: str, principal: Principal, action: Action) -> Rows:
    """Return the rows that the principal may reach for an action on a type.

    Raises:
        Denied: the policy gives none.
    """
    permit = decide(principal, action, resource_type)
    values: dict[str, Any] = {"tenant": principal.tenant}
    if permit.reach is Reach.COMPARTMENT:
        values["own"] = principal.patient
    return Rows(permit, values)


def predicate(guarded: Guarded, reach: Reach) -> ColumnElement[bool]:
    """Return the SQL shape of a reach over a guarded table."""
    tenant = guarded.tenant == sa.bindparam("tenant")
    if reach is Reach.TENANT:
        return tenant
    if reach is Reach.COMMONS:
        return sa.and_(tenant, guarded.in_no_compartment)
    return sa.and_(tenant, sa.or_(guarded.patient == sa.bindparam("own"), guarded.shared_with))
