"""Who asks: the value that a checked bearer token turns into."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confide.values.ids import DocumentKey, Pseudonym, TenantId
    from confide.values.purpose import Purpose


class Role(Enum):
    """The roles of the first policy."""

    CLINICIAN = "clinician"
    PATIENT = "patient"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    """Whoever runs the command line beside the key file; never given out over the network."""
    STAFF = "staff"
    """Whoever works for an adopting organisation; its own backend decides which rows they see."""
    SUBJECT = "subject"
    """A person who looks at what an adopting backend holds about them; nothing of anyone else opens."""


@dataclass(frozen=True, slots=True)
class Principal:
    """One authenticated caller for the length of one request."""

    tenant: TenantId
    account: bytes
    pseudonym: Pseudonym
    role: Role
    purpose: Purpose
    patient: DocumentKey | None
    """The Patient document that a patient account belongs to, in an adopting backend the person; None for every other role."""
