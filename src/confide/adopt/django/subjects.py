"""Whose a row is: the identifier of the person, found through the foreign key that its model names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confide.adopt.django.described import source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confide.adopt.bound import Person
    from confide.adopt.django.described import Described


def fill_persons(instance: Any, described: Described, using: str, former: Mapping[str, Any] | None = None) -> None:
    """Set the subject fields of an object that follow a foreign key; `former` is what is stored."""
    held = instance.__dict__
    for person in described.persons:
        if not person.relationship or any(link not in held for link in person.links):
            continue
        if former is not None and all(held[link] == former[link] for link in person.links):
            held[person.key] = former[person.key]
        else:
            held[person.key] = _found(instance, person, described, using)


def _found(instance: Any, person: Person, described: Described, using: str) -> Any:
    key = described.model._meta.get_field(person.relationship)  # noqa: SLF001 - Django's documented way to ask a model
    value, target = instance.__dict__[key.attname], key.remote_field.model
    if value is None:
        return None
    attribute = source(person, target)
    related = key.get_cached_value(instance, None)
    if related is not None and related.__dict__.get(person.remote[0]) == value and related.__dict__.get(attribute) is not None:
        return related.__dict__[attribute]
    rows = target._base_manager.using(using).filter(**{person.remote[0]: value})  # noqa: SLF001 - as above
    return rows.values_list(attribute, flat=True).first()
