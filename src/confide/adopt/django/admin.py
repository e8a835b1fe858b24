"""Personal fields in Django's admin: the list shows what whoever looks may see, and the box searches the blind index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages

from confide.access.errors import AccessError
from confide.adopt.django.described import personal_fields
from confide.adopt.errors import NotYours
from confide.keys.errors import KeyMissing
from confide.sealed.cell import SHOWN
from confide.sealed.errors import SealedError

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOSED = (AccessError, NotYours, KeyMissing)
"""Why a value may stay closed in a list: the policy, the permission, an erasure."""


class PersonalAdmin(admin.ModelAdmin):
    """An admin for a model with personal fields.

    `search_fields` name look-ups that the fields declare: `"^name"` for the beginning, `"=email"` for the whole value.
    """

    def get_list_display(self, request: Any) -> list[Any]:
        """Return the columns; a personal one is not sorted by, and what does not open is shown as sealed."""
        fields = {one.name: one for one in personal_fields(self.model)}
        return [_column(fields[one]) if one in fields else one for one in super().get_list_display(request)]

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Return what is found; what cannot be searched for finds nothing, and says why."""
        try:
            found: tuple[Any, bool] = super().get_search_results(request, queryset, search_term)
        except SealedError as error:
            self.message_user(request, str(error), messages.WARNING)
            return queryset.none(), False
        return found

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        """Return whether somebody may change an object: only one that they may open."""
        return bool(super().has_change_permission(request, obj)) and _opens(obj)

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        """Return whether somebody may see the page of an object: only of one that they may open."""
        return bool(super().has_view_permission(request, obj)) and _opens(obj)


def _opens(obj: Any) -> bool:
    if obj is None:
        return True
    try:
        for one in personal_fields(type(obj)):
            getattr(obj, one.attname)
    except _CLOSED:
        return False
    return True


def _column(field: Any) -> Callable[[Any], Any]:
    def shown(instance: Any) -> Any:
        try:
            return getattr(instance, field.attname)
        except _CLOSED:
            return SHOWN

    shown.__name__ = field.name
    shown.short_description = field.verbose_name  # type: ignore[attr-defined]  # where the admin looks for it
    return shown
