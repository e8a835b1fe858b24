"""Something that an operator does with the keys of a vault as a whole, and its event in the backend's audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.adopt.parts import clock
from confide.adopt.storing import store
from confide.audit import append
from confide.audit.append import Origin, Told
from confide.store.work import Unit

if TYPE_CHECKING:
    from confide.adopt.parts import Parts
    from confide.adopt.scope import Scope


async def tell(parts: Parts, scope: Scope, action: str) -> None:
    """Store the event of a deed of whoever acts in a scope; durable on return.

    Raises:
        Unavailable, StillWriting
    """
    told = Told("keys", action, "success", "role.operator")
    step = await append.step(parts.keyring, scope.tenant, scope.principal, Origin(scope.request, None), told, clock())
    await store(parts.data, Unit((step,)), parts.settings.wait_seconds)
