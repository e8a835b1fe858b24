"""The shop on each engine, with a vault of its own for every test."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.adopt.django import project

project.configure()

from asgiref.sync import sync_to_async  # noqa: E402 - after the settings
from django.apps import apps  # noqa: E402 - after the settings
from django.core.management import call_command  # noqa: E402 - as above
from django.db import connections  # noqa: E402 - as above

from confide.adopt.begin import begin  # noqa: E402 - as above
from confide.values.purpose import Purpose  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from confide.adopt.django.vault import Vault
    from confide.adopt.scope import Scope


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with every table, migrated once."""
    folder = tmp_path_factory.mktemp("template")
    project.point_to(f"sqlite:///{folder / 'store.db'}", folder)
    call_command("migrate", verbosity=0)
    connections["default"].close()
    return folder / "store.db"


@pytest.fixture
def said() -> dict[str, Any]:
    """What the settings say besides; a test module may say more."""
    return {}


@pytest.fixture
def vault(store_url: str, tmp_path: Path, template: Path, said: dict[str, Any]) -> Iterator[Vault]:
    """The vault of the project, over an empty database with every table."""
    project.point_to(store_url, tmp_path, **said)
    config: Any = apps.get_app_config("confide")
    config.__dict__.pop("vault", None)
    if store_url.startswith("sqlite"):
        shutil.copy(template, store_url.removeprefix("sqlite:///"))
    else:
        call_command("migrate", verbosity=0)
    begin(config.vault.settings)
    yield config.vault
    config.vault.close()
    connections["default"].close()


@pytest.fixture
def acting(vault: Vault) -> Iterator[Scope]:
    """A scope for the whole test: a clerk who serves."""
    with vault.acting("clerk", Purpose.SERVICE_PROVISION) as scope:
        yield scope


@pytest.fixture
async def in_threads(vault: Vault) -> None:
    """Let the thread in which an event loop has Django work forget the database of an earlier test."""

    def forget() -> None:
        connections["default"].close()
        del connections["default"]

    await sync_to_async(forget)()
