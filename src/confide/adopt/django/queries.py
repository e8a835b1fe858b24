"""What a query set of a model with personal fields does besides: it seals what is created in bulk, and refuses what cannot be sealed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import ref

from django.db.models import Model

from confide.adopt.django.attribute import PEERS, Peers
from confide.adopt.django.described import describe
from confide.adopt.django.writing import PLAIN, writing
from confide.adopt.refusals import PlainValue, Unbound

if TYPE_CHECKING:
    from collections.abc import Iterable

_CONFLICTS = "A bulk_create() that ignores or updates rows in its way cannot be sealed: whose they will be is only known afterwards."


class SealingQuerySet:
    """Stands before the query set class of a manager. Models without personal fields do not notice it."""

    model: Any
    db: str
    _result_cache: Any

    def bulk_create(self, objs: Iterable[Any], *given: Any, **options: Any) -> Any:
        """Create objects, sealed with their keys fetched at once, and indexed in the same transaction."""
        if describe(self.model) is None:
            return super().bulk_create(objs, *given, **options)  # type: ignore[misc]  # of the query set class
        if options.get("ignore_conflicts") or options.get("update_conflicts") or any(given[1:]):
            raise PlainValue(_CONFLICTS)
        listed = list(objs)
        self._for_write = True
        with writing(self.db) as found:
            for one in listed:
                one._prepare_related_fields_for_save(operation_name="bulk_create")  # noqa: SLF001 - as Django does first
            found.fetch_keys(self.model, listed)
            return super().bulk_create(listed, *given, **options)  # type: ignore[misc]  # as above

    def update(self, **values: Any) -> Any:
        """Update fields that nothing sealed depends on.

        Raises:
            PlainValue, Unbound
        """
        self._refuse(values)
        return super().update(**values)  # type: ignore[misc]  # of the query set class

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], *given: Any, **options: Any) -> Any:
        """Do the same for single objects."""
        named = list(fields)
        self._refuse(named)
        return super().bulk_update(objs, named, *given, **options)  # type: ignore[misc]  # as above

    def _refuse(self, names: Iterable[str]) -> None:
        described = describe(self.model)
        if described is None or not described.bound:
            return
        known = {name: one.attname for one in self.model._meta.concrete_fields for name in (one.name, one.attname)}  # noqa: SLF001 - Django's documented way to ask a model
        wanted = {known.get(name, name) for name in names}
        if wanted & set(described.bound):
            raise PlainValue(PLAIN)
        if wanted & described.bound_to:
            message = "update() and bulk_update() cannot change what the values of a row are bound to: save() the objects."
            raise Unbound(message)

    def _fetch_all(self) -> None:
        is_new = self._result_cache is None
        super()._fetch_all()  # type: ignore[misc]  # of the query set class
        if is_new and self._result_cache and isinstance(self._result_cache[0], Model):
            together = Peers(ref(one) for one in self._result_cache)
            for one in self._result_cache:
                setattr(one._state, PEERS, together)  # noqa: SLF001 - where Django keeps what it knows of an object

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a pickle holds: the query set class of the project, and the state as Django has it."""
        return _unpickled, (type(self).__bases__[1],), super().__getstate__()


@cache
def sealing(made: Any) -> Any:
    """Return the query set class that stands for another; it keeps name and place, as a migration writes them down."""
    return type(made.__name__, (SealingQuerySet, made), {"__module__": made.__module__, "__qualname__": made.__qualname__})


def _unpickled(made: Any) -> Any:
    kind = sealing(made)
    return kind.__new__(kind)


def mix(manager: Any) -> None:
    """Let a manager make query sets of this kind."""
    made = manager._queryset_class  # noqa: SLF001 - where Django keeps it
    if issubclass(made, SealingQuerySet):
        return
    kind = type(manager)
    of = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "_queryset_class": sealing(made)}
    manager.__class__ = type(kind.__name__, (kind,), of)
