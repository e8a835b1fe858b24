"""Who may open which objects: the permissions of Django, of a model or of one object, as `django-guardian` and other backends give them.

The policy of the vault says what a role may do at all. With CONFIDE["PERMISSION"] = "open", a user of Django needs the permission
`<app>.open_<model>` besides: for the model, or for the very object that is opened or searched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confide.adopt.django.project import vault
from confide.adopt.errors import NotYours

if TYPE_CHECKING:
    from confide.adopt.scope import Scope
    from confide.sealed.columns import Field


def check(scope: Scope, instance: Any, of: Field) -> None:
    """Return if whoever acts may open an object.

    Raises:
        NotYours
    """
    if not may_open(scope, instance):
        message = f"You have no permission to open {of.name} of this object; ask for {permission(type(instance))}."
        raise NotYours(message)


def permission(model: Any) -> str:
    """Return the permission that opens objects of a model; empty where none is asked for."""
    word, own = vault().permission, model._meta.concrete_model._meta  # noqa: SLF001 - Django's documented way to ask a model
    return f"{own.app_label}.{word}_{own.model_name}" if word else ""


def is_limited(scope: Scope, model: Any) -> bool:
    """Tell whether whoever acts may open some objects of a model only, if any; a job without a user acts as its code says."""
    wanted = permission(model)
    if not wanted or scope.user is None:
        return False
    known = ("limited", wanted)
    if known not in scope.at_hand:
        scope.at_hand[known] = not scope.user.has_perm(wanted)
    return bool(scope.at_hand[known])


def may_open(scope: Scope, instance: Any) -> bool:
    """Tell whether whoever acts may open an object."""
    if not is_limited(scope, type(instance)):
        return True
    known = ("may", permission(type(instance)), instance.pk)
    if known not in scope.at_hand:
        scope.at_hand[known] = bool(scope.user.has_perm(known[1], instance))
    return bool(scope.at_hand[known])
