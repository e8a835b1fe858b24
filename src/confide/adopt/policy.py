"""The policy of an adopting backend, which decides by itself which rows somebody sees: here stands who may open what is in them."""

from __future__ import annotations

from confide.access.policy import Sentence
from confide.values.permit import Action, Reach
from confide.values.principal import Role

_READING = frozenset({Action.READ, Action.SEARCH, Action.HISTORY})
_ALL = _READING | {Action.CREATE, Action.UPDATE, Action.DELETE, Action.EXPORT, Action.ERASE}

ADOPTED: tuple[Sentence, ...] = (
    Sentence("staff-work", Role.STAFF, _ALL, None, Reach.TENANT, "role.staff"),
    Sentence("subject-own", Role.SUBJECT, _READING | {Action.EXPORT}, None, Reach.COMPARTMENT, "self"),
    Sentence("operator-migration", Role.OPERATOR, _ALL | {Action.MAINTAIN}, None, Reach.TENANT, "role.operator"),
)
"""A backend with finer roles hands in sentences of its own, for single tables or actions."""
