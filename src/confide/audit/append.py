"""Append an event in the transaction of what it tells about. No event, no answer."""

from __future__ import annotations

import secrets
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confide.audit import event as events
from confide.audit import store
from confide.audit.errors import EventTooLarge
from confide.keys.hierarchy import Cell
from confide.store.work import Add
from confide.values.ids import NO_SUBJECT, SubjectId
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    import sqlalchemy as sa

    from confide.keys.hierarchy import Keyring
    from confide.values.ids import Pseudonym, TenantId
    from confide.values.permit import Permit
    from confide.values.principal import Principal

TABLE, COLUMN = b"audit_outbox", b"sealed"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from, as far as the audit trail may tell."""

    request: str
    network: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """What an event tells besides who and when."""

    type: str
    action: str
    outcome: str
    explanation: str
    sentence: str | None = None
    patients: tuple[Pseudonym, ...] = ()
    resources: tuple[Pseudonym, ...] = ()
    parameters: tuple[str, ...] = ()
    values: bytes | None = None
    """Search parameter values; they are sealed, bound to the event."""
    subject: SubjectId = NO_SUBJECT
    """The one person whom the answer is about: the values die with their key. Else they die with the key of their week."""


def outbox_in(metadata: sa.MetaData) -> sa.Table:
    """Return the outbox as a table of an adopting backend's own database."""
    there = metadata.tables.get(store.OUTBOX.name)
    return store.OUTBOX.to_metadata(metadata) if there is None else there


def granted(permit: Permit, outcome: str = "success", **told: object) -> Told:
    """Return what is told about a granted action."""
    return Told("rest", permit.action.value, outcome, permit.explanation, permit.sentence, **told)  # type: ignore[arg-type]


async def step(keyring: Keyring, tenant: TenantId, principal: Principal | None, origin: Origin, told: Told, now: int) -> Add:
    """Return the step that appends an event to a unit of work.

    Raises:
        EventTooLarge: the event does not fit a leaf; ask for fewer results at once.
    """
    identifier, text, time, salt = events.stamp(now, secrets.token_bytes(events.ENTROPY_BYTES))
    sealed = None
    if told.values is not None:
        cell = Cell(tenant, TABLE, COLUMN, identifier, told.subject, PurposeClass.CARE if told.subject else PurposeClass.SEARCHES)
        sealed = b64encode(await keyring.seal_service(cell, told.values, now)).decode()
    body = events.encode(
        events.Event(
            action=told.action,
            actor=principal.pseudonym.hex() if principal else None,
            explanation=told.explanation,
            id=text,
            network=origin.network,
            outcome=told.outcome,
            parameters=told.parameters,
            patients=events.pseudonyms(list(told.patients)),
            purpose=principal.purpose.value if principal else None,
            request=origin.request,
            resources=events.pseudonyms(list(told.resources)),
            role=principal.role.value if principal else None,
            salt=salt,
            sealed=sealed,
            sentence=told.sentence,
            time=time,
            type=told.type,
            version=1,
        )
    )
    if len(body) > events.MAX_BYTES:
        message = "The audit event of this request would be too large: ask for fewer results at once."
        raise EventTooLarge(message)
    return Add(store.APPEND, [(identifier, tenant, body)])
