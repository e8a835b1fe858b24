"""Write the Alembic revision that takes a database from its last revision to the tables of this program.

    python tools/make_migration.py data "records: add a column"

The revision is compared on SQLite; read it, and let the tests run it on PostgreSQL.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command

import confide.clinic.app  # noqa: F401 - declares every table
from confide.store.migrate import FOLDER, Which, configuration, upgrade, with_connection


def main(which: Which, message: str) -> None:
    """Bring an empty database to the last revision, then write down what it lacks."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'empty.db'}"
        upgrade(url, which)

        def work(connection: object) -> None:
            found = configuration(which)
            found.attributes["connection"] = connection
            number = len(list((FOLDER / which.value / "versions").glob("*.py"))) + 1
            command.revision(found, message, autogenerate=True, rev_id=f"{number:04d}")

        with_connection(url, work)


if __name__ == "__main__":
    main(Which(sys.argv[1]), sys.argv[2])
