"""The data map of FHIR: by path where a path is special, else by datatype. There is no catch-all: a datatype is declared on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.datamap.terms import Category, Declaration, Erase, Identifiability, Protection

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIRECT, _QUASI, _SENSITIVE, _NONE = Identifiability.DIRECT, Identifiability.QUASI, Identifiability.SENSITIVE, Identifiability.NONE

PATHS: dict[str, tuple[Category, Identifiability]] = {
    "Patient.birthDate": (Category.BIRTH, _QUASI),
    "Patient.deceasedBoolean": (Category.HEALTH, _QUASI),
    "Patient.gender": (Category.DEMOGRAPHIC, _QUASI),
    "Patient.maritalStatus": (Category.DEMOGRAPHIC, _QUASI),
    "Patient.multipleBirthBoolean": (Category.DEMOGRAPHIC, _QUASI),
    "Patient.multipleBirthInteger": (Category.DEMOGRAPHIC, _QUASI),
    "Patient.photo": (Category.PICTURE, _DIRECT),
    "Patient.communication.language": (Category.DEMOGRAPHIC, _QUASI),
    "Person.birthDate": (Category.BIRTH, _QUASI),
    "Person.photo": (Category.PICTURE, _DIRECT),
    "RelatedPerson.birthDate": (Category.BIRTH, _QUASI),
    "RelatedPerson.photo": (Category.PICTURE, _DIRECT),
    "Practitioner.birthDate": (Category.BIRTH, _QUASI),
    "Practitioner.photo": (Category.PICTURE, _DIRECT),
}

_BY_CATEGORY: dict[tuple[Category, Identifiability], str] = {
    (Category.NAME, _DIRECT): "HumanName",
    (Category.CONTACT, _DIRECT): "ContactPoint ContactDetail",
    (Category.ADDRESS, _DIRECT): "Address",
    (Category.IDENTIFIER, _DIRECT): "Identifier id Id uri url oid uuid canonical Signature",
    (Category.FINANCIAL, _SENSITIVE): "Money",
    (Category.HEALTH, _DIRECT): "Narrative Attachment base64Binary xhtml string markdown Annotation Extension Resource Contributor",
    (Category.HEALTH, _QUASI): "date dateTime instant time Period Timing Reference Age",
    (Category.HEALTH, _SENSITIVE): (
        "code Coding CodeableConcept boolean integer positiveInt unsignedInt decimal Quantity SimpleQuantity MoneyQuantity Range Ratio "
        "Count Distance Duration SampledData Dosage Element BackboneElement UsageContext RelatedArtifact TriggerDefinition Expression "
        "ParameterDefinition DataRequirement ElementDefinition ProdCharacteristic ProductShelfLife MarketingStatus Population "
        "SubstanceAmount"
    ),
    (Category.NONE, _NONE): "Meta",
}
DATATYPES: dict[str, tuple[Category, Identifiability]] = {
    datatype: declaration for declaration, datatypes in _BY_CATEGORY.items() for datatype in datatypes.split()
}


def resolve(path: str, datatype: str) -> Declaration | None:
    """Return the declaration of an element: the most specific wins. All of FHIR is stored sealed."""
    found = PATHS.get(path) or DATATYPES.get(datatype)
    return None if found is None else Declaration(*found, Protection.SEALED, Erase.SHRED)


def undeclared(elements: Iterable[tuple[str, str]]) -> list[str]:
    """Return the (path, datatype) pairs that nothing declares, as text. A nested group is declared by its own elements."""
    return [f"{path} ({datatype})" for path, datatype in elements if "." not in datatype and resolve(path, datatype) is None]
