"""What the outside of a transaction or batch must have (https://hl7.org/fhir/R4/bundle.html, http.html#transaction)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from confide.clinic.fhir.errors import Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

NEEDS_RESOURCE = frozenset({"POST", "PUT", "PATCH"})


def check(bundle: Any, resources: Sequence[Any], types: Sequence[str]) -> list[Issue]:
    """Issues of a bundle of the right shape; ``resources`` stand apart, None for an entry without."""
    if bundle.type not in types:
        return [Issue("error", "value", "Bundle.type", f"The bundle must be of type {' or '.join(types)}.")]
    issues: list[Issue] = []
    seen: set[str] = set()
    for number, resource in enumerate(resources):
        entry = bundle.entry[number]
        issues += _entry(entry, f"Bundle.entry[{number}]", present=resource is not None)
        if entry.fullUrl is not UNSET and entry.fullUrl in seen:
            issues.append(Issue("error", "invariant", f"Bundle.entry[{number}].fullUrl", "Two entries have this fullUrl (bdl-7)."))
        seen.add(entry.fullUrl)
    return issues


def _entry(entry: Any, where: str, *, present: bool) -> list[Issue]:
    request = entry.request
    if request is UNSET or request.method is UNSET or request.url is UNSET:
        return [Issue("error", "required", f"{where}.request", "The entry needs a request with method and url (bdl-3).")]
    issues = []
    if entry.response is not UNSET:
        issues.append(Issue("error", "invariant", f"{where}.response", "The entry of a request has no response (bdl-4)."))
    if request.method in NEEDS_RESOURCE and not present:
        issues.append(Issue("error", "required", f"{where}.resource", "The method needs a resource."))
    if entry.fullUrl is not UNSET and "/_history/" in entry.fullUrl:
        issues.append(Issue("error", "invariant", f"{where}.fullUrl", "fullUrl must not name a version (bdl-8)."))
    return issues
