"""The first policy: which role may do what, in rows a person can read. Pure values.

A sentence gives a role some actions on charts or on commons (resources outside every patient compartment), and the reach that the
SQL of every query enforces. Whatever no sentence gives is denied.
"""

from __future__ import annotations

from dataclasses import dataclass

from confide.values.permit import Action, Reach
from confide.values.principal import Role

COMMONS_TYPES = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService", "Medication"})
"""What a patient may read about those who care for them; none of these types is in the patient compartment of R4."""

_READING = frozenset({Action.READ, Action.SEARCH, Action.HISTORY})
_WRITING = frozenset({Action.CREATE, Action.UPDATE, Action.DELETE})


@dataclass(frozen=True, slots=True)
class Sentence:
    """One right: a role, its actions, the types (None = every type), the reach, and why."""

    name: str
    role: Role
    actions: frozenset[Action]
    types: frozenset[str] | None
    reach: Reach
    explanation: str


POLICY: tuple[Sentence, ...] = (
    Sentence("clinician-charts", Role.CLINICIAN, _READING | _WRITING, None, Reach.TENANT, "role.clinician"),
    Sentence("patient-commons", Role.PATIENT, _READING, COMMONS_TYPES, Reach.COMMONS, "role.patient"),
    Sentence("patient-own-chart", Role.PATIENT, _READING, None, Reach.COMPARTMENT, "self"),
    Sentence("auditor-trail", Role.AUDITOR, frozenset({Action.AUDIT}), None, Reach.TENANT, "role.auditor"),
    Sentence(
        "operator-import-export",
        Role.OPERATOR,
        _READING | _WRITING | {Action.EXPORT, Action.ERASE, Action.MAINTAIN},
        None,
        Reach.TENANT,
        "role.operator",
    ),
)
"""The administrator has no sentence here: accounts are theirs, charts are not."""
