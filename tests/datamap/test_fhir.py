"""Every element of every FHIR type has a declaration, by its path or by its datatype, and by nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from confide.clinic.fhir.definitions.structs import RESOURCE_TYPES, elements
from confide.clinic.records import fhir_map
from confide.clinic.records.fhir_map import DATATYPES, PATHS, resolve, undeclared
from confide.datamap.terms import Category, Erase, Identifiability, Protection

HOUSE = Path(__file__).resolve().parents[2] / "src" / "confide"
ALL = [(one.path, one.type) for name in sorted(RESOURCE_TYPES) for one in elements(name)]


@pytest.mark.parametrize("name", sorted(RESOURCE_TYPES))
def test_every_element_of_a_type_resolves(name: str) -> None:
    """To a declaration that seals and shreds it, whatever it is."""
    for one in elements(name):
        if "." in one.type:  # a nested group is declared by its own elements
            continue
        found = resolve(one.path, one.type)

        assert found is not None, one.path
        assert (found.protection, found.erase) == (Protection.SEALED, Erase.SHRED)


def test_no_element_is_missing_from_what_is_checked() -> None:
    """Counted once more from the compiled file itself: 146 resource types, and each kind of each choice."""
    compiled = json.loads((HOUSE / "clinic" / "fhir" / "definitions" / "r4.json").read_text(encoding="utf-8"))["types"]
    resources = {name: one["elements"] for name, one in compiled.items() if one["kind"] == "resource"}
    counted = {
        (f"{path}.{name.removesuffix('[x]')}{kind[0].upper() + kind[1:] if name.endswith('[x]') else ''}", kind.removeprefix("@"))
        for name in RESOURCE_TYPES
        for path, owned in resources[name].items()
        for name, kinds, *_ in owned
        for kind in kinds
    }

    assert len(RESOURCE_TYPES) == 146
    assert counted == set(ALL)
    assert len(ALL) > 7_000


def test_a_nested_group_is_declared_by_its_own_elements() -> None:
    """A group that held none would hide from the map."""
    groups = {datatype for _, datatype in ALL if "." in datatype}
    owners = {path.rpartition(".")[0] for path, _ in ALL}

    assert groups - owners == set()


@pytest.mark.parametrize("datatype", sorted(DATATYPES))
def test_an_element_of_a_datatype_that_nobody_declared_is_named(monkeypatch: pytest.MonkeyPatch, datatype: str) -> None:
    """Taken out of the map, each datatype is missed at every element that has it and at no other."""
    monkeypatch.delitem(fhir_map.DATATYPES, datatype)

    assert undeclared(ALL) == [f"{path} ({kind})" for path, kind in ALL if kind == datatype and path not in PATHS]


@pytest.mark.parametrize("datatype", ["", "Genome", "humanname", "HumanName ", "Patient"])
def test_there_is_no_catch_all(datatype: str) -> None:
    """An unknown datatype is undeclared, whatever it looks like."""
    assert resolve("Patient.genome", datatype) is None
    assert undeclared([("Patient.genome", datatype)]) == [f"Patient.genome ({datatype})"]


@pytest.mark.parametrize("path", sorted(PATHS))
def test_a_path_stands_over_its_datatype(path: str) -> None:
    """A path in the map is one of R4's, and says more than its datatype would."""
    [datatype] = [kind for found, kind in ALL if found == path]
    found = resolve(path, datatype)

    assert found is not None
    assert (found.category, found.identifiability) == PATHS[path]
    assert PATHS[path] != DATATYPES[datatype]


@pytest.mark.parametrize(
    ("path", "datatype", "category", "identifiability"),
    [
        ("Patient.name", "HumanName", Category.NAME, Identifiability.DIRECT),
        ("Patient.telecom", "ContactPoint", Category.CONTACT, Identifiability.DIRECT),
        ("Patient.address", "Address", Category.ADDRESS, Identifiability.DIRECT),
        ("Patient.identifier", "Identifier", Category.IDENTIFIER, Identifiability.DIRECT),
        ("Patient.birthDate", "date", Category.BIRTH, Identifiability.QUASI),
        ("Patient.deceasedBoolean", "boolean", Category.HEALTH, Identifiability.QUASI),
        ("Patient.deceasedDateTime", "dateTime", Category.HEALTH, Identifiability.QUASI),
        ("Patient.multipleBirthInteger", "integer", Category.DEMOGRAPHIC, Identifiability.QUASI),
        ("Patient.photo", "Attachment", Category.PICTURE, Identifiability.DIRECT),
        ("Observation.note", "Annotation", Category.HEALTH, Identifiability.DIRECT),
        ("Observation.code", "CodeableConcept", Category.HEALTH, Identifiability.SENSITIVE),
        ("Observation.effectiveDateTime", "dateTime", Category.HEALTH, Identifiability.QUASI),
        ("Invoice.totalNet", "Money", Category.FINANCIAL, Identifiability.SENSITIVE),
    ],
)
def test_what_a_field_is(path: str, datatype: str, category: Category, identifiability: Identifiability) -> None:
    """Written out for the fields that everyone knows: whoever changes the map changes this picture."""
    found = resolve(path, datatype)

    assert found is not None
    assert (found.category, found.identifiability) == (category, identifiability)
