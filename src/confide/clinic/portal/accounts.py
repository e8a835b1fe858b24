"""`POST /accounts`: an administrator makes an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from confide.clinic.portal.door import Answer
from confide.clinic.portal.sign_in import principal
from confide.identity.accounts import check_maker, create_account
from confide.identity.errors import AccountRefused
from confide.identity.model import NewAccount
from confide.values.principal import Role

if TYPE_CHECKING:
    from confide.clinic.portal.door import Door, Request


class AccountBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /accounts`; `patient` is the id of a Patient, for the role patient only."""

    username: str
    password: str
    role: Literal["clinician", "patient", "administrator", "auditor"]
    patient: str | None = None


_ACCOUNT = msgspec.json.Decoder(AccountBody)


async def create(door: Door, request: Request) -> Answer:
    """Answer 201 with the new account's identifier."""
    by = await principal(door, request)
    # Before the body is looked at: nobody else may ask which Patients exist.
    await check_maker(door.identity, by, request.origin, request.now)
    body = await request.json(_ACCOUNT)
    patient = None
    if body.patient is not None:
        patient = await door.patient_key(body.patient)
        if patient is None:
            raise AccountRefused("There is no such Patient.")
    new = NewAccount(body.username, body.password, Role(body.role), patient)
    identifier = await create_account(door.identity, by, new, request.origin, request.now)
    return Answer(201, msgspec.json.encode({"id": identifier.hex(), "role": body.role}))
