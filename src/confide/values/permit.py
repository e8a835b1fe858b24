"""The proof that a decision was made; only `access/decide.py` may construct one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confide.values.principal import Principal


class Action(Enum):
    """What is done with a resource; FHIR interactions map onto these."""

    READ = "read"
    SEARCH = "search"
    HISTORY = "history"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    EXPORT = "export"
    AUDIT = "audit"
    ERASE = "erase"
    MAINTAIN = "maintain"
    """Work on everything that changes nothing that anybody reads: an index made anew, values sealed again."""


class Reach(Enum):
    """Which rows a permit covers; each member is one fixed shape of SQL predicate."""

    TENANT = "tenant"
    """Every row of the principal's tenant."""
    COMPARTMENT = "compartment"
    """Rows in the patient compartment of the principal."""
    COMMONS = "commons"
    """Rows outside every patient compartment."""


@dataclass(frozen=True, slots=True)
class Permit:
    """A granted decision: who, what, which rows, why.

    Every unsealing takes one, and whoever holds one owes the audit trail an event before any byte leaves.
    """

    principal: Principal
    action: Action
    resource_type: str
    reach: Reach
    explanation: str
    """Stable code of the reason, for the audit event (`role.clinician`, `self`, …)."""
    sentence: str
    """Identifier of the policy sentence that decided."""
