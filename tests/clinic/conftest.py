"""A practice that the tests of one file share, on each engine: opening one costs as much as a hundred requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import pytest_asyncio

from confide.values.principal import Role
from tests.clinic.practice import open_practice
from tests.postgres import create_database, drop_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.clinic.practice import Client, Practice

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgresql)


@pytest.fixture(scope="module", params=["sqlite", POSTGRESQL])
def clinic_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of an empty database; the tests of the file run once on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('clinic') / 'data.db'}"
        return
    url = asyncio.run(create_database(request.getfixturevalue("postgresql_server"), f"test_{uuid4().hex}"))
    yield url
    asyncio.run(drop_database(url))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def practice(clinic_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Practice]:
    """Return an open practice; tests in it make patients of their own."""
    async with open_practice(tmp_path_factory.mktemp("practice"), clinic_url) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clinician(practice: Practice) -> Client:
    """Return a clinician of the practice."""
    return await practice.sign_in(Role.CLINICIAN)
