"""How long keys serve."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How long keys serve, in seconds."""

    epoch: int = 7 * 86_400
    """A week: with the grace time, how long an erased person's key survives in old copies of the key table."""
    grace: int = 86_400
    """A day between the end of an epoch and the destruction of its key: time to take, and to restore, a backup of keys."""
    kek: int = 365 * 86_400
    root: int = 365 * 86_400
    searches: int = 35 * 86_400
    """Five weeks: how long it can be read what was searched for when the answer was about no one person."""
    dek: int = 2 * 365 * 86_400
    """Ages at which `status` says that a rotation is due; of the index key as well (NIST SP 800-57 part 1, 5.3.6: one to two years)."""

    retired: int = 35 * 86_400
    """How long a superseded key of a person is kept: as long as backups of the data that are sealed under it."""

    def horizon(self, destruction: int) -> int:
        """Return after how many seconds a shredded key is gone from every copy of the key table.

        Args:
            destruction: how long the provider takes to destroy an epoch for good, in seconds
        """
        return self.epoch + self.grace + destruction
