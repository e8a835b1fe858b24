"""What a re-check reads of a resource is what it would find in the whole of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from confide.clinic.fhir.definitions.structs import RESOURCE_TYPES, decoder
from confide.clinic.fhir.search import values
from confide.clinic.fhir.search.glance import glance
from confide.clinic.fhir.search.parameters import parameters
from tests.clinic.fhir.generated import resource

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - the type only; Hypothesis makes the value

    from confide.clinic.fhir.search.parameters import Parameter

SEARCHED = sorted(name for name in RESOURCE_TYPES if parameters(name))
MEETING = {
    "resourceType": "Appointment",
    "status": "booked",
    "start": "2024-05-01T09:00:00Z",
    "end": "2024-05-01T09:30:00Z",
    "participant": [{"actor": {"reference": "Patient/7", "display": "who"}, "status": "accepted"}],
    "identifier": [{"system": "urn:a", "value": "1", "period": {"start": "2020"}}, {"value": "2"}],
}
READING = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}, {"code": "x"}], "text": "rate"},
    "subject": {"reference": "Patient/7"},
    "effectiveTiming": {
        "event": ["2024-01-01", "2024-01-03T10:00:00Z"],
        "repeat": {"boundsPeriod": {"start": "2023-12-31", "end": "2024-02"}, "count": 3},
    },
}
STAY = {
    "resourceType": "Encounter",
    "status": "finished",
    "class": {"code": "IMP"},
    "subject": {"reference": "https://here/fhir/Patient/7/_history/2"},
    "period": {"start": "2024-01-01", "end": "2024-01-09"},
}
PERSON = {
    "resourceType": "Patient",
    "name": [{"family": "Birke", "given": ["Ada", None], "_given": [None, {"id": "x"}], "use": "official"}, {"text": "A. B."}],
    "birthDate": "1980-02-03",
    "identifier": [{"system": "urn:a", "value": "1"}],
}


def seen(parameter: Parameter, node: Any) -> list[Any]:
    """Return everything that a search compares."""
    found = parameter.values(node)
    return [values.strings(found), values.tokens(found), values.references(found, "https://here/fhir"), values.intervals(found)]


@pytest.mark.parametrize("whole", [MEETING, READING, STAY, PERSON], ids=lambda one: str(one["resourceType"]))
def test_a_known_resource_is_seen_alike(whole: dict[str, Any]) -> None:
    """Every parameter, read alone, finds the same, and at least two of them find something."""
    name, data = whole["resourceType"], json.dumps(whole).encode()
    found = [seen(one, glance(name, frozenset([one])).decode(data)) for one in parameters(name).values()]

    assert found == [seen(one, decoder(name).decode(data)) for one in parameters(name).values()]
    assert sum(any(one) for one in found) >= 2


@given(st.randoms(use_true_random=True), st.sampled_from(SEARCHED), st.data())
def test_any_resource_is_seen_alike(random: Random, name: str, data: st.DataObject) -> None:
    """Whatever is in it, and whichever parameters are read together, each finds what it finds in the whole."""
    content = json.dumps(resource(random, name)).encode()
    try:
        whole = decoder(name).decode(content)
    except (msgspec.MsgspecError, ValueError):
        assume(False)
    known = sorted(parameters(name).values(), key=lambda one: one.number)
    chosen = data.draw(st.sets(st.sampled_from(known), min_size=1))
    part = glance(name, frozenset(chosen)).decode(content)

    assert [seen(one, part) for one in chosen] == [seen(one, whole) for one in chosen]


def test_what_no_parameter_looks_at_is_not_read() -> None:
    """The rest may be as long as it likes."""
    part: Any = glance("Patient", frozenset([parameters("Patient")["birthdate"]])).decode(json.dumps(PERSON).encode())

    assert part.__struct_fields__ == ("birthDate",)
