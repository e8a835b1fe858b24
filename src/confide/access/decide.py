"""Decide, without doing: the only place where a `Permit` comes to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.access.errors import Denied
from confide.access.policy import POLICY
from confide.values.permit import Permit, Reach

if TYPE_CHECKING:
    from confide.access.policy import Sentence
    from confide.values.permit import Action
    from confide.values.principal import Principal


def decide(principal: Principal, action: Action, resource_type: str, policy: tuple[Sentence, ...] = POLICY) -> Permit:
    """Return the permit that the first fitting sentence gives.

    Raises:
        Denied: no sentence fits; nothing is told about what exists.
    """
    for sentence in policy:
        if sentence.role is not principal.role or action not in sentence.actions:
            continue
        if sentence.types is not None and resource_type not in sentence.types:
            continue
        if sentence.reach is Reach.COMPARTMENT and principal.patient is None:
            continue
        return Permit(principal, action, resource_type, sentence.reach, sentence.explanation, sentence.name)
    message = "Your role does not allow this."
    raise Denied(message)
