"""The command line with another store: `python -m tests.faults.weakened serve …`. It is a control, never a product.

CHECKPOINT_PAGES makes checkpoints frequent enough for a short run to hold many; SYNCHRONOUS (OFF or NORMAL) takes away the syncs that
a promise rests on, so that the check of unsynced writes can be seen to fail.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from confide.cli.main import main
from confide.store import sqlite

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

CHECKPOINT_PAGES, SYNCHRONOUS = "CONTROL_CHECKPOINT_PAGES", "CONTROL_SYNCHRONOUS"
MODULE = "tests.faults.weakened"


def weaken() -> None:
    """Put a connection in the place of the store's own that obeys the two variables."""
    strong, level = sqlite.connect, os.environ.get(SYNCHRONOUS)
    sqlite.WAL_CHECKPOINT_PAGES = int(os.environ[CHECKPOINT_PAGES])

    def connect(path: Path, busy_milliseconds: int = sqlite.BUSY_MILLISECONDS) -> sqlite3.Connection:
        connection = strong(path, busy_milliseconds)
        if level is not None:
            connection.execute(f"PRAGMA synchronous={level}")
        return connection

    sqlite.connect = connect


if __name__ == "__main__":
    weaken()
    main()
