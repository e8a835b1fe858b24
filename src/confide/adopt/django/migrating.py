"""Seal what is in a table already: `operations = sealing([…])` around what `makemigrations` wrote.

`makemigrations` writes AlterField for a field that became personal, and AddField for a RowId() or a SubjectId(). Neither can give each row
a value of its own; what stands here in their place can. There is no way back but a backup.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import migrations

from confide.adopt.django.described import describe, is_personal
from confide.adopt.django.models import Token
from confide.adopt.django.subjects import fill_persons
from confide.adopt.identifiers import new_id
from confide.adopt.refusals import NotFinished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BATCH = 500
"""Rows that are loaded at once."""


class _InSteps:
    """An operation that is carried out by others, each on what the one before has left."""

    reversible = False
    model_name: str
    name: str
    field: Any

    def steps(self, app_label: str) -> list[Any]:
        """Return the others."""
        raise NotImplementedError

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:  # noqa: ARG002 - Django's signature
        """Carry them out.

        Raises:
            NotFinished: the vault's own tables are not there yet.
        """
        if Token._meta.db_table not in schema_editor.connection.introspection.table_names():  # noqa: SLF001 - Django's documented way
            message = 'The tables of confide are not there: add ("confide", "0001_initial") to the dependencies of this migration.'
            raise NotFinished(message)
        state = from_state
        for step in self.steps(app_label):
            after = state.clone()
            step.state_forwards(app_label, after)
            step.database_forwards(app_label, schema_editor, state, after)
            state = after

    def database_backwards(self, *_given: Any) -> None:
        """Refuse; Django asks `reversible` first."""
        raise NotImplementedError

    def loose(self) -> Any:
        """Return the field as it is while rows lack it."""
        found = self.field.clone()
        getattr(found, "inner", found).null = True
        return found.clone()

    def for_each(self, work: Callable[[Any, str], None], app_label: str) -> Any:
        """Return an operation that does something with each row of the model."""

        def run(apps: Any, schema_editor: Any) -> None:
            using = schema_editor.connection.alias
            for one in _rows(apps.get_model(app_label, self.model_name), using):
                work(one, using)

        return migrations.RunPython(run, migrations.RunPython.noop)


def _rows(model: Any, using: str) -> Iterator[Any]:
    """Yield the rows of a model while they are changed."""
    last: Any = None
    while True:
        rows = model._base_manager.using(using).order_by("pk")  # noqa: SLF001 - Django's documented manager
        batch = list((rows if last is None else rows.filter(pk__gt=last))[:BATCH])
        yield from batch
        if len(batch) < BATCH:
            return
        last = batch[-1].pk


class AddIdentifier(_InSteps, migrations.AddField):
    """Add a RowId() or a SubjectId() to a table with rows."""

    def steps(self, app_label: str) -> list[Any]:
        """Add it empty, give each row its own, and let it be empty no more."""
        loose = self.loose()
        loose.default = None
        model, name = self.model_name, self.name
        return [
            migrations.AddField(model, name, loose),
            self.for_each(self._identify, app_label),
            migrations.AlterField(model, name, self.field),
        ]

    def _identify(self, one: Any, using: str) -> None:
        field = type(one)._meta.get_field(self.name)  # noqa: SLF001 - Django's documented way to ask a model
        if hasattr(field, "follows"):
            described: Any = describe(type(one))
            fill_persons(one, described, using)
            value = getattr(one, field.attname)
        else:
            value = field.to_python(new_id().hex())
        type(one)._base_manager.using(using).filter(pk=one.pk).update(**{self.name: value})  # noqa: SLF001 - Django's documented manager


class Seal(_InSteps, migrations.AlterField):
    """Seal a field of a table with rows."""

    def steps(self, app_label: str) -> list[Any]:
        """Put the sealed column beside the clear one, seal each row, and drop the clear one."""
        model, name, clear = self.model_name, self.name, f"{self.name}_clear"
        return [
            migrations.RenameField(model, name, clear),
            migrations.AddField(model, name, self.loose()),
            self.for_each(self._seal, app_label),
            migrations.RemoveField(model, clear),
            migrations.AlterField(model, name, self.field),
        ]

    def _seal(self, one: Any, using: str) -> None:
        value = getattr(one, f"{self.name}_clear")
        if value is not None:
            setattr(one, self.name, value)
            one.save(using=using, update_fields=[self.name])


def sealing(operations: list[Any]) -> list[Any]:
    """Return operations of a migration that seals: other changes first, then identifiers of rows, of people, and then the fields."""
    return sorted(map(_sealing, operations), key=_turn)


def _sealing(one: Any) -> Any:
    if type(one) is migrations.AlterField and is_personal(one.field):
        return Seal(one.model_name, one.name, one.field)
    if type(one) is migrations.AddField and (_is_row(one.field) or hasattr(one.field, "follows")):
        return AddIdentifier(one.model_name, one.name, one.field)
    return one


def _turn(one: Any) -> int:
    if isinstance(one, AddIdentifier):
        return 1 if _is_row(one.field) else 2
    return 3 if isinstance(one, Seal) else 0


def _is_row(field: Any) -> bool:
    return hasattr(field, "is_row_id")
