"""Everything personal that the models hold of one person (GDPR Art. 15 and 20), opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps

from confide.adopt.django.described import all_described
from confide.adopt.django.project import vault
from confide.adopt.identifiers import as_bytes
from confide.adopt.scope import current
from confide.rights.errors import UnknownSubject
from confide.values.permit import Action

if TYPE_CHECKING:
    from confide.adopt.django.described import Described


def export(subject: bytes | UUID, using: str = "") -> dict[str, list[dict[str, Any]]]:
    """Return, for each table, the rows of a person: primary key and every personal field, also what the law keeps.

    Raises:
        UnknownSubject: no row is of this person.
        NobodyActs, Denied, NotYours, KeysError, CryptoError
    """
    found: dict[str, list[dict[str, Any]]] = {}
    person, database = UUID(bytes=as_bytes(subject)), using or vault().using
    with current().doing(Action.EXPORT):
        for described in all_described(apps):
            rows = [row for key in dict.fromkeys(bound.person.key for bound in described.bound.values())
                    for row in _rows(described, key, person, database)]  # fmt: skip
            if rows:
                found[described.model._meta.db_table] = rows  # noqa: SLF001 - Django's documented way to ask a model
    if not found:
        message = "No row is of this person: look at the identifier. Nothing was exported."
        raise UnknownSubject(message)
    return found


def _rows(described: Described, key: str, person: UUID, using: str) -> list[dict[str, Any]]:
    model = described.model
    names = [bound.key for bound in described.bound.values() if bound.person.key == key]
    primary = model._meta.pk.attname  # noqa: SLF001 - as above
    listed = model._default_manager.using(using).filter(**{key: person}).order_by(primary)  # noqa: SLF001 - as above
    return [{name: getattr(one, name) for name in (primary, *names)} for one in listed]
