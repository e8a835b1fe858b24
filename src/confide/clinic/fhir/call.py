"""What one request carries down the house: who, when, why, and the parts it works with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from confide.access.authorise import authorise
from confide.audit import append
from confide.clinic.records.attachments import Reader
from confide.store.work import Unit
from confide.values.ids import time_ordered_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from confide.access.authorise import Rows
    from confide.audit.append import Origin, Told
    from confide.clinic.records.blind import BlindIndex
    from confide.clinic.records.filing import Files
    from confide.keys.hierarchy import Keyring
    from confide.store.work import Add, Alter, Database
    from confide.values.ids import DocumentKey
    from confide.values.permit import Action, Permit
    from confide.values.principal import Principal


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for."""

    resource_bytes: int
    bundle_bytes: int
    binary_bytes: int
    """Largest content of a Binary that is sent by itself."""
    default_count: int
    max_count: int
    total_cap: int
    """Most candidates that are opened to count exactly (`_total=accurate`)."""
    across_patients: frozenset[str]
    """`Type.param` names that may be searched without naming a patient."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the house that interactions use; built once, in `clinic/app.py`."""

    database: Database
    keyring: Keyring
    index: BlindIndex
    limits: Limits
    base: str
    """Public address of the FHIR endpoint, without a slash at its end."""
    files: Files
    counter: Iterator[int] = field(default_factory=lambda: count(secrets.randbits(20)))
    """Tells apart keys of one millisecond; starts at random, so that two workers rarely meet (and then one gets a 409)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    parts: Parts
    principal: Principal
    origin: Origin
    now: int
    """Microseconds since 1970, read once at the door."""

    def rows(self, resource_type: str, action: Action) -> Rows:
        """Return the only rows this request may touch; raises `Denied`."""
        return authorise(resource_type, self.principal, action)

    def reader(self, permit: Permit) -> Reader:
        """Return what opens documents and their files for this request."""
        parts = self.parts
        return Reader(parts.files, parts.database, parts.keyring, permit, self.now)

    def new_key(self) -> DocumentKey:
        """Return a fresh storage key."""
        return time_ordered_key(self.now // 1000, next(self.parts.counter))

    async def commit(self, told: Sequence[Told], steps: Sequence[Add | Alter] = ()) -> None:
        """Store steps and the events that tell about them, whole or not at all; durable on return."""
        tenant = self.principal.tenant
        events = [await append.step(self.parts.keyring, tenant, self.principal, self.origin, one, self.now) for one in told]
        await self.parts.database.commit(Unit((*steps, *events)))
