"""The one broker: a stream opens for a permit, in its place, under a key that is still there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from confide.access.decide import decide
from confide.access.unseal import stream_opener
from confide.crypto.envelope import HEADER_BYTES
from confide.crypto.errors import DoesNotOpen
from confide.keys.errors import KeyMissing, NotPermitted
from confide.keys.hierarchy import Keyring
from confide.keys.providers import keyfile
from confide.store.opening import open_database
from confide.store.schema import KEYS
from confide.values.ids import KeyRef, Pseudonym, SubjectId, TenantId
from confide.values.permit import Action
from confide.values.place import Place
from confide.values.principal import Principal, Role
from confide.values.purpose import Purpose, PurposeClass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from confide.values.permit import Permit

TENANT, NOW = TenantId(1), 1_700_000_000_000_000
FILE = b"a scan " * 10_000


@pytest.fixture
async def keyring(tmp_path: Path) -> AsyncIterator[Keyring]:
    """A keyring on an empty key database."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'keys.db'}")
    KEYS.create_all(engine)
    engine.dispose()
    database = await open_database(f"sqlite:///{tmp_path / 'keys.db'}")
    keyfile.create(tmp_path / "root.key")
    found = Keyring(database, keyfile.read(tmp_path / "root.key"))
    await found.start(TENANT, NOW)
    yield found
    await database.close()


def permit(tenant: int = 1) -> Permit:
    """A clinician's permit to read."""
    principal = Principal(TenantId(tenant), b"account", Pseudonym(bytes(16)), Role.CLINICIAN, Purpose.TREATMENT, None)
    return decide(principal, Action.READ, "Binary")


def place(subject: bytes = b"s" * 16, row: bytes = b"row") -> Place:
    """A place in one subject's chart."""
    return Place(TENANT, SubjectId(subject), PurposeClass.CARE, b"table", b"column", row)


async def sealed(keyring: Keyring) -> tuple[KeyRef, bytes]:
    """The key's reference and the envelope of a file in its place."""
    key = await keyring.sealer(TENANT, place().subject, PurposeClass.CARE, NOW)
    stream = key.sealing(place().context())
    return key.key_ref, stream.header + stream.update(FILE) + stream.finish()


async def test_a_stream_opens_for_a_permit(keyring: Keyring) -> None:
    """Also after every opened key was forgotten: the opener loads what the headers name."""
    key_ref, envelope = await sealed(keyring)
    keyring.forget()
    stream = (await stream_opener(keyring, permit(), [key_ref], NOW))(place(), envelope[:HEADER_BYTES])

    assert stream.update(envelope[HEADER_BYTES:]) + stream.finish() == FILE


async def test_a_permit_of_another_tenant_opens_no_stream(keyring: Keyring) -> None:
    """As little as it opens a value."""
    key_ref, envelope = await sealed(keyring)
    unseal = await stream_opener(keyring, permit(tenant=2), [key_ref], NOW)

    with pytest.raises(NotPermitted):
        unseal(place(), envelope[:HEADER_BYTES])


async def test_a_stream_under_a_key_that_is_gone_says_so(keyring: Keyring) -> None:
    """A header that names a shredded key is not taken for a damaged file."""
    _, envelope = await sealed(keyring)
    keyring.forget()
    unseal = await stream_opener(keyring, permit(), [KeyRef(b"unknown!")], NOW)

    with pytest.raises(KeyMissing):
        unseal(place(), envelope[:HEADER_BYTES])


@pytest.mark.parametrize("elsewhere", [place(subject=b"o" * 16), place(row=b"another row")])
async def test_a_stream_opens_nowhere_else(keyring: Keyring, elsewhere: Place) -> None:
    """Another person's place is refused by the key, another row's by the first segment."""
    key_ref, envelope = await sealed(keyring)
    unseal = await stream_opener(keyring, permit(), [key_ref], NOW)

    with pytest.raises(DoesNotOpen):
        unseal(elsewhere, envelope[:HEADER_BYTES]).update(envelope[HEADER_BYTES:])
