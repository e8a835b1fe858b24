"""Narratives hold safe XHTML (txt-1, txt-2), wherever R4 has one: in every DomainResource, and in the sections of a Composition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from confide.clinic.fhir.errors import Issue
from confide.clinic.fhir.rules.xhtml import flaw

if TYPE_CHECKING:
    from collections.abc import Iterator


def check(resource: Any) -> list[Issue]:
    """Issues of the narratives of one resource."""
    name = type(resource).__name__
    issues = []
    for where, narrative in _narratives(resource, name):
        sentence = flaw(narrative.div)
        if sentence is not None:
            issues.append(Issue("error", "invariant", f"{where}.div", sentence))
    return issues


def _narratives(resource: Any, name: str) -> Iterator[tuple[str, Any]]:
    text = getattr(resource, "text", UNSET)  # Bundle, Binary and Parameters are no DomainResources
    if text is not UNSET:
        yield f"{name}.text", text
    if name == "Composition":
        yield from _sections(resource, name)


def _sections(owner: Any, where: str) -> Iterator[tuple[str, Any]]:
    for number, section in enumerate([] if owner.section is UNSET else owner.section):
        at = f"{where}.section[{number}]"
        if section.text is not UNSET:
            yield f"{at}.text", section.text
        yield from _sections(section, at)
