"""Accounts: who makes them, and what the database may know of them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from confide.crypto.errors import DoesNotOpen
from confide.identity import parts
from confide.identity.accounts import by_id, create_account, has_administrator
from confide.identity.errors import AccountRefused, NotAllowed, PasswordRefused, UsernameTaken
from confide.identity.model import NewAccount
from confide.identity.tokens import resolve
from confide.values.ids import DocumentKey
from confide.values.principal import Role
from tests.identity.ward import NOW, OPERATOR, ORIGIN, PASSWORD, open_ward

if TYPE_CHECKING:
    from pathlib import Path

    from tests.identity.ward import Ward


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.PATIENT, Role.AUDITOR])
async def test_only_administrator_and_operator_make_accounts(ward: Ward, role: Role) -> None:
    """Anyone else is refused, and the refusal is told."""
    by = type(OPERATOR)(OPERATOR.tenant, OPERATOR.account, OPERATOR.pseudonym, role, OPERATOR.purpose, None)
    with pytest.raises(NotAllowed):
        await create_account(ward.identity, by, NewAccount("nurse.two", PASSWORD, Role.CLINICIAN), ORIGIN, NOW)

    assert await ward.events() == [("create-account", "refused", "identity.not-allowed")]


@pytest.mark.parametrize(
    ("role", "patient"),
    [(Role.OPERATOR, None), (Role.PATIENT, None), (Role.CLINICIAN, DocumentKey(7)), (Role.ADMINISTRATOR, DocumentKey(7))],
)
async def test_role_and_patient_go_together(ward: Ward, role: Role, patient: DocumentKey | None) -> None:
    """The operator is never given out; a patient account names its Patient, and no other does."""
    with pytest.raises(AccountRefused):
        await create_account(ward.identity, OPERATOR, NewAccount("nurse.two", PASSWORD, role, patient), ORIGIN, NOW)


async def test_a_patient_account_is_a_principal_of_its_patient(ward: Ward) -> None:
    """The compartment that SQL enforces comes from the account's row."""
    new = NewAccount("patient.one", PASSWORD, Role.PATIENT, DocumentKey(2**62))
    account = await by_id(ward.identity, await create_account(ward.identity, OPERATOR, new, ORIGIN, NOW))

    assert account is not None
    assert account.patient == 2**62


async def test_a_username_is_given_once(ward: Ward) -> None:
    """Also in another spelling."""
    await ward.make("nurse.one")

    with pytest.raises(UsernameTaken):
        await ward.make("Nurse.ONE")


async def test_weak_passwords_make_no_account(ward: Ward) -> None:
    """The rules of `rules.py` hold where accounts are made."""
    with pytest.raises(PasswordRefused):
        await create_account(ward.identity, OPERATOR, NewAccount("nurse.two", "password1", Role.CLINICIAN), ORIGIN, NOW)


async def test_there_is_no_administrator_until_one_is_made(ward: Ward) -> None:
    """Other roles do not count."""
    await ward.make("nurse.one")
    before = await has_administrator(ward.identity)
    await ward.make("chief.one", Role.ADMINISTRATOR)

    assert (before, await has_administrator(ward.identity)) == (False, True)


async def test_secrets_are_bound_to_their_row(ward: Ward) -> None:
    """A password envelope moved from one account to another does not open there."""
    first, second = await ward.make("nurse.one"), await ward.make("nurse.two")
    account = await by_id(ward.identity, first)
    assert account is not None

    with pytest.raises(DoesNotOpen):
        await ward.identity.open(parts.ACCOUNT, parts.PASSWORD, second, account.password, NOW)


async def test_the_database_files_hold_no_plaintext(tmp_path: Path) -> None:
    """Username, password, its hash, TOTP secret and token are in no byte of the files, in no usual encoding."""
    async with open_ward(f"sqlite:///{tmp_path / 'data.db'}", tmp_path) as ward:
        secret, signed_in = await ward.enrolled("canary.nurse")
        principal = await resolve(ward.identity, signed_in.token, NOW)
        assert principal is not None
        files = everything_in(tmp_path)
    canaries = ["canary.nurse", PASSWORD, "$argon2id", secret, signed_in.token, signed_in.token.removeprefix("cfd_")]
    forms = [form for text in canaries for form in encodings(text.encode())]

    assert principal.account in files  # the scan reads what was written
    assert [form for form in forms if form in files] == []


def everything_in(folder: Path) -> bytes:
    """The bytes of all files of a folder, write-ahead logs among them."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def encodings(raw: bytes) -> list[bytes]:
    """The forms in which a value might lie in a file."""
    wide = [raw.decode().encode(form) for form in ("utf-16-le", "utf-16-be")]
    return [raw, *wide, raw.hex().encode(), raw.hex().upper().encode(), base64.b64encode(raw).rstrip(b"=")[:-1]]
