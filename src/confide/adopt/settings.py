"""What a vault needs to know: one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from confide.adopt.policy import ADOPTED
from confide.keys.choice import KeyFileChoice
from confide.keys.policy import Policy
from confide.values.ids import TenantId

if TYPE_CHECKING:
    from confide.access.policy import Sentence
    from confide.keys.choice import Choice

LEDGER = "shred.ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the keys are, where events go, and how long anybody waits."""

    keys: str = field(repr=False)
    """The key database, `sqlite:///path` or `postgresql://…`: another one than that of the data, with backups of its own."""
    provider: Choice
    """What holds the root key; a path stands for a key file, see `of`."""
    database: str = field(repr=False)
    """The backend's own database in the same two forms; audit events are stored there."""
    ledger: Path
    """The shred ledger: a file that belongs in no backup of either database."""
    tenants: tuple[TenantId, ...] = (TenantId(1),)
    policy: tuple[Sentence, ...] = ADOPTED
    lifetimes: Policy = field(default_factory=Policy)
    """How long keys serve."""
    cache_seconds: int = 120
    """After this long at the latest a key that was shredded elsewhere opens nothing here any more."""
    wait_seconds: float = 10.0
    """How long a thread or an event loop waits for the keys or the audit trail."""


def of(*, keys: str, key_file: Path | str, database: str, ledger: Path | str | None = None) -> Settings:
    """Return the settings for a key file; the shred ledger lies beside it unless it is named."""
    path = Path(key_file)
    return Settings(
        keys=keys, provider=KeyFileChoice(path), database=database, ledger=path.with_name(LEDGER) if ledger is None else Path(ledger)
    )
