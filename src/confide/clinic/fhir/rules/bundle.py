"""bdl-3, bdl-4, bdl-7, bdl-8, bdl-11 and bdl-12 (https://hl7.org/fhir/R4/bundle.html#invs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from confide.clinic.fhir.rules.coded import broken

if TYPE_CHECKING:
    from confide.clinic.fhir.errors import Issue

_REQUESTS = ("batch", "transaction", "history")
_RESPONSES = ("batch-response", "transaction-response", "history")
_FIRST = {"document": ("bdl-11", "Composition"), "message": ("bdl-12", "MessageHeader")}


def check(bundle: Any) -> list[Issue]:
    """Entries have what the type of the bundle asks for, and addresses of their own."""
    entries = [] if bundle.entry is UNSET else bundle.entry
    issues = []
    seen: set[tuple[Any, Any]] = set()
    for number, entry in enumerate(entries):
        where = f"Bundle.entry[{number}]"
        if (entry.request is not UNSET) != (bundle.type in _REQUESTS):
            issues.append(broken("bdl-3", where))
        if (entry.response is not UNSET) != (bundle.type in _RESPONSES):
            issues.append(broken("bdl-4", where))
        if entry.fullUrl is UNSET:
            continue
        if "/_history/" in entry.fullUrl:
            issues.append(broken("bdl-8", where))
        address = (entry.fullUrl, _version(entry.resource))
        if address in seen and bundle.type != "history":
            issues.append(broken("bdl-7", where))
        seen.add(address)
    key, name = _FIRST.get(bundle.type, ("", ""))
    if key and entries and type(entries[0].resource).__name__ != name:
        issues.append(broken(key, "Bundle"))
    return issues


def _version(resource: Any) -> Any:
    meta = UNSET if resource is UNSET else resource.meta
    return UNSET if meta is UNSET else meta.versionId
