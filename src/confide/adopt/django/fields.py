"""Declare what is personal in a Django model."""

from __future__ import annotations

from copy import deepcopy
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models

from confide.adopt.django.attribute import PersonalAttribute, RowAttribute
from confide.adopt.django.column import SealedCol, Unchanged
from confide.adopt.django.instrument import instrument
from confide.adopt.django.kinds import kind_of, limit_of
from confide.adopt.django.lookups import lookup_of
from confide.adopt.django.writing import PLAIN, current, is_taken
from confide.adopt.identifiers import new_id
from confide.adopt.refusals import NotSearchable, PlainValue, Undeclared
from confide.crypto.envelope import MAGIC, SHORTEST
from confide.datamap.terms import Category, Erase, Identifiability
from confide.sealed.cell import SHOWN, Cell, Envelope
from confide.sealed.columns import Personal as Declared
from confide.sealed.finding import Find
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Category", "Erase", "Find", "Identifiability", "Personal", "PurposeClass", "RowId", "SubjectId"]
"""What a model needs, in one import."""

_TAKEN = ("verbose_name", "null", "blank", "default", "editable", "choices", "help_text", "db_column", "error_messages")


class Held:
    """What a type checker is told of a field: on an object stands a value, whose type Django does not state."""

    if TYPE_CHECKING:

        def __get__(self, instance: Any, owner: Any = None) -> Any: ...

        def __set__(self, instance: Any, value: Any) -> None: ...


class Personal(Held, models.Field):
    """A personal field: sealed, searched, redacted, exported and erased as it says here, and nowhere else.

    It is put around the field that the model would have without Confide, which still says what the attribute holds, how it is validated
    and what a form shows: `email = Personal(models.EmailField(), is_a=Category.CONTACT, find=Find.EXACT)`.
    """

    descriptor_class = PersonalAttribute
    empty_strings_allowed = False

    def __init__(  # noqa: PLR0913 - one declaration, many parts
        self,
        inner: models.Field,
        *,
        is_a: Category,
        identifiability: Identifiability = Identifiability.DIRECT,
        purpose: PurposeClass = PurposeClass.CONTRACT,
        find: Iterable[Find] | Find = (),
        erase: Erase = Erase.SHRED,
        whose: str = "",
        known_as: str = "",
    ) -> None:
        """Take the field and the declaration.

        Args:
            inner: the field as it would be without Confide. If it is unique, no two rows may have the same value; needs Find.EXACT.
            is_a: what kind of personal data it is.
            identifiability: what it tells about who it is.
            purpose: which of the person's keys seals it; STATUTORY for what the law keeps beyond an erasure.
            find: how it can be searched; each way costs rows in the blind index.
            erase: what an erasure does with it.
            whose: field with the person's identifier, where the model has several.
            known_as: `table.column` that stored values are bound to, where one of the two was renamed since.

        Raises:
            Undeclared, DeclarationRefused
        """
        if inner.primary_key or inner.is_relation:
            message = "A key of a table cannot be sealed: give the model a key of its own, and seal what is personal beside it."
            raise Undeclared(message)
        ways = frozenset({find}) if isinstance(find, Enum) else frozenset(find)
        self.inner = inner.clone()
        self.declared = Declared(is_a, identifiability, purpose, ways, erase, whose, inner.unique, known_as=known_as)
        self.kind, self.limit = kind_of(inner), limit_of(inner)
        super().__init__(**{name: getattr(inner, name) for name in _TAKEN if name != "error_messages"})

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Return what a migration writes down."""
        said, plain = self.declared, Declared(self.declared.category)
        given: dict[str, Any] = {"is_a": said.category}
        for name in ("identifiability", "purpose", "erase", "whose", "known_as"):
            if getattr(said, name) != getattr(plain, name):
                given[name] = getattr(said, name)
        if said.find:
            given["find"] = sorted(said.find, key=lambda find: find.value)
        return self.name, "confide.adopt.django.fields.Personal", [self.inner], given

    def __deepcopy__(self, memo: dict[int, Any]) -> Personal:
        """Return a field for another model, with an inner field of its own."""
        copied: Personal = super().__deepcopy__(memo)
        copied.inner = deepcopy(self.inner, memo)
        return copied

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's signature
        """Take a place in a model."""
        super().contribute_to_class(cls, name, private_only)
        self.inner.set_attributes_from_name(name)
        self.inner.model = cls
        instrument()

    # ------------------------------------------------------------------------------------------------- the database

    def get_internal_type(self) -> str:
        """Return the type of the column: bytes."""
        return "BinaryField"

    def db_check(self, connection: Any) -> str:
        """Return a CHECK by which the database itself refuses what is no envelope, as far as it can tell: the first byte and the length."""
        column = connection.ops.quote_name(self.column)
        if connection.vendor == "postgresql":
            return f"length({column}) >= {SHORTEST} AND get_byte({column}, 0) = {MAGIC}"
        # No comma is followed by a space: Django takes a CREATE TABLE apart at those when it looks at a table of SQLite.
        is_bytes = f"typeof({column}) IN ('blob','null')"
        return f"{is_bytes} AND length({column}) >= {SHORTEST} AND substr({column},1,1) = x'{MAGIC:02X}'"

    def from_db_value(self, value: Any, _expression: Any, _connection: Any) -> Envelope | None:
        """Return what came out of the database; it is not looked at before it is opened."""
        return None if value is None else Envelope(value)

    def pre_save(self, model_instance: Any, add: bool) -> Any:  # noqa: FBT001 - Django's signature
        """Return what is stored for an object, sealed."""
        return current().stored(model_instance, self, add=add)

    def get_prep_value(self, value: Any) -> Any:
        """Return the value as it is; `get_db_prep_value` looks at it."""
        return value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002 - as above
        """Return the envelope of a value that is on its way into the database.

        Raises:
            PlainValue
        """
        if type(value) is Cell and value.envelope is not None:
            return connection.Database.Binary(value.envelope)
        if value is None:
            return None
        if type(value) is Envelope:
            return connection.Database.Binary(bytes(value))
        raise PlainValue(PLAIN)

    def get_default(self) -> Any:
        """Return what a new object holds."""
        return self.inner.get_default()

    def get_col(self, alias: Any, output_field: Any = None) -> SealedCol:
        """Return the column in a query."""
        return SealedCol(alias, self, output_field or self)

    def get_lookup(self, lookup_name: str) -> Any:
        """Return a search; for what ciphertext cannot answer, one that says so."""
        return lookup_of(lookup_name)

    def get_transform(self, lookup_name: str) -> Any:
        """Refuse, since nothing can be computed of ciphertext.

        Raises:
            NotSearchable
        """
        message = f"Nothing can be computed of the sealed field {self.model.__name__}.{self.name} in the database ({lookup_name})."
        raise NotSearchable(message)

    # ------------------------------------------------------------------------------------------ validation and forms

    def to_python(self, value: Any) -> Any:
        """Return a value in the type of the inner field."""
        with_value_hidden = self._hiding(self.inner.to_python)
        return with_value_hidden(value)

    def clean(self, value: Any, model_instance: Any) -> Any:
        """Return the validated value; no message shows it.

        Raises:
            ValidationError
        """
        cleaned = self._hiding(self.inner.clean)(value, model_instance)
        if self.declared.unique and cleaned not in self.empty_values and is_taken(model_instance, self, cleaned):
            raise model_instance.unique_error_message(type(model_instance), (self.name,))
        return cleaned

    def _hiding(self, validating: Any) -> Any:
        def hiding(*given: Any) -> Any:
            try:
                return validating(*given)
            except ValidationError as error:
                found = [
                    ValidationError(one.message, one.code, {**(one.params or {}), "value": SHOWN} if one.params else None)
                    for one in error.error_list
                ]
            raise ValidationError(found)

        return hiding

    def formfield(self, **options: Any) -> Any:
        """Return the form field of the inner field."""
        return self.inner.formfield(**options)

    def value_to_string(self, obj: Any) -> str:
        """Return the opened value for a serialiser, for whoever acts."""
        return str(self.inner.value_to_string(obj))


class RowId(Held, models.UUIDField):
    """The identifier that the values of a row are bound to: random, ordered by time, never changed and never given again.

    A model whose primary key is a UUID needs no other. In the model of a person it names the person as well.
    """

    descriptor_class = RowAttribute
    is_row_id = True

    def __init__(self, *args: Any, **options: Any) -> None:
        """Take what a UUIDField takes."""
        options.setdefault("default", new_uuid)
        options.setdefault("editable", False)
        if not options.get("primary_key"):
            options["unique"] = True
        super().__init__(*args, **options)

    def pre_save(self, model_instance: Any, add: bool) -> Any:  # noqa: FBT001 - Django's signature
        """Leave a stored identifier alone; a row from before the field was added may still lack it."""
        return super().pre_save(model_instance, add) if add or self.primary_key or self.null else Unchanged(self)


def new_uuid() -> UUID:
    """Return a new UUIDv7."""
    return UUID(bytes=new_id())


class SubjectId(Held, models.UUIDField):
    """Whose a row is: the person's identifier, beside the foreign key that the backend has for its own joins."""

    def __init__(self, follows: str = "", *args: Any, **options: Any) -> None:
        """Say where the identifier comes from.

        Args:
            follows: a foreign key; the identifier is copied from the SubjectId() or RowId() of its model, or from the field that is named
                behind a dot. Empty: the backend sets the identifier itself.
            args: as a UUIDField takes it.
            options: as a UUIDField takes it.
        """
        self.follows = follows
        options.setdefault("editable", False)
        options.setdefault("db_index", True)
        super().__init__(*args, **options)

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's signature
        """Take a place in a model."""
        super().contribute_to_class(cls, name, private_only)
        instrument()

    def has_default(self) -> bool:
        """Return that it is filled in: `makemigrations` need not ask for a value of existing rows."""
        return True

    def get_default(self) -> None:
        """Return nothing; whose a row is is found when it is saved."""

    def pre_save(self, model_instance: Any, add: bool) -> Any:  # noqa: FBT001 - as above
        """Return whose the row is, found anew where the foreign key changed."""
        return current().person(model_instance, self, add=add)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Return what a migration writes down."""
        name, path, args, options = super().deconstruct()
        return name, path, [self.follows, *args] if self.follows else args, options
