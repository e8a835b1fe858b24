"""What the values of a Django field are in Python, and so how they are sealed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import models

from confide.adopt.refusals import Undeclared
from confide.sealed import kinds

if TYPE_CHECKING:
    from confide.sealed.kinds import Kind

_BY_FIELD: tuple[tuple[Any, Any], ...] = (
    (models.FileField, None),  # a file lies elsewhere: `sealed.files`
    (models.DateTimeField, dt.datetime),
    (models.DateField, dt.date),
    (models.TimeField, dt.time),
    (models.DurationField, dt.timedelta),
    (models.CharField, str),
    (models.TextField, str),
    (models.GenericIPAddressField, str),
    (models.BooleanField, bool),
    (models.IntegerField, int),
    (models.FloatField, float),
    (models.DecimalField, Decimal),
    (models.UUIDField, UUID),
    (models.JSONField, dict),
    (models.BinaryField, bytes),
)
"""The first that fits: a moment is a date as well."""


def kind_of(field: Any) -> Kind:
    """Return the kind of the values of a field.

    Raises:
        Undeclared: no kind holds them.
    """
    found = next((kind for of, kind in _BY_FIELD if isinstance(field, of)), None)
    if found is None:
        message = f"The values of a {type(field).__name__} cannot be sealed: use a field of texts, numbers, dates, bytes or JSON."
        raise Undeclared(message)
    return kinds.kind_of(found)


def limit_of(field: Any) -> int | None:
    """Return how long a text may be, in characters."""
    return field.max_length if isinstance(field, models.CharField | models.TextField) else None
