"""dom-3, dom-4, dom-5 and ref-1 for resources with contained ones (https://hl7.org/fhir/R4/domainresource.html#invs).

ref-1 is asked only where something is contained: looking at every reference of every resource is not worth its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Struct

from confide.clinic.fhir.rules.coded import broken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confide.clinic.fhir.errors import Issue


def check(resource: Any) -> list[Issue]:
    """Contained resources are used, have no version and no security labels of their own; local references resolve."""
    contained = getattr(resource, "contained", UNSET)
    if contained is UNSET:
        return []
    name = type(resource).__name__
    issues = []
    used = {text[1:] for text in _texts(resource) if text.startswith("#")}
    for number, inner in enumerate(contained):
        where = f"{name}.contained[{number}]"
        if inner.id is UNSET or (inner.id not in used and "#" not in _texts(inner)):
            issues.append(broken("dom-3", where))
        if inner.meta is not UNSET and not (inner.meta.versionId is UNSET and inner.meta.lastUpdated is UNSET):
            issues.append(broken("dom-4", where))
        if inner.meta is not UNSET and inner.meta.security is not UNSET:
            issues.append(broken("dom-5", where))
    known = {inner.id for inner in contained} | {""}
    local = {text[1:] for text in _references(resource) if text.startswith("#")}
    return issues + ([broken("ref-1", name)] if local - known else [])


def _structs(node: Any) -> Iterator[Any]:
    """A Struct and every Struct below it."""
    if isinstance(node, list):
        for member in node:
            yield from _structs(member)
    elif isinstance(node, Struct):
        yield node
        for name in node.__struct_fields__:
            value = getattr(node, name)
            if isinstance(value, Struct | list):
                yield from _structs(value)


def _texts(node: Any) -> Iterator[str]:
    """Every text below a node: references, and canonical and uri values, may all point to a contained resource."""
    for struct in _structs(node):
        for name in struct.__struct_fields__:
            value = getattr(struct, name)
            yield from (text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str))


def _references(node: Any) -> Iterator[str]:
    return (one.reference for one in _structs(node) if type(one).__name__ == "Reference" and one.reference is not UNSET)
