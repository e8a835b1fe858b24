"""Ways to make a valid resource invalid at one place, each with the issue that must be told of that place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confide.clinic.fhir.definitions.facts import facts, properties
from tests.fuzz.places import Json, Owner, Place, owners, places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random  # noqa: TID251 - chance comes in as an argument, from Hypothesis

    from tests.fuzz.marks import Marks


@dataclass(frozen=True)
class Invalid:
    """What must be told of a spoilt resource."""

    what: str
    issue: str
    path: str


Spoil = "Callable[[Random, Json, Marks], Invalid | None]"
"""Spoils a resource and says how, or returns None where it holds nothing of the kind."""

DATES = ("2024-02-30", "2023-02-29", "2024-13-01", "2024-00-10", "0000", "24-01-01", "2024-1-1", "20240101", "2024-01-01T25:00:00Z")
MOMENTS = ("2024-01-01T10:00", "2024-01-01T10:00:00", "2024-01-01T10:00:61Z", "2024-01-01T10:00:00+15:00", "2024-01-01 10:00:00Z")
OTHER_DIGITS = "".join(chr(ord(one) + 0x630) if one.isdigit() else one for one in "2024-01-01")
"""Arabic-Indic ones, which are digits to Python."""
TEXTUAL = {"string", "markdown", "uri", "url", "canonical", "oid", "uuid", "id", "code", "date", "dateTime", "instant", "time"}
PATTERNED = TEXTUAL - {"string", "markdown", "date", "dateTime", "instant", "time"}
NUMBERS: dict[str, Sequence[Any]] = {
    "integer": (2**31, -(2**31) - 1, 1.5, 10**400),
    "unsignedInt": (-1, 2**31, 0.5),
    "positiveInt": (0, -1, 2**31),
    "decimal": (10**400, float("1e300")),
}


def unknown_name(rng: Random, resource: Json, marks: Marks) -> Invalid | None:
    """An element that FHIR does not know, anywhere."""
    owner = rng.choice(list(owners(resource)))
    owner.node[marks.new()] = rng.choice([marks.new(), 7, {marks.new(): marks.new()}, [marks.new()], None, True])
    return Invalid("an unknown element", "structure", owner.path)


def wrong_case(rng: Random, resource: Json, marks: Marks) -> Invalid | None:
    """A known element with a capital letter."""
    owner = rng.choice(list(owners(resource)))
    owner.node[rng.choice(list(properties(owner.type))).upper()] = marks.new()
    return Invalid("a name in capitals", "structure", owner.path)


def wrong_kind(rng: Random, resource: Json, marks: Marks) -> Invalid | None:
    """A primitive value of another kind of JSON."""
    place = _choose(rng, places(resource), lambda one: one.primitive)
    if place is None:
        return None
    others: list[Any] = [{marks.new(): marks.new()}, [[marks.new()]]]
    others += [marks.new()] if isinstance(place.value, bool | int | float) else [7, True, 1.5]
    others += [] if isinstance(place.holder, list) else [None]  # beside the others of a list, null may stand for an extension
    place.holder[place.key] = rng.choice(others)
    return Invalid("a value of another kind", "structure", place.path)


def no_object(rng: Random, resource: Json, marks: Marks) -> Invalid | None:
    """A primitive, or a list of lists, where an object belongs."""
    place = _choose(rng, places(resource), lambda one: not one.whole and isinstance(one.value, dict))
    if place is None:
        return None
    place.holder[place.key] = rng.choice([marks.new(), 7, True, [[marks.new()]]])
    return Invalid("no object", "structure", place.path)


def repeated(rng: Random, resource: Json, _marks: Marks) -> Invalid | None:
    """A list of what must not repeat."""
    place = _choose(rng, places(resource), lambda one: not one.prop.element.many)
    if place is None:
        return None
    place.holder[place.key] = [place.value] * rng.choice([1, 2, 50])
    return Invalid("a list of what must not repeat", "structure", place.path)


def bare(rng: Random, resource: Json, _marks: Marks) -> Invalid | None:
    """One value, or none, in place of a list."""
    place = _choose(rng, places(resource), lambda one: one.whole)
    if place is None:
        return None
    place.holder[place.key] = rng.choice([place.value[0], [], None, {}])
    return Invalid("no list, or an empty one", "structure", place.path)


def empty_object(rng: Random, resource: Json, _marks: Marks) -> Invalid | None:
    """An object that holds nothing."""
    place = _choose(rng, places(resource), lambda one: isinstance(one.value, dict) and one.kind != "Resource")
    if place is None:
        return None
    place.holder[place.key] = {}
    return Invalid("an empty object", "structure", place.path)


def missing(rng: Random, resource: Json, _marks: Marks) -> Invalid | None:
    """A required element that is not there."""
    place = _choose(rng, places(resource), lambda one: isinstance(one.holder, dict) and one.prop.element.min > 0)
    if place is None:
        return None
    del place.holder[place.key]
    place.holder.pop(f"_{place.key}", None)
    return Invalid("a required element is missing", "required", place.path)


def bad_code(rng: Random, resource: Json, marks: Marks) -> Invalid | None:
    """A code that is not in the required value set."""
    place = _choose(rng, places(resource), lambda one: one.primitive and one.kind == "code" and one.prop.element.codes is not None)
    if place is None:
        return None
    place.holder[place.key] = rng.choice([marks.new(), place.value.upper() + marks.new(), place.value + " " + marks.new()])
    return Invalid("a code out of no value set", "code-invalid", place.path)


def bad_concept(rng: Random, resource: Json, marks: Marks) -> Invalid | None:
    """A concept of which no coding is in the required value set."""

    def bound(one: Place) -> bool:
        codes = one.prop.element.codes
        return one.kind == "CodeableConcept" and not one.whole and codes is not None and bool(facts().codes[codes])

    place = _choose(rng, places(resource), bound)
    if place is None:
        return None
    place.holder[place.key] = rng.choice([{"text": marks.new()}, {"coding": [{"system": "urn:" + marks.new(), "code": marks.new()}]}])
    return Invalid("a concept out of no value set", "code-invalid", place.path)


def bad_date(rng: Random, resource: Json, marks: Marks) -> Invalid | None:
    """A date or a time that is none."""
    place = _choose(rng, places(resource), lambda one: one.primitive and one.kind in {"date", "dateTime", "instant", "time"})
    if place is None:
        return None
    place.holder[place.key] = rng.choice([*DATES, *MOMENTS, marks.new(), place.value + marks.new(), place.value + "\n", OTHER_DIGITS])
    return Invalid("no date", "value", place.path)


def bad_text(rng: Random, resource: Json, marks: Marks) -> Invalid | None:
    """An empty text, or one with a character that FHIR has not."""
    place = _choose(rng, places(resource), lambda one: one.primitive and one.kind in TEXTUAL and not _bound(one))
    if place is None:
        return None
    mark = marks.new()
    place.holder[place.key] = rng.choice(["", "\x00", mark + "\x00", mark + "\x1b[31m", "\x08" + mark, mark + "\ud83d", "\udc00" + mark])
    return Invalid("a text with what no text holds", "value", place.path)


def bad_pattern(rng: Random, resource: Json, marks: Marks) -> Invalid | None:
    """A text that its type does not allow."""
    place = _choose(rng, places(resource), lambda one: one.primitive and one.kind in PATTERNED and not _bound(one))
    if place is None:
        return None
    mark = marks.new()
    common = [" " + mark, mark + " ", mark + "\n", mark + "\t \t"]
    kind = {
        "id": [mark + "_", mark * 5, mark + "/", "é" + mark],
        "code": [mark + "  \n\u00a0"[:3]],
        "oid": [mark, "urn:oid:3.1", "urn:oid:1.02"],
    }
    kind["uuid"] = [mark, "urn:uuid:" + mark, "urn:uuid:C757873D-EC9A-4326-A141-556F43239520"]
    place.holder[place.key] = rng.choice(common + kind.get(place.kind, []))
    return Invalid(f"no {place.kind}", "value", place.path)


def bad_number(rng: Random, resource: Json, _marks: Marks) -> Invalid | None:
    """A number out of its bounds."""
    place = _choose(rng, places(resource), lambda one: one.primitive and one.kind in NUMBERS)
    if place is None:
        return None
    place.holder[place.key] = rng.choice(NUMBERS[place.kind])
    return Invalid("a number out of bounds", "value", place.path)


def two_choices(rng: Random, resource: Json, marks: Marks) -> Invalid | None:
    """An element of a choice as two types at once."""
    place = _choose(rng, places(resource), lambda one: one.prop.element.name.endswith("[x]") and isinstance(one.holder, dict))
    if place is None:
        return None
    stem = place.prop.path_name
    names = [stem + kind[0].upper() + kind[1:] for kind in place.prop.element.types]
    others = [name for name in names if name != place.key]
    place.holder[rng.choice(others)] = marks.new()
    return Invalid("a choice made twice", "structure", place.path) if others else None


def wrong_type(rng: Random, resource: Json, marks: Marks) -> Invalid | None:
    """A resource that says it is another, or nothing that is known."""
    name = resource["resourceType"]
    resource["resourceType"] = rng.choice(
        [marks.new(), name.lower(), "Element", "Resource", "Patient" if name != "Patient" else "Basic", 7, {}]
    )
    return Invalid("another resourceType", "value", name)


def bad_inside(rng: Random, resource: Json, marks: Marks) -> Invalid | None:
    """A contained resource that contains one."""
    if "contained" not in properties(resource["resourceType"]):
        return None
    inner = {"resourceType": "Basic", "id": "a", "code": {"text": marks.new()}}
    resource["contained"] = [inner | {"contained": [inner]}, *resource.get("contained", [])]
    return Invalid("a resource in a contained one", "invariant", f"{resource['resourceType']}.contained[0]")


SPOILS: tuple[Callable[[Random, Json, Marks], Invalid | None], ...] = (
    unknown_name,
    wrong_case,
    wrong_kind,
    no_object,
    repeated,
    bare,
    empty_object,
    missing,
    bad_code,
    bad_concept,
    bad_date,
    bad_text,
    bad_pattern,
    bad_number,
    two_choices,
    wrong_type,
    bad_inside,
)


def _choose(rng: Random, found: Sequence[Place], wanted: Callable[[Place], bool]) -> Place | None:
    fitting = [one for one in found if wanted(one)]
    return rng.choice(fitting) if fitting else None


def _bound(place: Place) -> bool:
    """Whether a code must be one of a value set, which is told before its letters are looked at."""
    return place.kind == "code" and place.prop.element.codes is not None


__all__ = ["SPOILS", "Invalid", "Owner"]
