"""Which index leads in the queries of the records, on both engines and without any statistics."""

from __future__ import annotations

import asyncio
import re
from itertools import product
from typing import TYPE_CHECKING

import asyncpg
import pytest

from confide.clinic.records import store
from confide.clinic.records.shapes import search
from confide.store import migrate
from confide.store.opening import sqlite_path
from confide.store.postgresql import SESSION
from confide.store.sqlite import connect
from confide.values.permit import Reach

if TYPE_CHECKING:
    from confide.store.statements import Query

SECONDARY = re.compile(r"ix_document_\w+|uq_document_\w+|sqlite_autoindex_document_\d")
WALK = re.compile(r"Seq Scan on|SCAN (?:document|candidate|version|token|shared_document|among|owner)\b")
FILTERS = [(0, False, 0), (1, True, 0), (1, False, 0), (3, True, 0), (3, False, 0), (3, False, 1), (3, False, 2)]
BY_VALUE = re.compile(r"SEARCH \w+ USING PRIMARY KEY \(parameter=\? AND value=\?|\(value = ANY")
BY_PATIENT, BY_TYPE = "ix_document_patient_type_key", "ix_document_tenant_type_key"


@pytest.fixture
def clinic_url(store_url: str) -> str:
    """An empty database with the tables of the records."""
    migrate.upgrade(store_url, migrate.Which.DATA)
    return store_url


def plan(url: str, queries: list[Query]) -> list[str]:
    """Return how the engine would run each query."""
    path = sqlite_path(url)
    if path is None:
        return asyncio.run(postgresql_plan(url, queries))
    connection = connect(path)
    found = []
    for query in queries:
        values = ["[]"] * len(query.sqlite.names)
        found.append("\n".join(row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + query.sqlite.sql, values)))
    connection.close()
    return found


async def postgresql_plan(url: str, queries: list[Query]) -> list[str]:
    """Return the generic plan of each query, in a session like the server's."""
    connection = await asyncpg.connect(url, server_settings=SESSION)
    found = []
    for at, query in enumerate(queries):
        await connection.execute(f"PREPARE q{at} AS {query.postgresql.sql}")
        nothing = ", ".join(["NULL"] * len(query.postgresql.names))
        found.append("\n".join(row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE q{at}({nothing})")))
    await connection.close()
    return found


def test_no_search_walks_through_a_table(clinic_url: str) -> None:
    """Each shape uses the one index that it is made for, whoever asks."""
    shapes = list(product(Reach, FILTERS, (False, True), (False, True)))
    queries = [
        search(reach, filters, single=single and not by_ids, gathered=gathered, by_patient=by_patient, by_ids=by_ids)
        for reach, (filters, single, gathered), by_patient, by_ids in shapes
    ]

    for (_, (filters, _, _), by_patient, by_ids), steps in zip(shapes, plan(clinic_url, queries), strict=True):
        leading = set() if by_ids or filters else {BY_PATIENT} if by_patient else {BY_TYPE}
        assert (set(SECONDARY.findall(steps)), WALK.findall(steps)) == (leading, []), steps


def test_a_long_list_is_looked_up_once_and_not_for_every_candidate(clinic_url: str) -> None:
    """A candidate's own tokens are read by its key; only the first list and gathered ones are looked up in the index of values."""
    queries = [search(reach, 3, single=False, gathered=gathered, by_patient=False, by_ids=False) for reach in Reach for gathered in (0, 2)]

    for steps, gathered in zip(plan(clinic_url, queries), (0, 2) * len(Reach), strict=True):
        assert len(BY_VALUE.findall(steps)) == 1 + gathered, steps


def test_a_read_goes_by_the_identifier(clinic_url: str) -> None:
    """The type is checked, and never searched by: an index on it would be walked through to find one document."""
    queries = [shape(reach) for shape in (store.read_one, store.read_version, store.read_history) for reach in Reach]

    for steps in plan(clinic_url, queries):
        assert len(SECONDARY.findall(steps)) == 1, steps
        assert SECONDARY.findall(steps)[0] in {"uq_document_tenant_id", "sqlite_autoindex_document_1"}, steps
        assert not WALK.findall(steps), steps
