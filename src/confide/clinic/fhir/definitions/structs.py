"""Structs for every R4 type, made when a resource type is first used, with everything in them that msgspec can check.

What msgspec cannot say runs in ``__post_init__``: required primitives (which may be present as ``_x`` only), choices,
nulls in arrays, base64, required codes of a CodeableConcept, contained resources and the compiled invariants.
These checks only say no. The words for it come from ``walk.py``, which looks again at what was refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import astuple

from confide.clinic.fhir.definitions import made
from confide.clinic.fhir.definitions.facts import (
    Codes,
    Element,
    Property,
    facts,
    invariants,
    is_primitive,
    owner_elements,
    properties,
)
from confide.clinic.fhir.definitions.logic import Holds, Reach, compile_tree
from confide.clinic.fhir.definitions.primitives import PRIMITIVES, WITHOUT_SIBLING, whole_base64

Values = tuple[Any, ...]
Check = Callable[[Values], bool]

RESOURCE_TYPES: frozenset[str] = frozenset(name for name, type_ in facts().types.items() if type_.kind == "resource")

_NAMESPACE = vars(made)


class Head(Struct):
    """The only thing to know before a resource can be read."""

    resourceType: str  # noqa: N815 - FHIR's name


class ElementPath(NamedTuple):
    """One element of a type: ``Observation.valueQuantity``, its FHIR type, whether it repeats, the least number."""

    path: str
    type: str
    many: bool
    min: int


_HEAD = msgspec.json.Decoder(Head)


def struct(type_name: str) -> type[Struct]:
    """The Struct of a resource type, a datatype, or a nested element such as ``Patient.contact``."""
    made_type: type[Struct] | None = _NAMESPACE.get(class_name(type_name))
    if made_type is None:
        _make(type_name)
        made_type = _NAMESPACE[class_name(type_name)]
    return made_type


@cache
def decoder(type_name: str) -> msgspec.json.Decoder[Struct]:
    """The JSON decoder of a resource type."""
    return msgspec.json.Decoder(struct(type_name))


def type_of(data: bytes | msgspec.Raw) -> str:
    """The resourceType of a JSON object; raises a msgspec error, ValueError or RecursionError when there is none."""
    name = _HEAD.decode(data).resourceType
    if name not in RESOURCE_TYPES:
        raise ValueError
    return name


def elements(type_name: str) -> list[ElementPath]:
    """Every element of a type with those of its nested elements; choices as the properties they are in JSON."""
    found = []
    for path in facts().types[type_name].elements:
        for prop in properties(path).values():
            if not prop.sibling:
                kind = prop.type.removeprefix("@")
                found.append(ElementPath(f"{path}.{prop.name}", kind, prop.element.many, prop.element.min))
    return found


def class_name(path: str) -> str:
    """``Patient.contact`` is the class ``PatientContact``."""
    return "".join(part[0].upper() + part[1:] for part in path.split("."))


def _make(type_name: str) -> None:
    """Make a Struct and every other that it needs, so that the decoder finds all names."""
    waiting = [type_name]
    while waiting:
        path = waiting.pop()
        if class_name(path) in _NAMESPACE:
            continue
        _NAMESPACE[class_name(path)] = _make_one(path)
        kinds = {prop.type for prop in properties(path).values()}
        waiting.extend(kind for kind in kinds if not is_primitive(kind) and kind != "Resource")
        waiting.append("Element")


def _make_one(path: str) -> type[Struct]:
    return build(path, class_name(path), class_name, read_nested=True)


def build(path: str, name: str, name_of: Callable[[str], str], *, read_nested: bool) -> type[Struct]:
    """Make one Struct.

    Args:
        path: a type or nested element
        name: what the class is called
        name_of: the class names of the types it refers to
        read_nested: whether elements of type Resource become Structs, or stay raw JSON
    """
    known = properties(path)
    checks = _checks(path, list(known.values()))
    nested = [prop for prop in known.values() if prop.type == "Resource" and read_nested]
    return msgspec.defstruct(
        name,
        [_field(prop, name_of) for prop in known.values()],
        namespace={"__post_init__": _post_init(checks, nested)} if checks or nested else {},
        module=made.__name__,
        kw_only=True,
        forbid_unknown_fields=True,
        omit_defaults=True,
        gc=False,  # a resource is a tree
        rename={prop.attribute: name for name, prop in known.items() if prop.attribute != name},
        tag=path if path in RESOURCE_TYPES else None,
        tag_field="resourceType" if path in RESOURCE_TYPES else None,
    )


def _field(prop: Property, name_of: Callable[[str], str]) -> tuple[str, Any] | tuple[str, Any, Any]:
    """Name, type and default of one property."""
    kind = _kind(prop, name_of)
    if prop.element.many:
        nullable = prop.type in PRIMITIVES and prop.type not in WITHOUT_SIBLING
        kind = Annotated[list[Union[kind, None] if nullable else kind], msgspec.Meta(min_length=1)]  # noqa: UP007
    if _always(prop):
        return prop.attribute, kind
    return prop.attribute, Union[kind, UnsetType], UNSET  # noqa: UP007 - a forward reference knows no "|"


def _kind(prop: Property, name_of: Callable[[str], str]) -> Any:
    """The type of one value of a property; the names of Structs, which msgspec resolves later."""
    codes = prop.element.codes
    if prop.sibling:
        return "Element"
    if prop.type == "Resource":
        return msgspec.Raw
    if prop.type == "code" and codes is not None:
        return Literal[tuple(sorted({code for some in facts().codes[codes].values() for code in some}))]
    if is_primitive(prop.type):
        return PRIMITIVES[prop.type.removeprefix("@")].native
    return name_of(prop.type)


def _always(prop: Property) -> bool:
    """Whether the JSON property itself is required: not a choice, and not a primitive that may be present as sibling."""
    single = not prop.element.name.endswith("[x]")
    return prop.element.min > 0 and single and (prop.type not in PRIMITIVES or prop.type in WITHOUT_SIBLING)


# ------------------------------------------------------------------------------------------------ checks behind the types


def _post_init(checks: Sequence[Check], nested: Sequence[Property]) -> Callable[[Struct], None]:
    def __post_init__(self: Struct) -> None:  # noqa: N807
        values = astuple(self)
        for check in checks:
            if not check(values):
                raise ValueError
        for prop in nested:
            _read_nested(self, prop)

    return __post_init__


def _read_nested(owner: Struct, prop: Property) -> None:
    """Put resources in the place of the raw JSON of an element of type Resource."""
    value = getattr(owner, prop.attribute)
    if value is UNSET:
        return
    if prop.element.many:
        read = [_read(raw) for raw in value]
        if prop.name == "contained" and any(getattr(r, "contained", UNSET) is not UNSET for r in read):
            raise ValueError  # dom-2
        setattr(owner, prop.attribute, read)
    else:
        setattr(owner, prop.attribute, _read(value))


def _read(raw: Any) -> Struct:
    if isinstance(raw, Struct):  # a copy of a resource that was read before
        return raw
    try:
        return decoder(type_of(raw)).decode(raw)
    except msgspec.MsgspecError as error:
        raise ValueError from error


def _checks(path: str, known: list[Property]) -> list[Check]:
    """Every check of one type that its field types do not make."""
    checks: list[Check] = []
    at = {prop.name: number for number, prop in enumerate(known)}
    for element in owner_elements(path):
        places = [number for number, prop in enumerate(known) if prop.element is element]
        checks += _presence(element, places, [known[n] for n in places])
        names = [known[n].name for n in places if not known[n].sibling]
        if element.many and "_" + names[0] in at:
            checks.append(_paired(at[names[0]], at["_" + names[0]]))
        checks += [_base64(at[name]) for name in names if known[at[name]].type == "base64Binary"]
        if element.codes is not None and element.types == ["CodeableConcept"]:
            checks.append(_concept(at[element.name], facts().codes[element.codes], many=element.many))
    reach, has = _reach_for(path, known), _has_for(path, known)
    return checks + [compile_tree(rule.tree, reach, has) for rule in invariants(path)]


def _presence(element: Element, places: list[int], props: list[Property]) -> list[Check]:
    """A required primitive or choice must be there, a choice once only."""
    first, end = places[0], places[-1] + 1
    size = end - first
    found: list[Check] = []
    choice = element.name.endswith("[x]")
    if element.min > 0 and not _always(props[0]):
        found.append(lambda values: values[first:end].count(UNSET) < size)
    if choice and len(element.types) > 1:
        stems = [prop.name.removeprefix("_") for prop in props]

        def once(values: Values) -> bool:
            if values[first:end].count(UNSET) >= size - 1:
                return True
            return len({stem for stem, value in zip(stems, values[first:end], strict=True) if value is not UNSET}) == 1

        found.append(once)
    return found


def _paired(at: int, sibling: int) -> Check:
    """Nulls in an array of primitives, or in its sibling, stand for something that the other array has."""

    def check(values: Values) -> bool:
        own, other = values[at], values[sibling]
        if other is UNSET:
            return own is UNSET or None not in own
        own = [] if own is UNSET else own
        longest = max(len(own), len(other))
        return all((n < len(own) and own[n] is not None) or (n < len(other) and other[n] is not None) for n in range(longest))

    return check


def _base64(at: int) -> Check:
    return lambda values: values[at] is UNSET or whole_base64(values[at])


def _concept(at: int, codes: Codes, *, many: bool) -> Check:
    """A CodeableConcept with a required binding has at least one coding out of the value set."""
    known = {(system, code) for system, some in codes.items() for code in some}

    def one(concept: Any) -> bool:
        if concept.coding is UNSET:
            return concept.text is UNSET and concept.x_text is UNSET  # only an extension that says why it is missing
        return any((coding.system, coding.code) in known for coding in concept.coding)

    def check(values: Values) -> bool:
        value = values[at]
        return value is UNSET or (all(map(one, value)) if many else one(value))

    return check


def _places(known: list[Property], name: str) -> list[int]:
    return [number for number, prop in enumerate(known) if prop.path_name == name]


def _has_for(path: str, known: list[Property]) -> Callable[[str], Holds]:
    """Presence of one element of a Struct given as tuple of its values."""

    def has(name: str) -> Holds:
        if "." in name:
            reach = _reach_for(path, known)(name)
            return lambda values: bool(reach(values))
        places = _places(known, name)
        if len(places) == 1:
            (only,) = places
            return lambda values: values[only] is not UNSET
        first, end = places[0], places[-1] + 1
        return lambda values: values[first:end].count(UNSET) < end - first

    return has


def _reach_for(path: str, known: list[Property]) -> Callable[[str], Reach]:
    """What stands at a path below a Struct given as tuple of its values."""

    def reach(name: str) -> Reach:
        head, *steps = name.split(".")
        places = _places(known, head)
        further = attribute_steps(known[places[0]].type, steps)

        def fetch(values: Values) -> list[Any]:
            found = flat(values[place] for place in places)
            for attributes in further:
                found = flat(getattr(node, attribute, UNSET) for node in found for attribute in attributes)
            return found

        return fetch

    return reach


def attribute_steps(owner: str, steps: list[str]) -> list[list[str]]:
    """For each step of a path below a type, the attributes it may be found in."""
    found = []
    for step in steps:
        props = [prop for prop in properties(owner).values() if prop.path_name == step]
        found.append([prop.attribute for prop in props])
        owner = props[0].type
    return found


def flat(values: Any) -> list[Any]:
    """Values and the members of lists of values, without what is absent."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, list):
            found.extend(member for member in value if member is not None)
        elif value is not UNSET and value is not None:
            found.append(value)
    return found

