"""Where in a resource something stands: each value with its FHIRPath and its definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confide.clinic.fhir.definitions.facts import Property, is_primitive, properties, resource_types

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """One value: what holds it, under which name or number, and what it is."""

    holder: Any
    key: str | int
    path: str
    prop: Property
    whole: bool
    """Whether it is all values of an element that repeats, and not one of them."""

    @property
    def value(self) -> Any:
        """What stands there."""
        return self.holder[self.key]

    @property
    def kind(self) -> str:
        """The FHIR type."""
        return self.prop.type.removeprefix("@")

    @property
    def primitive(self) -> bool:
        """Whether it is one value of a primitive type."""
        return is_primitive(self.prop.type) and not self.whole and self.value is not None


@dataclass(frozen=True)
class Owner:
    """An object: where it is, and the type or nested element that it is."""

    node: Json
    path: str
    type: str


def owners(resource: Json) -> Iterator[Owner]:
    """Yield a resource and every object below it that is no sibling of a primitive."""
    yield from _owners(resource, resource["resourceType"], resource["resourceType"])


def _owners(node: Json, path: str, kind: str) -> Iterator[Owner]:
    yield Owner(node, path, kind)
    for place in _places(Owner(node, path, kind)):
        if isinstance(place.value, dict):
            inner = place.value["resourceType"] if place.prop.type == "Resource" else place.prop.type
            yield from _owners(place.value, place.path, inner)


def places(resource: Json) -> list[Place]:
    """Return every value of a resource at every depth, but for the siblings of primitives."""
    return [place for owner in owners(resource) for place in _places(owner)]


def _places(owner: Owner) -> Iterator[Place]:
    known = properties(owner.type)
    for name, value in owner.node.items():
        if name not in known or known[name].sibling or (name == "resourceType" and owner.type in resource_types()):
            continue
        path = f"{owner.path}.{known[name].path_name}"
        yield Place(owner.node, name, path, known[name], known[name].element.many)
        if known[name].element.many:
            for at in range(len(value)):
                yield Place(value, at, f"{path}[{at}]", known[name], whole=False)
