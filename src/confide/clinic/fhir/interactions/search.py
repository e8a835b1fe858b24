"""`GET [base]/[type]?…` and `POST [base]/[type]/_search` (https://hl7.org/fhir/R4/search.html).

The blind index gives candidates among the rows the caller may see; each is opened and checked exactly before it counts.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from confide.audit.append import granted
from confide.clinic.fhir.answer import Answer
from confide.clinic.fhir.bundle import Entry, bundle
from confide.clinic.fhir.contents import bundled
from confide.clinic.fhir.errors import TooCostly
from confide.clinic.fhir.page import Pages
from confide.clinic.fhir.search.combine import salted_entries
from confide.clinic.fhir.search.glance import glance
from confide.clinic.fhir.search.match import matches
from confide.clinic.fhir.search.parameters import parameters
from confide.clinic.fhir.search.query import RESULT_PARAMETERS, parse_query
from confide.clinic.records import read as records
from confide.clinic.records.blind import SALTED
from confide.clinic.records.search import Wanted, candidates
from confide.sealed.errors import TooManyTokens
from confide.values.ids import NO_SUBJECT, uuid_bytes, uuid_text
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.access.authorise import Rows
    from confide.clinic.fhir.call import Call
    from confide.clinic.fhir.search.index import SaltedEntry
    from confide.clinic.fhir.search.query import Query
    from confide.clinic.records.attachments import Opened
    from confide.clinic.records.blind import Searched
    from confide.clinic.records.model import Found
    from confide.values.ids import SubjectId

BATCH = 256
"""Candidates opened at a time while counting."""
ROUNDS = 8
"""Batches tried to fill one page, since candidates may fail the re-check; a page that stays short carries a next link."""


class _Hit(NamedTuple):
    opened: Opened

    @property
    def found(self) -> Found:
        """The version."""
        return self.opened.version


async def search(call: Call, resource_type: str, pairs: list[tuple[str, str]], *, lenient: bool) -> Answer:
    """Return a page of matching resources.

    Raises:
        Denied, InvalidSearch, UnsupportedSearch, TooCostly
    """
    rows = call.rows(resource_type, Action.SEARCH)
    asked = [pair for pair in pairs if pair[0] != "_page"]
    limits = call.parts.limits
    query = parse_query(
        resource_type,
        asked,
        lenient=lenient,
        across_patients=limits.across_patients,
        default_count=limits.default_count,
        max_count=limits.max_count,
    )
    pages = Pages(call, resource_type)
    here = [pair for pair in pairs if pair[0] == "_page"][:1]
    text, obeyed = urlencode(asked), urlencode(query.obeyed)
    after = pages.read(obeyed, here[0][1]) if here else 0
    about = await _patient(call, query)
    wanted = await _wanted(call, rows, query, about)
    hits: list[_Hit] = []
    position: int | None = None
    total = None
    if wanted is None:
        total = 0 if query.total else None
    else:
        if query.count:
            hits, position = await _page(call, rows, query, wanted, after)
        total = await _total(call, rows, query, wanted) if query.total else None
    reader = call.reader(rows.permit)
    contents = [await bundled(call, reader, hit.opened) for hit in hits]
    await _tell(call, rows, asked, text, hits, about)
    entries = [
        Entry(f"{resource_type}/{uuid_text(hit.found.id)}", content, match=True) for hit, content in zip(hits, contents, strict=True)
    ]
    following = pages.link(obeyed, position) if position is not None else None
    own = pages.own(urlencode([*query.obeyed, *here]) if here else obeyed)
    return Answer(200, bundle("searchset", call.parts.base, entries, own, following, total))


async def _tell(call: Call, rows: Rows, asked: list[tuple[str, str]], text: str, hits: Sequence[_Hit], about: Found | None) -> None:
    """Tell of the search: whoever was asked about is named, whatever was found of them."""
    found = [hit.found for hit in hits]
    told = granted(
        rows.permit,
        patients=await records.concerned(call.parts.database, [about, *found] if about else found),
        resources=tuple(hit.found.pseudonym for hit in hits),
        parameters=named(rows.permit.resource_type, asked),
        values=text.encode() if asked else None,
        subject=_only([hit.found for hit in hits]),
    )
    await call.commit([told])


def _only(found: Sequence[Found]) -> SubjectId:
    """Return the one person whom all that was found is about; nobody where there are several, or something about no one."""
    owners = {one.home.owner for one in found}
    return owners.pop() if len(owners) == 1 else NO_SUBJECT


def named(resource_type: str, asked: list[tuple[str, str]]) -> tuple[str, ...]:
    """Return the names of parameters for the trail; one that means nothing here comes from outside, and is told as other."""
    known = {*parameters(resource_type), *RESULT_PARAMETERS}
    return tuple(sorted({code if code in known else "other" for code in (name.partition(":")[0] for name, _ in asked)}))


async def _patient(call: Call, query: Query) -> Found | None:
    """Return the Patient whom a query names; None where it names none, or one who is not there for the caller."""
    value = uuid_bytes(query.patient) if query.patient is not None else None
    return await records.current(call.parts.database, call.rows("Patient", Action.READ), "Patient", value) if value else None


async def _wanted(call: Call, rows: Rows, query: Query, patient: Found | None) -> Wanted | None:
    """Return what to ask of the index; None where the answer is empty for certain."""
    if query.patient is not None and patient is None:
        return None
    about, subject = (patient.key, patient.id) if patient else (None, b"")
    keys = None
    if query.ids is not None:
        values = [value for value in map(uuid_bytes, query.ids) if value is not None]
        found_keys = [await records.current(call.parts.database, rows, query.type, value) for value in values]
        keys = [one.key for one in found_keys if one is not None and not one.deleted]
        if not keys:
            return None
    index = await call.parts.index.reading(call.now)
    filters = [(SALTED, await _listed(call, index, one)) for one in salted_entries(query.filters)]
    for one in query.filters:
        if one.parameter.salted:
            continue
        by_parameter: dict[int, set[int]] = {}
        for parameter, bound, value in one.tokens():
            by_parameter.setdefault(parameter, set()).update(index.tokens(parameter, value, subject if bound else b""))
        filters += [(parameter, sorted(tokens)) for parameter, tokens in by_parameter.items()]
    return Wanted(query.type, about, keys, filters)


async def _listed(call: Call, index: Searched, entries: Sequence[SaltedEntry]) -> list[int]:
    try:
        return await index.list_tokens(call.parts.database, entries)
    except TooManyTokens as error:
        raise TooCostly(str(error)) from None


async def _page(call: Call, rows: Rows, query: Query, wanted: Wanted, after: int) -> tuple[list[_Hit], int | None]:
    """Return up to a page of hits, and where the next page begins if there may be one."""
    hits: list[_Hit] = []
    size = query.count + 1
    for _ in range(ROUNDS):
        found = await candidates(call.parts.database, rows, wanted, after, size)
        for hit in await _check(call, rows, query, found):
            if len(hits) == query.count:
                return hits, int(hits[-1].found.key)
            hits.append(hit)
        if len(found) < size:
            return hits, None
        after, size = found[-1].key, max(size, BATCH)
    return hits, after


async def _check(call: Call, rows: Rows, query: Query, found: Sequence[Found]) -> list[_Hit]:
    opened = await call.reader(rows.permit).open(found)
    if not query.filters and query.patient is None:
        return [_Hit(one) for one in opened]
    looked_at = frozenset([*(one.parameter for one in query.filters), *([query.patient_parameter] if query.patient_parameter else ())])
    decode, base = glance(query.type, looked_at).decode, call.parts.base
    return [_Hit(one) for one in opened if matches(query, decode(one.text), base)]


async def _total(call: Call, rows: Rows, query: Query, wanted: Wanted) -> int:
    """Return the exact number of matches, taken after the re-check."""
    counted, seen, after = 0, 0, 0
    while True:
        found = await candidates(call.parts.database, rows, wanted, after, BATCH)
        counted += len(await _check(call, rows, query, found))
        seen += len(found)
        if len(found) < BATCH:
            return counted
        if seen >= call.parts.limits.total_cap:
            message = "Too many candidates to count exactly: narrow the search, or leave _total out."
            raise TooCostly(message)
        after = found[-1].key
        await asyncio.sleep(0)  # others take their turn between two batches
