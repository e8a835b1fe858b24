"""The blind index in the database of a model, through the connection and in the transaction of Django."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import connections

from confide.adopt.django.models import Token, Unique
from confide.adopt.index import UNIQUE, additions
from confide.sealed import finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from confide.adopt.index import Indexed
    from confide.adopt.index import Token as Row
    from confide.adopt.vault import Vault
    from confide.values.ids import TenantId

BATCH = 500
"""Rows deleted from the index in one statement."""


def among(connection: Any, column: str, values: Sequence[Any], kind: str) -> tuple[str, list[Any]]:
    """Return `column IN (list)` with one parameter for a list of any length; `kind` is the type of its members on PostgreSQL."""
    if connection.vendor == "postgresql":
        return f"{column} = ANY(%s::{kind}[])", [list(values)]
    return f"{column} IN (SELECT value FROM json_each(%s))", [json.dumps(values)]  # noqa: S608 - no part comes from outside


def row_of_token(connection: Any) -> str:
    """Return the row identifier of a token in the form that a UUIDField has."""
    return "CAST(encode(\"row\", 'hex') AS uuid)" if connection.vendor == "postgresql" else 'lower(hex("row"))'


def look_up(using: str, tokens: Sequence[int]) -> set[int]:
    """Return those of some tokens that are in the index."""
    connection = connections[using]
    condition, parameters = among(connection, "token", tokens, "bigint")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT token FROM confide_token WHERE {condition}", parameters)  # noqa: S608 - as above
        return {row[0] for row in cursor.fetchall()}


def add(using: str, vault: Vault, tenant: TenantId, values: Sequence[Indexed]) -> None:
    """Index values; the transaction is the caller's.

    Raises:
        IntegrityError: a value that may be there only once is there.
    """
    if not values:
        return
    found = additions(vault, tenant, values, lambda tokens: look_up(using, tokens))
    Unique._base_manager.using(using).bulk_create(_rows(Unique, found.unique))  # noqa: SLF001 - Django's documented manager
    Token._base_manager.using(using).bulk_create(_rows(Token, found.tokens))  # noqa: SLF001 - as above
    Token._base_manager.using(using).bulk_create(_rows(Token, found.marks), ignore_conflicts=True)  # noqa: SLF001 - as above


def is_taken(using: str, vault: Vault, tenant: TenantId, value: Indexed) -> bool:
    """Tell whether another row has a value that only one may have; whoever asks need not be allowed to open that row."""
    form = finding.exact_form(value.of.declared.category, value.value)
    if form is None:
        return False
    token = vault.blind(tenant, value.of, UNIQUE).token(form)
    return bool(Unique._base_manager.using(using).filter(token=token).exclude(row=value.row).exists())  # noqa: SLF001 - as above


def _rows(model: Any, tokens: Iterable[Row]) -> list[Any]:
    return [model(**token._asdict()) for token in tokens]


def drop_values(using: str, numbers: Sequence[int], rows: Sequence[bytes]) -> None:
    """Take values of columns out of the index."""
    for at in range(0, len(rows), BATCH):
        for model in (Token, Unique):
            model._base_manager.using(using).filter(row__in=rows[at : at + BATCH], number__in=numbers).delete()  # noqa: SLF001 - as above


def drop_row(using: str, row: bytes) -> None:
    """Take a row out of the index."""
    for model in (Token, Unique):
        model._base_manager.using(using).filter(row=row).delete()  # noqa: SLF001 - as above
