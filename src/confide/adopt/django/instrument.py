"""What a model with personal fields does besides: it seals when it is saved, copies without opening, and prints nothing personal."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.db import router
from django.db.models import signals

from confide.adopt.django import indexing
from confide.adopt.django.attribute import COPYING
from confide.adopt.django.described import describe, is_personal
from confide.adopt.django.queries import mix
from confide.adopt.django.writing import writing
from confide.adopt.identifiers import as_bytes
from confide.adopt.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable

_MARK = "__confide__"


def instrument() -> None:
    """Look at every model that is declared from now on; the first personal field asks for it, and further ones change nothing."""
    signals.class_prepared.connect(_prepared, dispatch_uid="confide")
    signals.post_delete.connect(_deleted, dispatch_uid="confide")


def _prepared(sender: Any, **_given: Any) -> None:
    if not any(is_personal(one) or hasattr(one, "follows") for one in sender._meta.concrete_fields):  # noqa: SLF001 - Django's documented way to ask a model
        return
    redact(sender)
    for name, wrapped in (("save_base", _saving), ("refresh_from_db", _copying)):
        original = getattr(sender, name)
        if not hasattr(original, _MARK):
            found = wrapped(original)
            setattr(found, _MARK, True)
            setattr(sender, name, found)
    for model in sender.mro():
        for manager in getattr(getattr(model, "_meta", None), "local_managers", ()):
            mix(manager)
    sender._meta._expire_cache(reverse=False)  # noqa: SLF001 - the managers that it remembers are copies


def _saving(original: Callable[..., None]) -> Callable[..., None]:
    @wraps(original)
    def save_base(
        self: Any,
        raw: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        force_insert: bool = False,  # noqa: FBT001, FBT002 - as above
        force_update: bool = False,  # noqa: FBT001, FBT002 - as above
        using: str | None = None,
        update_fields: Any = None,
    ) -> None:
        database = using or router.db_for_write(self.__class__, instance=self)
        with writing(database, partial=update_fields is not None) as found:
            found.check(self)
            original(self, raw, force_insert, force_update, database, update_fields)

    return save_base


def _copying(original: Callable[..., None]) -> Callable[..., None]:
    @wraps(original)
    def refresh_from_db(self: Any, *given: Any, **options: Any) -> None:
        before = COPYING.set(True)
        try:
            original(self, *given, **options)
        finally:
            COPYING.reset(before)

    return refresh_from_db


def _deleted(sender: Any, instance: Any, using: str, **_given: Any) -> None:
    """Take a row out of the index, in the transaction in which it is deleted."""
    for model in (sender, *sender._meta.all_parents):  # noqa: SLF001 - Django's documented way to ask a model
        described = describe(model)
        if described is not None and any(bound.numbers for bound in described.bound.values()):
            indexing.drop_row(using, as_bytes(getattr(instance, described.row.attname)))
