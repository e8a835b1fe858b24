"""Take the accounts of a person away, with their tokens and tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.identity import store
from confide.store.work import Alter
from confide.values.ids import SubjectId

if TYPE_CHECKING:
    from confide.store.work import Database
    from confide.values.ids import DocumentKey


async def accounts_of(database: Database, patient: DocumentKey) -> list[SubjectId]:
    """Return the identifiers of a patient's accounts, which are also the subjects of their keys."""
    return [SubjectId(row[0]) for row in await database.fetch(store.OF_PATIENT, {"patient": patient})]


def steps(account: bytes) -> list[Alter]:
    """Return the steps that take an account away and end its sessions."""
    gone = {"account": account}
    return [Alter(store.DROP_BEARERS, gone, None), Alter(store.DROP_TICKETS, gone, None), Alter(store.DROP_ACCOUNT, gone, None)]
