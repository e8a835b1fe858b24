"""What keys there are, how old they are, and what is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from confide.keys import store
from confide.keys.tenant import epoch_slot, root_slot
from confide.keys.wraps import DEK, INDEX, KEK, SEARCH, KeyRow

if TYPE_CHECKING:
    from confide.keys.policy import Policy
    from confide.store.work import Database
    from confide.values.ids import TenantId

SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One key, or all of one kind."""

    name: str
    age: int
    """In seconds; of the oldest, where there are several."""
    keys: int
    """How many keys stand under it, or how many there are."""
    state: str
    """living, superseded, destroyed, or due: what the policy asks for."""


async def status(database: Database, tenant: TenantId, policy: Policy, now: int) -> list[Line]:
    """Return a line for each root, epoch, KEK and index key, and one for the keys of persons."""
    counts = [row for row in await database.fetch(store.COUNTS, {}) if row[0] == tenant]
    under_root = {row[2]: row[4] for row in counts if row[1] == KEK}
    in_epoch: dict[int, int] = {}
    under_kek: dict[int, int] = {}
    for _, kind, wrapper, epoch, number, _, _ in counts:
        if kind != KEK:
            in_epoch[epoch] = in_epoch.get(epoch, 0) + number
            under_kek[wrapper] = under_kek.get(wrapper, 0) + number
    lines = []
    for kind, number, _, _, made, superseded, destroyed in await database.fetch(store.SLOTS, {}):
        name = root_slot(number) if kind == "root" else epoch_slot(number)
        used = (under_root if kind == "root" else in_epoch).get(number, 0)
        limit = policy.root if kind == "root" else policy.epoch
        lines.append(Line(name, (now - made) // SECOND, used, _state(superseded, destroyed, (now - made) // SECOND, limit)))
    keks = [KeyRow(*row) for row in await database.fetch(store.OF_KIND, {"tenant": tenant, "kind": KEK})]
    newest = max(row.generation for row in keks)
    for row in keks:
        age = (now - row.created) // SECOND
        superseded = row.created if row.generation < newest else None
        lines.append(Line(f"kek-{row.generation}", age, under_kek.get(row.generation, 0), _state(superseded, None, age, policy.kek)))
    searches = [KeyRow(*row) for row in await database.fetch(store.OF_KIND, {"tenant": tenant, "kind": INDEX})]
    indexes = [row for row in searches if row.purpose_class == SEARCH]
    for row in indexes:
        age = (now - row.created) // SECOND
        superseded = row.created if row is not indexes[-1] else None
        lines.append(Line(f"index-{row.generation}", age, 0, _state(superseded, None, age, policy.dek)))
    persons = [row for row in counts if row[1] == DEK]
    if persons:
        age = (now - min(row[5] for row in persons)) // SECOND
        lines.append(Line("data keys", age, sum(row[4] for row in persons), _state(None, None, age, policy.dek)))
    return lines


def _state(superseded: int | None, destroyed: int | None, age: int, limit: int) -> str:
    if destroyed is not None:
        return "destroyed"
    if superseded is not None:
        return "superseded"
    return "due" if age >= limit else "living"
