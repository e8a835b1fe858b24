"""The role by action by type matrix, written out: whoever changes the policy changes this picture."""

from __future__ import annotations

import pytest

from confide.access.authorise import authorise
from confide.access.decide import decide
from confide.access.errors import Denied
from confide.values.ids import DocumentKey, Pseudonym, TenantId
from confide.values.permit import Action
from confide.values.principal import Principal, Role
from confide.values.purpose import Purpose

MATRIX = """
clinician     read:tenant search:tenant history:tenant create:tenant update:tenant delete:tenant export:- audit:- erase:- maintain:-
patient       read:compartment search:compartment history:compartment create:- update:- delete:- export:- audit:- erase:- maintain:-
administrator read:- search:- history:- create:- update:- delete:- export:- audit:- erase:- maintain:-
auditor       read:- search:- history:- create:- update:- delete:- export:- audit:tenant erase:- maintain:-
operator      read:tenant search:tenant history:tenant create:tenant update:tenant delete:tenant export:tenant audit:- erase:tenant maintain:tenant
staff         read:- search:- history:- create:- update:- delete:- export:- audit:- erase:- maintain:-
subject       read:- search:- history:- create:- update:- delete:- export:- audit:- erase:- maintain:-
"""  # noqa: E501 - a table


def principal(role: Role, patient: int | None = 7) -> Principal:
    """A principal of a role."""
    return Principal(TenantId(1), b"", Pseudonym(b""), role, Purpose.TREATMENT, DocumentKey(patient) if patient else None)


def reach(role: Role, action: Action, kind: str = "Observation") -> str:
    """The reach that the policy gives, or a dash."""
    try:
        return decide(principal(role), action, kind).reach.value
    except Denied:
        return "-"


def test_the_matrix_on_charts_is_as_written() -> None:
    """Every role and every action, on a chart type."""
    shown = [f"{role.value:<13} " + " ".join(f"{action.value}:{reach(role, action)}" for action in Action) for role in Role]

    assert MATRIX.strip().splitlines() == shown


def test_a_patient_reads_about_those_who_care() -> None:
    """Practitioners and organisations lie outside every compartment."""
    assert reach(Role.PATIENT, Action.READ, "Practitioner") == "commons"


def test_a_patient_account_without_a_patient_sees_no_chart() -> None:
    """No compartment, no rows."""
    with pytest.raises(Denied):
        decide(principal(Role.PATIENT, None), Action.READ, "Observation")


@pytest.mark.parametrize("action", list(Action))
def test_an_administrator_sees_no_chart(action: Action) -> None:
    """Accounts are theirs, charts are not."""
    with pytest.raises(Denied):
        authorise("Patient", principal(Role.ADMINISTRATOR), action)


def test_the_compartment_is_bound_into_the_query() -> None:
    """A patient's rows carry their own document key as a bound value."""
    assert authorise("Observation", principal(Role.PATIENT), Action.SEARCH).values == {"tenant": 1, "own": 7}
