"""The compiled definitions are those of R4, and the Structs made from them fit."""

from __future__ import annotations

import re
from copy import copy
from typing import Any

import pytest
from msgspec import UNSET

from confide.clinic.fhir.definitions.compartment import compartment_paths, compartment_references
from confide.clinic.fhir.definitions.facts import facts, is_primitive, properties
from confide.clinic.fhir.definitions.meta import with_meta
from confide.clinic.fhir.definitions.primitives import PRIMITIVES
from confide.clinic.fhir.definitions.structs import RESOURCE_TYPES, class_name, decoder, elements, struct
from confide.clinic.fhir.validate import encode, parse

PATHS = [path for type_ in facts().types.values() for path in type_.elements]


def test_r4_has_146_concrete_resource_types() -> None:
    """148 in the list of the specification, less the two abstract ones; none of R4B."""
    assert len(RESOURCE_TYPES) == 146
    assert {"Patient", "Bundle", "Binary", "Parameters"} <= RESOURCE_TYPES
    assert not {"Resource", "DomainResource", "MetadataResource", "SubstanceDefinition", "SubscriptionStatus"} & RESOURCE_TYPES


def test_the_facts_name_their_source() -> None:
    """Specification, packages, and the SHA-256 of every file that was read."""
    source = facts().source

    assert "4.0.1" in source["specification"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in source["sha256"].values())


def test_the_facts_hold_no_prose() -> None:
    """Names, codes and addresses only: nothing with the look of a sentence."""
    codes = [code for some in facts().codes for group in some.values() for code in group]

    assert max(map(len, codes)) < 64
    assert not [code for code in codes if code.count(" ") > 3]


def test_every_type_that_an_element_has_is_known() -> None:
    """A primitive, a type, a nested element or a resource."""
    unknown = {
        prop.type
        for path in PATHS
        for prop in properties(path).values()
        if not is_primitive(prop.type) and prop.type not in PATHS and prop.type != "Resource"
    }

    assert unknown == set()


def test_no_two_types_share_a_class_name() -> None:
    """The Structs live in one namespace."""
    assert len({class_name(path) for path in PATHS}) == len(PATHS)


def test_what_the_publisher_of_the_package_added_is_gone() -> None:
    """Elements of its own product and of R5, which are not in R4."""
    assert "project" not in properties("Meta")
    assert "url" not in properties("Binary")
    assert "label" not in properties("ResearchStudy")
    assert "definitionDataRequirement" in properties("EvidenceVariable.characteristic")


@pytest.mark.slow
@pytest.mark.parametrize("type_name", sorted(RESOURCE_TYPES))
def test_every_type_can_be_made(type_name: str) -> None:
    """Struct and decoder; the name of the class is the type."""
    assert decoder(type_name).type is struct(type_name)
    assert struct(type_name).__name__ == type_name


def test_attributes_avoid_the_words_of_python() -> None:
    """`class` is `class_`, `_birthDate` is `x_birthDate`, `value[x]` one attribute for each type."""
    encounter: Any = parse(b'{"resourceType":"Encounter","status":"planned","class":{"code":"AMB"}}')
    patient: Any = parse(b'{"resourceType":"Patient","_birthDate":{"extension":[{"url":"u","valueCode":"x"}]}}')

    assert encounter.class_.code == "AMB"
    assert patient.x_birthDate.extension[0].valueCode == "x"
    assert patient.birthDate is UNSET
    assert encode(encounter) == b'{"resourceType":"Encounter","status":"planned","class":{"code":"AMB"}}'


def test_elements_list_nested_ones_and_every_type_of_a_choice() -> None:
    """Path, type, whether it repeats, the least number."""
    found = {element.path: element[1:] for element in elements("Observation")}

    assert found["Observation.status"] == ("code", False, 1)
    assert found["Observation.category"] == ("CodeableConcept", True, 0)
    assert found["Observation.valueQuantity"] == ("Quantity", False, 0)
    assert found["Observation.component.valueString"] == ("string", False, 0)
    assert found["Observation.component.referenceRange"] == ("Observation.referenceRange", True, 0)
    assert not [path for path in found if "_" in path or "[x]" in path]


def test_elements_know_every_attribute_of_a_struct() -> None:
    """The data map declares by them what can be stored: nothing may escape it."""
    for name in RESOURCE_TYPES | {"HumanName", "Extension", "Timing"}:
        listed = {e.path.rsplit(".", 1)[1] for e in elements(name) if e.path.count(".") == 1}
        held = {prop.name for prop in properties(name).values() if not prop.sibling}
        assert listed == held


def test_primitive_types_are_those_of_r4() -> None:
    """Twenty of them, xhtml among them."""
    assert len(PRIMITIVES) == 20


# ------------------------------------------------------------------------------------------------------------------ meta


def test_meta_keeps_what_it_does_not_set() -> None:
    """Profiles, tags and security labels stay; the resource given is left as it was."""
    given: Any = parse(
        b'{"resourceType":"Patient","id":"old","meta":{"versionId":"9","profile":["http://example.org/p"],"tag":[{"code":"t"}]}}'
    )
    before = encode(given)

    made = with_meta(given, "new", "1", "2024-01-01T00:00:00Z")

    assert encode(made) == (
        b'{"resourceType":"Patient","id":"new","meta":{"versionId":"1","lastUpdated":"2024-01-01T00:00:00Z",'
        b'"profile":["http://example.org/p"],"tag":[{"code":"t"}]}}'
    )
    assert encode(given) == before


def test_meta_is_made_where_there_is_none() -> None:
    """Id and meta stand first in the JSON."""
    made = with_meta(parse(b'{"resourceType":"Patient","active":true}'), "a", "1", "2024-01-01T00:00:00Z")

    assert (
        encode(made) == b'{"resourceType":"Patient","id":"a","meta":{"versionId":"1","lastUpdated":"2024-01-01T00:00:00Z"},"active":true}'
    )


# ----------------------------------------------------------------------------------------------------------- compartment


def about(text: str) -> set[str]:
    return compartment_references(parse(text.encode()))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/1"}}', {"Patient/1"}),
        (
            (
                '{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Group/1"},'
                '"performer":[{"reference":"Practitioner/1"},{"reference":"Patient/2"},{"reference":"urn:uuid:3"}]}'
            ),
            {"Patient/2", "urn:uuid:3"},
        ),
        (
            (
                '{"resourceType":"Provenance","target":[{"reference":"Observation/1"},{"reference":"Patient/1"},{"reference":"https://example.org/Patient/2/_history/3"}],'
                '"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Patient/9"}}]}'
            ),
            {"Patient/1", "https://example.org/Patient/2/_history/3"},
        ),
        (
            (
                '{"resourceType":"Appointment","status":"proposed","participant":[{"actor":{"reference":"Patient/1"},"status":"accepted"},'
                '{"actor":{"reference":"Practitioner/1"},"status":"accepted"}]}'
            ),
            {"Patient/1"},
        ),
        (
            '{"resourceType":"Group","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/1"}},{"entity":{"reference":"Patient/2"}}]}',
            {"Patient/1", "Patient/2"},
        ),
        ('{"resourceType":"Patient","link":[{"other":{"reference":"Patient/2"},"type":"seealso"}]}', {"Patient/2"}),
        (
            '{"resourceType":"Task","status":"draft","intent":"order","for":{"reference":"Patient/1"},"focus":{"reference":"Patient/2"}}',
            {"Patient/1", "Patient/2"},
        ),
        ('{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"urn:uuid:1","type":"Group"}}', set()),
        ('{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"urn:uuid:1","type":"Patient"}}', {"urn:uuid:1"}),
        ('{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"Patient/1","type":"Group"}}', {"Patient/1"}),
        ('{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"Patient?identifier=1"}}', {"Patient?identifier=1"}),
        ('{"resourceType":"Basic","code":{"text":"x"},"subject":{"identifier":{"value":"1"}}}', set()),
        ('{"resourceType":"Basic","code":{"text":"x"},"subject":{"display":"x"}}', set()),
        ('{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"ImpatientPatient/1"}}', set()),
        ('{"resourceType":"Organization","name":"x"}', set()),
        (
            '{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p"}]}',
            set(),
        ),
    ],
)
def test_a_resource_is_about_the_patients_of_the_compartment_definition(body: str, expected: set[str]) -> None:
    """References as they were written, whatever the place in the resource."""
    assert about(body) == expected


def test_the_compartment_has_the_types_of_r4() -> None:
    """66 types of the CompartmentDefinition, Patient by its links, and the three that name a patient and were forgotten there."""
    types = {name for name in RESOURCE_TYPES if compartment_paths(name)}

    assert len(types) == 70
    assert {"Contract", "Device", "GuidanceResponse"} <= types
    assert not types & {"Organization", "Practitioner", "Location", "Medication", "Questionnaire", "Binary", "Bundle"}
    assert compartment_paths("CarePlan") == ("CarePlan.subject", "CarePlan.activity.detail.performer")


def test_every_path_of_the_compartment_ends_in_a_reference() -> None:
    """A path that led elsewhere would silently leave a resource outside."""
    for name in RESOURCE_TYPES:
        for path in compartment_paths(name):
            owner = name
            for step in path.split(".")[1:]:
                owner = properties(owner)[step].type
            assert owner == "Reference"


def test_a_copy_of_a_struct_is_shallow_and_equal() -> None:
    """What with_meta relies on."""
    given = parse(
        b'{"resourceType":"Patient","contained":[{"resourceType":"Basic","id":"b","code":{"extension":[{"url":"u","valueReference":{"reference":"#"}}]}}]}'
    )

    assert copy(given) == given
    assert encode(copy(given)) == encode(given)
