"""`GET [base]/[type]/[id]/_history` (https://hl7.org/fhir/R4/http.html#history)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from confide.audit.append import granted
from confide.clinic.fhir.answer import Answer
from confide.clinic.fhir.bundle import Entry, bundle
from confide.clinic.fhir.contents import bundled
from confide.clinic.fhir.errors import FhirError, NotFound
from confide.clinic.fhir.page import Pages
from confide.clinic.fhir.prepare import instant
from confide.clinic.records import read as records
from confide.values.ids import uuid_bytes
from confide.values.permit import Action

if TYPE_CHECKING:
    from confide.clinic.fhir.call import Call

_ALL = 2**31 - 1
_METHODS = {"create": ("POST", "201"), "update": ("PUT", "200"), "delete": ("DELETE", "204")}


async def history(call: Call, resource_type: str, identifier: str, pairs: list[tuple[str, str]]) -> Answer:
    """Return the versions of a resource, newest first, a page at a time.

    Raises:
        Denied, NotFound, FhirError
    """
    rows = call.rows(resource_type, Action.HISTORY)
    pages = Pages(call, f"{resource_type}/{identifier}/_history")
    count, below = _page(call, pages, pairs)
    value = uuid_bytes(identifier)
    versions = await records.history(call.parts.database, rows, resource_type, value, below, count + 1) if value else []
    if not versions and below == _ALL:
        await call.commit([granted(rows.permit, "not-found")])
        message = "There is no such resource."
        raise NotFound(message)
    shown, more = versions[:count], len(versions) > count
    reader = call.reader(rows.permit)
    contents = [await bundled(call, reader, one) for one in await reader.open(shown)]
    about = await records.concerned(call.parts.database, shown)
    await call.commit([granted(rows.permit, patients=about, resources=tuple(one.pseudonym for one in shown))])
    address = f"{resource_type}/{identifier}"
    entries = []
    for one, content in zip(shown, contents, strict=True):
        method, status = _METHODS[one.method]
        url = resource_type if method == "POST" else address
        entries.append(Entry(address, content, (method, url), (status, f'W/"{one.number}"', instant(one.updated))))
    following = pages.link(f"_count={count}", shown[-1].number) if more else None
    return Answer(200, bundle("history", call.parts.base, entries, pages.own(urlencode(pairs)), following))


def _page(call: Call, pages: Pages, pairs: list[tuple[str, str]]) -> tuple[int, int]:
    limits = call.parts.limits
    count, below = limits.default_count, _ALL
    for name, value in pairs:
        if name == "_count" and value.isascii() and value.isdecimal() and len(value) < 6:  # noqa: PLR2004 - digits
            count = max(1, min(int(value), limits.max_count))
        elif name not in {"_page", "_format", "_pretty"}:
            message = "History takes _count only, and its links."
            raise FhirError(message)
    token = next((value for name, value in pairs if name == "_page"), None)
    if token is not None:
        below = pages.read(f"_count={count}", token)
    return count, below
