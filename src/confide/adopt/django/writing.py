"""Seal objects while they are saved, and bring the blind index up to date in the same transaction.

What the program set is sealed and indexed with every save, whatever was done before: a block that was rolled back leaves objects behind
that look stored and are not. What it did not touch stays as it is in the database.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import router, transaction

from confide.adopt import scope
from confide.adopt.django import indexing
from confide.adopt.django.allowed import check
from confide.adopt.django.column import Unchanged
from confide.adopt.django.described import describe
from confide.adopt.django.project import vault
from confide.adopt.django.subjects import fill_persons
from confide.adopt.index import Indexed
from confide.adopt.refusals import PlainValue, Unbound
from confide.adopt.sealing import seal_cells
from confide.sealed.cell import Cell, Envelope
from confide.sealed.errors import WrongKind
from confide.values.ids import NO_SUBJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from confide.adopt.bound import Bound
    from confide.adopt.django.described import Described

PLAIN = (
    "A value in the clear was to be written into a sealed field; nothing was stored. Set it on an object and save() it, or bulk_create() "
    "objects: update(), bulk_update(), fixtures and expressions cannot seal."
)
_MOVED = "Whose a row is was to be changed with some of its fields only: save() the whole object, since all of it is sealed anew."

_WRITING: ContextVar[Writing | None] = ContextVar("confide_writing", default=None)


class Writing:
    """The objects that one save() or bulk_create() stores."""

    def __init__(self, using: str, *, partial: bool) -> None:
        """Take the database, and whether only some fields of an object are stored."""
        self.using, self._partial = using, partial
        self._vault = vault()
        self._tenant = self._vault.tenant()
        self._prepared: set[tuple[int, Any, bool]] = set()
        self._dropped: list[tuple[tuple[int, ...], bytes]] = []
        self._added: list[Indexed] = []
        self._opened: list[tuple[dict[str, Any], str, Envelope, Cell]] = []

    def fetch_keys(self, model: Any, objects: Iterable[Any]) -> None:
        """Fetch the keys that new objects need, all at once."""
        described = describe(model)
        if described is None:
            return
        wanted = []
        for one in objects:
            fill_persons(one, described, self.using)
            for bound in described.bound.values():
                if type(one.__dict__.get(bound.key)) is Cell:
                    subject = NO_SUBJECT if bound.field.tenant_wide else bound.where(one.__dict__)[0]
                    if subject or bound.field.tenant_wide:
                        wanted.append((self._tenant, subject, bound.group.purpose))
        self._vault.keys.sealing(wanted)

    def stored(self, instance: Any, field: Any, *, add: bool) -> Any:
        """Return what is written for a personal field of an object.

        Raises:
            NoSubject, WrongKind, TooLong, Unbound
            NobodyActs: what was loaded has to be sealed anew, and nobody said who acts.
        """
        described: Any = describe(field.model)
        self._prepare(instance, described, add=add)
        bound, held = described.bound[field.attname], instance.__dict__
        value = held.get(field.attname)
        if type(value) is Envelope:
            return Unchanged(field)
        if not add:
            self._dropped.append((bound.numbers, bound.row_of(held)))
            if value is not None:
                self._seal(instance, described, [bound])
        return value

    def person(self, instance: Any, field: Any, *, add: bool) -> Any:
        """Return what is written for a subject field of an object."""
        described: Any = describe(field.model)
        self._prepare(instance, described, add=add)
        return instance.__dict__.get(field.attname)

    def check(self, instance: Any) -> None:
        """Return unless some of an object is stored while it is given to somebody else.

        Raises:
            Unbound
        """
        for model in (type(instance), *type(instance)._meta.all_parents):  # noqa: SLF001 - Django's documented way to ask a model
            described = describe(model)
            if described is not None and described.bound and self._partial:
                self._prepare(instance, described, add=False)

    def _prepare(self, instance: Any, described: Described, *, add: bool) -> None:
        mark = (id(instance), described.model, add)
        if mark in self._prepared:
            return
        self._prepared.add(mark)
        if not add:
            self._follow(instance, described)
            return
        fill_persons(instance, described, self.using)
        held = instance.__dict__
        for key, bound in described.bound.items():
            if type(held.get(key)) is Envelope:  # stored anew, as after a block that was rolled back
                self._open(instance, bound, held)
        self._seal(instance, described, [bound for key, bound in described.bound.items() if held.get(key) is not None])

    def _follow(self, instance: Any, described: Described) -> None:
        """Open what is bound to the former owner, so that it is sealed for the new one."""
        if not described.persons:
            return
        names = sorted(described.bound_to)
        rows = described.model._base_manager.using(self.using).filter(pk=instance.pk)  # noqa: SLF001 - Django's documented manager
        former = rows.values(*names).first()
        fill_persons(instance, described, self.using, former)
        held = instance.__dict__
        if former is None or all(held.get(name, former[name]) == former[name] for name in names):
            return
        if self._partial:
            raise Unbound(_MOVED)
        for key, bound in described.bound.items():
            if type(held[key]) is Envelope:
                self._open(instance, bound, former)

    def _open(self, instance: Any, bound: Bound, values: Any) -> None:
        """Open what has to be sealed anew, for whoever acts and may open the object."""
        check(scope.current(), instance, bound.field)
        held = instance.__dict__
        envelope = held[bound.key]
        cell = held[bound.key] = Cell(self._vault.open(bound.field, *bound.where(values), envelope))
        self._opened.append((held, bound.key, envelope, cell))

    def close(self, *, stored: bool) -> None:
        """Let the objects hold no value that was opened: what is stored of it now, or what was before."""
        for held, key, envelope, cell in self._opened:
            if held.get(key) is cell:
                held[key] = Envelope(cell.envelope) if stored and cell.envelope else envelope

    def _seal(self, instance: Any, described: Described, bounds: list[Bound]) -> None:
        if not bounds:
            return
        held = instance.__dict__
        cells = [(bound, Cell(_typed(described, bound, held[bound.key].value))) for bound in bounds]
        values = held if described.bound_to <= held.keys() else {name: getattr(instance, name) for name in described.bound_to}
        seal_cells(self._vault, self._tenant, values, cells)
        for bound, cell in cells:
            held[bound.key].envelope = cell.envelope
            if bound.numbers:
                self._added.append(Indexed(bound.field, cell.value, bound.row_of(values), bound.subject_of(values)))

    def write_index(self) -> None:
        """Bring the index up to date with what was stored."""
        by_numbers: dict[tuple[int, ...], list[bytes]] = {}
        for numbers, row in self._dropped:
            by_numbers.setdefault(numbers, []).append(row)
        for numbers, rows in by_numbers.items():
            if numbers:
                indexing.drop_values(self.using, numbers, rows)
        newest = {(one.of, one.row): one for one in self._added}  # an UPDATE that found no row is followed by an INSERT
        indexing.add(self.using, self._vault, self._tenant, list(newest.values()))


def _typed(described: Described, bound: Bound, value: Any) -> Any:
    """Return a value in the type of its field, as Django takes a date as text as well.

    Raises:
        WrongKind
    """
    field = described.model._meta.get_field(bound.key)  # noqa: SLF001 - Django's documented way to ask a model
    try:
        return field.inner.to_python(value)
    except ValidationError:
        message = f"A value for {bound.field.name} is not of the type that the field declares."
        raise WrongKind(message) from None


def is_taken(instance: Any, field: Any, value: Any) -> bool:
    """Tell whether another row has a value that only one may have."""
    described: Any = describe(field.model)
    bound, found = described.bound[field.attname], vault()
    using = router.db_for_write(type(instance), instance=instance)
    return indexing.is_taken(using, found, found.tenant(), Indexed(bound.field, value, bound.row_of(instance.__dict__), None))


@contextmanager
def writing(using: str, *, partial: bool = False) -> Iterator[Writing]:
    """Seal what is saved in the block, in one transaction with the index."""
    found = Writing(using, partial=partial)
    before = _WRITING.set(found)
    try:
        with transaction.atomic(using=using, savepoint=False):
            yield found
            found.write_index()
            transaction.on_commit(lambda: found.close(stored=True), using)  # not before: what a block that is rolled back sealed is void
    except BaseException:
        found.close(stored=False)
        raise
    finally:
        _WRITING.reset(before)


def current() -> Writing:
    """Return what is being written.

    Raises:
        PlainValue: an object is written past the vault.
    """
    found = _WRITING.get()
    if found is None:
        raise PlainValue(PLAIN)
    return found
