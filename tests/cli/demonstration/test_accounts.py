"""Demo accounts: they open a demo, and nothing else."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import msgspec
import pytest

from confide.cli.demonstration import accounts
from confide.cli.demonstration.command import any_patient, demo_settings
from confide.cli.errors import NotADemo
from confide.cli.init import make_instance
from confide.cli.instance import origin_now, run_in_house, settings_of
from confide.clinic.app import clock, operator
from confide.identity import tokens
from confide.identity.accounts import create_account, has_administrator
from confide.identity.errors import SignInRefused
from confide.identity.model import Credentials, NewAccount, SignedIn
from confide.identity.sign_in import sign_in
from confide.values.principal import Role
from tests.cli.desk import Desk, write_bundles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from confide.clinic.app import House
    from confide.clinic.settings import Settings
    from confide.values.principal import Principal


@pytest.fixture
def demo(tmp_path: Path) -> Desk:
    """A demo with one patient."""
    make_instance(tmp_path / "demo", {"demo": True})
    found = Desk(tmp_path / "demo")
    found.run("import", *map(str, write_bundles(tmp_path / "in", ["Amsel"])))
    return found


def make(demo: Desk) -> None:
    async def work(house: House) -> None:
        await accounts.make(house, demo.folder, await any_patient(house))

    run_in_house(settings_of(demo.folder), work)


def sign_in_as(settings: Settings, account: accounts.DemoAccount) -> str:
    async def work(house: House) -> str:
        now = clock()
        given = Credentials(account.username, account.password, account.code(now / 1_000_000))
        found = await sign_in(house.identity, given, origin_now(), now)
        assert isinstance(found, SignedIn)
        return found.token

    return run_in_house(settings, work)


def resolve(settings: Settings, token: str) -> Principal | None:
    async def work(house: House) -> Principal | None:
        return await tokens.resolve(house.identity, token, clock())

    return run_in_house(settings, work)


def test_every_role_signs_in_with_what_the_file_says(demo: Desk) -> None:
    """Password and one-time code are enough, for each of them; the file is its owner's alone."""
    make(demo)
    settings, made = settings_of(demo.folder), accounts.read(demo.folder)
    principals = {role: resolve(settings, sign_in_as(settings, account)) for role, account in made.items()}

    assert {role: found.role.value for role, found in principals.items() if found} == {role: role for role in made}
    assert set(made) == {role.value for role in accounts.ROLES}
    assert stat.S_IMODE((demo.folder / accounts.FILE).stat().st_mode) == 0o600


def test_outside_a_demo_its_accounts_are_not_there(demo: Desk) -> None:
    """Neither password nor token opens anything once the folder is no demo; its administrator counts for nothing."""
    make(demo)
    account, settings = accounts.read(demo.folder)["clinician"], settings_of(demo.folder)
    token = sign_in_as(settings, account)
    text = (demo.folder / "confide.toml").read_text().replace("\ndemo = true", "\ndemo = false")
    (demo.folder / "confide.toml").write_text(text)
    outside = settings_of(demo.folder)

    async def administered(house: House) -> bool:
        return await has_administrator(house.identity)

    assert resolve(settings, token) is not None
    assert resolve(outside, token) is None
    with pytest.raises(SignInRefused):
        sign_in_as(outside, account)
    assert run_in_house(settings, administered)
    assert not run_in_house(outside, administered)


def file_written(demo: Desk) -> None:
    """The passwords are on disk, and nothing else happened."""
    made = {role.value: accounts.DemoAccount(role.value, f"demo-{role.value}", f"pass-{role.value}-99"[::-1]) for role in accounts.ROLES}
    accounts.write(demo.folder, made)


def first_made(demo: Desk) -> None:
    """One account is in the database, not enrolled."""
    file_written(demo)
    clinician = accounts.read(demo.folder)["clinician"]

    async def work(house: House) -> None:
        new = NewAccount(clinician.username, clinician.password, Role.CLINICIAN, demo=True)
        await create_account(house.identity, operator(), new, origin_now(), clock())

    run_in_house(settings_of(demo.folder), work)


def secret_saved(demo: Desk) -> None:
    """A secret is on disk that the server never saw confirmed."""
    first_made(demo)
    made = accounts.read(demo.folder)
    made["clinician"] = msgspec.structs.replace(made["clinician"], totp="JBSWY3DPEHPK3PXP")
    accounts.write(demo.folder, made)


@pytest.mark.parametrize("stopped", [file_written, first_made, secret_saved, make])
def test_accounts_are_finished_after_a_stop(demo: Desk, stopped: Callable[[Desk], None]) -> None:
    """Wherever a run stopped, the next one ends in accounts that open."""
    stopped(demo)
    before = accounts.read(demo.folder)
    make(demo)
    made = accounts.read(demo.folder)

    assert accounts.is_complete(demo.folder)
    assert {role: account.password for role, account in made.items()} == {role: account.password for role, account in before.items()}
    assert sign_in_as(settings_of(demo.folder), made["clinician"])


def test_an_account_does_not_print_itself(demo: Desk) -> None:
    """Neither password nor secret is in its representation."""
    make(demo)
    account = accounts.read(demo.folder)["clinician"]

    assert account.password not in repr(account)
    assert (account.totp or "?") not in repr(account)


def test_an_instance_that_is_no_demo_is_left_alone(desk: Desk) -> None:
    """`confide demo` refuses to put printed passwords into it."""
    with pytest.raises(NotADemo):
        demo_settings(desk.folder)
    assert isinstance(desk.run("demo").exception, NotADemo)
    assert not (desk.folder / accounts.FILE).exists()
