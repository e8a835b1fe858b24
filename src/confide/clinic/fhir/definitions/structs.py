"""Structs for every R4 type, made when a resource type is first used, with everything in them that msgspec can check.

What msgspec cannot say runs in ``__post_init__``: see ``checks.py``. These checks only say no. The words for it come from
``walk.py``, which looks again at what was refused.
"""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union

import msgspec
from msgspec import UNSET, Struct, UnsetType

from confide.clinic.fhir.definitions import checks, made
from confide.clinic.fhir.definitions.facts import (
    Property,
    facts,
    is_primitive,
    properties,
    resource_types,
)
from confide.clinic.fhir.definitions.primitives import PRIMITIVES, WITHOUT_SIBLING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RESOURCE_TYPES: frozenset[str] = resource_types()

_NAMESPACE = vars(made)
_MAKING = Lock()


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
        with _MAKING:  # two threads would make two classes of one name
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
    waiting = [type_name, "Element"]
    ready: dict[str, type[Struct]] = {}
    while waiting:
        path = waiting.pop()
        name = class_name(path)
        if name in _NAMESPACE or name in ready:
            continue
        ready[name] = _make_one(path)
        kinds = {prop.type for prop in properties(path).values()}
        waiting.extend(kind for kind in kinds if not is_primitive(kind) and kind != "Resource")
    _NAMESPACE.update(ready)  # all at once: whoever finds a type finds everything it needs


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
    nested = [prop for prop in known.values() if prop.type == "Resource" and read_nested]
    after = _post_init(path, nested)
    return msgspec.defstruct(
        name,
        [_field(prop, name_of) for prop in known.values()],
        namespace={} if after is None else {"__post_init__": after},
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
        item: Any = Union[kind, None] if nullable else kind  # noqa: UP007 - a forward reference knows no "|"
        kind = Annotated[list[item], msgspec.Meta(min_length=1)]
    if checks.always(prop):
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


def _post_init(path: str, nested: Sequence[Property]) -> Callable[[Struct], None] | None:
    """What runs when a Struct was decoded, or None when there is nothing to do."""
    holds = checks.holds(path)
    if holds is None and not nested:
        return None

    def __post_init__(self: Struct) -> None:  # noqa: N807
        if holds is not None and not holds(self):
            raise ValueError
        for prop in nested:
            _read_nested(self, prop)

    return __post_init__ if nested or holds is None else checks.refusing(path)


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
