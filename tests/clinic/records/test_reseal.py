"""Data keys are renewed and what they sealed is sealed again, while everything stays readable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.cli import keys as command
from confide.clinic.app import TENANT, clock
from confide.clinic.records import reseal
from confide.keys import rotate
from confide.values.principal import Role
from tests.clinic.practice import observation, open_practice, patient

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.clinic.practice import Client, Practice

YEARS = 3 * 365 * 86_400 * 1_000_000


async def fill(client: Client) -> list[str]:
    """Store documents of every kind of key; return their addresses."""
    one, two = await client.create(patient("One")), await client.create(patient("Two"))
    seen = await client.create(observation(one["id"]))
    await client.put(seen | {"valueString": "changed"})
    shared = {
        "resourceType": "Appointment",
        "status": "proposed",
        "participant": [{"actor": {"reference": f"Patient/{who['id']}"}, "status": "accepted"} for who in (one, two)],
    }
    made = [one, two, seen, await client.create(shared), await client.create({"resourceType": "Practitioner", "name": [{"family": "Doc"}]})]
    return [f"{each['resourceType']}/{each['id']}/_history" for each in made]


async def shown(client: Client, addresses: list[str]) -> list[object]:
    """Return every version."""
    return [(await client.get(address)).json()["entry"] for address in addresses]


async def renew(practice: Practice, monkeypatch: pytest.MonkeyPatch, later: int) -> str:
    """Run the rotation of data keys at a later time."""
    monkeypatch.setattr(command, "clock", lambda: clock() + later)
    practice.now[0] = later
    return await command.data(practice.house, lambda _count: None)


async def test_everything_is_sealed_again_and_reads_as_before(tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three years later every data key is due: each has a newer one, nothing is sealed under the old ones, and they go later."""
    monkeypatch.setattr(reseal, "BATCH", 2)
    async with open_practice(tmp_path, store_url) as practice:
        client = practice.client(await practice.token(Role.CLINICIAN))
        addresses = await fill(client)
        before, old = await shown(client, addresses), await reseal.in_use(practice.database, TENANT)

        assert await renew(practice, monkeypatch, YEARS) == "4 superseded data keys, 0 of them in use, 0 destroyed"
        assert not old & await reseal.in_use(practice.database, TENANT)
        practice.house.keyring.forget()
        client = practice.client(await practice.token(Role.CLINICIAN))
        assert await shown(client, addresses) == before
        again = await renew(practice, monkeypatch, YEARS + 36 * 86_400 * 1_000_000)
        assert again == "4 superseded data keys, 0 of them in use, 4 destroyed"
        practice.house.keyring.forget()
        client = practice.client(await practice.token(Role.CLINICIAN))
        assert await shown(client, addresses) == before


async def test_a_key_that_still_seals_something_is_never_destroyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was stopped before it sealed anything again leaves the old keys in use, however old they are."""
    async with open_practice(tmp_path) as practice:
        client = practice.client(await practice.token(Role.CLINICIAN))
        addresses = await fill(client)
        before = await shown(client, addresses)

        async def stopped(*_arguments: object) -> None:
            """Seal nothing."""

        with monkeypatch.context() as patch:
            patch.setattr(reseal, "reseal", stopped)
            await renew(practice, monkeypatch, YEARS)
            assert await renew(practice, monkeypatch, 2 * YEARS - 1) == "8 superseded data keys, 4 of them in use, 0 destroyed"
            later = 2 * YEARS + 36 * 86_400 * 1_000_000
            assert await renew(practice, monkeypatch, later) == "8 superseded data keys, 4 of them in use, 4 destroyed"
        assert len(await rotate.superseded(practice.house.keys, TENANT)) == 4
        practice.house.keyring.forget()
        client = practice.client(await practice.token(Role.CLINICIAN))
        assert await shown(client, addresses) == before
