"""The vault's own thread: bounded waits, forks, restarts, and no way to wait in a circle."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from confide.adopt.begin import begin
from confide.adopt.errors import KeysLost, Misused, TimedOut
from confide.adopt.sqlalchemy.vault import Vault, address
from confide.keys.errors import KeyFileRefused, KeyMissing
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from pathlib import Path

    from tests.adopt.town import Town


def stored(town: Town, engine: sa.Engine, count: int = 3) -> None:
    """Store some customers."""
    with Session(engine) as session:
        session.add_all([town.Customer(name=f"Person {at}") for at in range(count)])
        session.commit()


def names(town: Town, engine: sa.Engine) -> set[str]:
    """Read them back."""
    with town.vault.acting("clerk", Purpose.SERVICE_PROVISION), Session(engine) as session:
        return {one.name for one in session.scalars(sa.select(town.Customer))}


def test_a_vault_starts_when_it_is_first_used(town: Town, engine: sa.Engine) -> None:
    """And again after it was closed."""
    assert not [thread for thread in threading.enumerate() if thread.name == "confide-vault"]
    stored(town, engine)
    assert names(town, engine) == {"Person 0", "Person 1", "Person 2"}
    town.vault.close()
    town.vault.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "confide-vault"]

    assert names(town, engine) == {"Person 0", "Person 1", "Person 2"}


def test_cache_hits_stay_in_their_thread(town: Town, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a key is at hand, opening and sealing hand nothing to the vault's thread."""
    with town.vault.acting("clerk", Purpose.SERVICE_PROVISION), Session(engine) as session:
        session.add(town.Customer(name="Ada"))
        session.commit()
        one = session.scalars(sa.select(town.Customer)).one()
        assert one.name == "Ada"
        submitted: list[Any] = []
        submit = town.vault._background.submit

        def counted(work: Any) -> Any:
            submitted.append(work)
            return submit(work)

        monkeypatch.setattr(town.vault._background, "submit", counted)
        session.expire(one)
        assert one.name == "Ada"
        one.name = "Ben"
        session.commit()

        assert submitted == []


def test_nobody_waits_longer_than_the_settings_say(town: Town) -> None:
    """A provider or a database that hangs costs so many seconds, not a worker."""
    quick = Vault(town.Base, replace(town.vault.settings, wait_seconds=0.2)).start()
    began = time.monotonic()
    with pytest.raises(TimedOut, match=r"0\.2 seconds"):
        quick.run(lambda _parts: asyncio.sleep(30))

    assert time.monotonic() - began < 5
    assert quick.tenant() == 1
    quick.close()


def test_an_event_loop_that_waits_goes_on(town: Town) -> None:
    """The same from asynchronous code."""

    async def work() -> None:
        await quick.start_async()
        with pytest.raises(TimedOut):
            await quick.run_async(lambda _parts: asyncio.sleep(30))

    quick = Vault(town.Base, replace(town.vault.settings, wait_seconds=0.2))
    asyncio.run(work())
    quick.close()


def test_blocking_calls_from_an_event_loop_do_not_wait_in_a_circle(town: Town, engine: sa.Engine) -> None:
    """The keys are fetched in a loop that is never the caller's."""
    stored(town, engine)
    town.vault.close()

    async def read() -> set[str]:
        await asyncio.sleep(0)
        return names(town, engine)

    assert asyncio.run(read()) == {"Person 0", "Person 1", "Person 2"}


def test_the_vaults_own_thread_may_not_wait_for_itself(town: Town) -> None:
    """It says so at once."""

    async def circle(_parts: object) -> None:
        town.vault.run(lambda _parts: asyncio.sleep(0))

    with pytest.raises(Misused, match="itself"):
        town.vault.run(circle)


def test_many_threads_at_once(town: Town, engine: sa.Engine) -> None:
    """Each reads all, whoever fetches the keys first."""
    stored(town, engine, 30)
    town.vault.close()
    found: list[set[str]] = []
    threads = [threading.Thread(target=lambda: found.append(names(town, engine))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [{f"Person {at}" for at in range(30)}] * 6


def test_a_fork_has_a_thread_and_keys_of_its_own(town: Town, engine: sa.Engine) -> None:
    """A worker that is forked from a loaded application opens, seals and records; its parent goes on."""
    stored(town, engine)
    assert len(names(town, engine)) == 3
    engine.dispose()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        status = 1
        try:
            assert town.vault._background.parts is None
            assert town.vault.keys.loaded == {}
            stored(town, engine, 1)
            status = 0 if names(town, engine) == {"Person 0", "Person 1", "Person 2"} else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert len(names(town, engine)) == 3
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(town.Customer.__table__)) == 4
        assert connection.scalar(sa.select(sa.func.count()).select_from(town.vault.tables.outbox)) == 3 + 4 + 4


def test_a_key_that_was_shredded_elsewhere_opens_nothing_for_long(town: Town, engine: sa.Engine, tmp_path: Path) -> None:
    """At the latest after the stated time."""
    stored(town, engine, 1)
    brief = Vault(town.Base, replace(town.vault.settings, cache_seconds=2))
    try:
        with brief.acting("clerk", Purpose.SERVICE_PROVISION), Session(engine) as session:
            one = session.scalars(sa.select(town.Customer)).one()
            assert one.name == "Person 0"
            keys = sa.create_engine(f"sqlite:///{tmp_path / 'keys.db'}")
            with keys.begin() as connection:
                connection.execute(sa.text("DELETE FROM wrapped_key WHERE subject = :subject"), {"subject": one.row})
            keys.dispose()
            session.expire(one)
            time.sleep(2.2)
            with pytest.raises(KeyMissing):
                _ = one.name
            session.rollback()
    finally:
        brief.close()


def test_lost_keys_are_named_and_nothing_is_made_in_their_place(town: Town, tmp_path: Path) -> None:
    """Neither the key database nor the key file, by starting or by beginning anew."""
    town.vault.start()
    town.vault.close()
    for name in ("keys.db", "root.key"):
        (tmp_path / name).rename(tmp_path / "elsewhere")
        for work in (town.vault.start, lambda: begin(town.vault.settings)):
            with pytest.raises((KeysLost, KeyFileRefused)):
                work()
        assert not (tmp_path / name).exists()
        (tmp_path / "elsewhere").rename(tmp_path / name)
    town.vault.start()
    assert begin(town.vault.settings) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("sqlite:///bank.db", "sqlite:///bank.db"), ("sqlite+aiosqlite:////srv/bank.db", "sqlite:////srv/bank.db"),
        ("postgresql+asyncpg://anna:secret@db:5433/bank", "postgresql://anna:secret@db:5433/bank"),  # pragma: allowlist secret
        ("postgresql+psycopg://db/bank", "postgresql://db/bank"),
    ],
)  # fmt: skip
def test_addresses_of_sqlalchemy_are_understood(given: str, expected: str) -> None:
    """Whatever driver the backend uses."""
    assert address(given) == expected


@pytest.mark.parametrize("given", ["sqlite://", "sqlite:///:memory:", "mysql://db/bank"])
def test_addresses_that_cannot_be_served_are_refused(given: str) -> None:
    """Audit events need a second connection."""
    with pytest.raises(Misused):
        address(given)
