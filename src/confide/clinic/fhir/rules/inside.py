"""The resources inside of a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterator

Placed = tuple[str, Any]
"""A FHIRPath and the resource at it."""


def resources(resource: Any) -> Iterator[Placed]:
    """A resource, then those it contains, bundles or carries as parameters, at every depth."""
    yield from _below(type(resource).__name__, resource)


def _below(where: str, resource: Any) -> Iterator[Placed]:
    yield where, resource
    name = type(resource).__name__
    if name == "Bundle":
        yield from _entries(where, resource)
    elif name == "Parameters":
        yield from _parameters(f"{where}.parameter", resource.parameter)
    contained = getattr(resource, "contained", UNSET)
    for number, inner in enumerate([] if contained is UNSET else contained):
        yield from _below(f"{where}.contained[{number}]", inner)


def _entries(where: str, bundle: Any) -> Iterator[Placed]:
    for number, entry in enumerate([] if bundle.entry is UNSET else bundle.entry):
        at = f"{where}.entry[{number}]"
        if entry.resource is not UNSET:
            yield from _below(f"{at}.resource", entry.resource)
        if entry.response is not UNSET and entry.response.outcome is not UNSET:
            yield from _below(f"{at}.response.outcome", entry.response.outcome)


def _parameters(where: str, parameters: Any) -> Iterator[Placed]:
    for number, parameter in enumerate([] if parameters is UNSET else parameters):
        if parameter.resource is not UNSET:
            yield from _below(f"{where}[{number}].resource", parameter.resource)
        yield from _parameters(f"{where}[{number}].part", parameter.part)
