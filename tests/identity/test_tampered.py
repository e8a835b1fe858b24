"""Whoever writes to the database makes no session, no account and no other rights."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from confide.clinic.app import clock
from confide.clinic.records.store import DOCUMENT
from confide.identity.store import ACCOUNT, BEARER
from confide.values.ids import uuid_bytes
from confide.values.principal import Role
from tests.clinic.practice import observation, open_practice, patient

if TYPE_CHECKING:
    from pathlib import Path

FAR = 10**15


async def test_a_session_that_somebody_wrote_is_none(tmp_path: Path, store_url: str) -> None:
    """Neither a new one, nor one's own given to another account, nor one that is made to last."""
    async with open_practice(tmp_path, store_url) as practice:
        clinician, own = await practice.token(Role.CLINICIAN), await practice.token(Role.AUDITOR)
        made = await practice.client(clinician).create(patient())
        [(account,)] = await practice.sql(sa.select(ACCOUNT.c.id).where(ACCOUNT.c.role == "clinician"))
        mine = secrets.token_urlsafe(32)
        digest = hashlib.sha256(f"cfd_{mine}".encode()).digest()
        forged = sa.insert(BEARER).values(digest=digest, account=account, issued=clock(), expires=clock() + FAR, proof=bytes(32))
        await practice.sql(forged)
        assert (await practice.client(f"cfd_{mine}").get(f"Patient/{made['id']}")).status_code == 401

        await practice.sql(sa.update(BEARER).values(account=account))
        assert (await practice.client(own).get(f"Patient/{made['id']}")).status_code == 401


@pytest.mark.parametrize("changed", [{"role": "clinician"}, {"totp": None}, {"pseudonym": bytes(16)}, {"patient": 1}])
async def test_an_account_that_somebody_changed_is_none(tmp_path: Path, store_url: str, changed: dict[str, object]) -> None:
    """Its role, its patient, its second factor, its name in the trail."""
    async with open_practice(tmp_path, store_url) as practice:
        made = await (await practice.sign_in(Role.CLINICIAN)).create(patient())
        token = await practice.token(Role.PATIENT, made["id"])
        client = practice.client(token)
        assert (await client.get(f"Patient/{made['id']}")).status_code == 200
        if "totp" in changed:
            changed = {"demo": -1}  # accounts of a practice have no second factor yet; this is another fact of theirs
        await practice.sql(sa.update(ACCOUNT).where(ACCOUNT.c.role == "patient").values(**changed))

        assert (await client.get(f"Patient/{made['id']}")).status_code == 401


async def test_a_document_that_was_pointed_at_another_patient_does_not_open(tmp_path: Path, store_url: str) -> None:
    """The compartment that is asked for is the one that the envelope is bound to."""
    async with open_practice(tmp_path, store_url) as practice:
        clinician = await practice.sign_in(Role.CLINICIAN)
        victim, thief = await clinician.create(patient("Victim")), await clinician.create(patient("Thief"))
        secret = await clinician.create(observation(victim["id"]))
        client = await practice.sign_in(Role.PATIENT, thief["id"])
        this = sa.update(DOCUMENT).where(DOCUMENT.c.id == uuid_bytes(secret["id"]))
        await practice.sql(this.values(patient=await practice.patient_key(thief["id"])))
        assert (await client.get(f"Observation/{secret['id']}")).status_code in {404, 500}
        assert (await client.get("Observation")).status_code == 500
        await practice.sql(this.values(patient=None, compartments=0, type="Medication"))

        assert (await client.get(f"Medication/{secret['id']}")).status_code in {404, 500}
