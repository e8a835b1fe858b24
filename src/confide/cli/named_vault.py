"""The vault that a command works on, named MODULE:VAULT in a backend's own code, and its database."""

from __future__ import annotations

import importlib
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import sqlalchemy as sa

from confide.adopt.sqlalchemy.migrate.engine import open_engine
from confide.adopt.sqlalchemy.vault import Vault
from confide.cli.errors import NothingToDo
from confide.store.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

vault_argument = click.argument("name", metavar="MODULE:VAULT")
models_option = click.option(
    "--models", multiple=True, help="A module with models that MODULE does not import by itself; may be given several times."
)


def vault_of(name: str, models: tuple[str, ...]) -> Vault:
    """Return the vault that a name leads to.

    Raises:
        NothingToDo: there is none.
    """
    sys.path.insert(0, str(Path.cwd()))
    module, _, attribute = name.partition(":")
    found = getattr(_imported(module), attribute or "vault", None)
    for one in models:
        _imported(one)
    if not isinstance(found, Vault):
        message = f"{name} names no vault: one is made with Vault(Base, …) or Vault.of(Base, …)."
        raise NothingToDo(message)
    return found


def _imported(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - whatever the backend's own code raises; its text may hold a value
        where = traceback.extract_tb(error.__traceback__)[-1]
        missing = f" {error.name}" if isinstance(error, ModuleNotFoundError) and error.name else ""
        at = f"{type(error).__name__}{missing}, {Path(where.filename).name} line {where.lineno}"
        message = f"{module or 'The module'} cannot be imported ({at}): name it MODULE:VAULT, from a folder where Python finds it."
        raise NothingToDo(message) from None


@contextmanager
def opened_engine(database: str) -> Iterator[sa.Engine]:
    """Yield an engine on the backend's database; what it refuses is told in a sentence, since its own would hold values."""
    engine = open_engine(database)
    try:
        yield engine
    except sa.exc.NoSuchTableError as error:
        message = f"There is no table {error} in the database: look at which database the vault names, and at the models."
        raise NothingToDo(message) from None
    except sa.exc.DBAPIError as error:
        message = (
            f"The database did not do what it was asked ({type(error.orig).__name__}): look at whether it runs, takes connections and is "
            "not held by somebody else. What is done is kept; run the command again."
        )
        raise Unavailable(message) from None
    finally:
        engine.dispose()
