"""What a search leaves in the trail of a real practice."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

import pytest

from confide.audit.append import COLUMN, TABLE
from confide.clinic.app import TENANT
from confide.keys.hierarchy import Cell
from confide.values.ids import SubjectId, uuid_bytes
from confide.values.principal import Role
from confide.values.purpose import PurposeClass
from tests.clinic.practice import open_practice, patient

if TYPE_CHECKING:
    from pathlib import Path

MARKER = "Zebulon"


async def test_a_search_is_told_by_names_and_its_values_are_sealed(tmp_path: Path) -> None:
    """Known parameters by name and without their modifier; the whole query opens with the key of whom it found, and dies with it."""
    async with open_practice(tmp_path) as practice:
        clinician = await practice.sign_in(Role.CLINICIAN)
        found = await clinician.create(patient(MARKER))
        answer = await clinician.get("Patient", **{"name:exact": MARKER, "_total": "accurate"})
        [event] = await practice.events(answer)
        row, subject = uuid_bytes(event["id"]) or b"", SubjectId(uuid_bytes(found["id"]) or b"")
        values = practice.house.keyring.open_service(
            Cell(TENANT, TABLE, COLUMN, row, subject, PurposeClass.CARE), b64decode(event["sealed"])
        )

    assert event["parameters"] == ["_total", "name"]
    assert values == f"name%3Aexact={MARKER}&_total=accurate".encode()
    assert len(event["patients"]) == len(event["resources"]) == 1


@pytest.mark.parametrize("name", [MARKER, f"{MARKER}:exact", f"_{MARKER}", "name:" + MARKER])
async def test_a_name_from_outside_is_not_told(tmp_path: Path, name: str) -> None:
    """With `handling=lenient` an unknown parameter is passed over; its name may be anything, and is sealed with the values."""
    async with open_practice(tmp_path) as practice:
        clinician = await practice.sign_in(Role.CLINICIAN)
        clinician.http.headers["prefer"] = "handling=lenient"
        answer = await clinician.get("Patient", **{name: "x"})
        events = await practice.events(answer)

    assert answer.status_code in {200, 400}
    assert MARKER not in str(events)
    assert events


async def test_an_answer_too_large_for_the_trail_is_not_given_and_that_is_told(tmp_path: Path) -> None:
    """A query whose sealed values do not fit an event finds nothing, and its refusal is in the trail."""
    async with open_practice(tmp_path) as practice:
        clinician = await practice.sign_in(Role.CLINICIAN)
        body = "&".join([f"name={MARKER * 140}"] * 60)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = await clinician.http.post("/fhir/Patient/_search", content=body, headers=headers)
        [event] = await practice.events(answer)

    assert answer.status_code == 422
    assert (event["action"], event["outcome"], event["explanation"]) == ("refuse", "refused", "audit.event-too-large")
