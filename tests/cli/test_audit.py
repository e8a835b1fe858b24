"""`confide audit` and `confide account`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from confide.cli.errors import NothingToDo
from confide.cli.instance import origin_now, run_in_house, settings_of
from confide.clinic.app import clock
from confide.identity.errors import PasswordRefused, UsernameTaken
from confide.identity.model import Credentials, EnrolmentNeeded
from confide.identity.sign_in import sign_in
from tests.cli.desk import Desk, events

if TYPE_CHECKING:
    from confide.clinic.app import House

PASSWORD = "tall-ferns-99"


def test_whoever_looks_at_the_trail_is_in_it(desk: Desk) -> None:
    """The look at the trail is an event, with the auditor's right as its reason."""
    events(desk)
    [newest] = events(desk, 1)

    assert (newest["action"], newest["role"], newest["explanation"]) == ("audit", "auditor", "role.auditor")


def test_the_trail_is_shown_in_lines(desk: Desk) -> None:
    """A line for each event, under headings."""
    events(desk)
    result = desk.run("audit", "show", "-n", "1")

    assert result.stdout.splitlines()[0].split()[0] == "#"
    assert "role.auditor" in result.stdout.splitlines()[1]


def test_an_account_made_here_signs_in(desk: Desk) -> None:
    """Its second factor is set up at the first sign-in."""
    result = desk.run("account", "add", "nurse.one", "clinician", "--password-stdin", given=PASSWORD + "\n")

    async def work(house: House) -> object:
        return await sign_in(house.identity, Credentials("nurse.one", PASSWORD), origin_now(), clock())

    assert result.exit_code == 0, result.output
    assert isinstance(run_in_house(settings_of(desk.folder), work), EnrolmentNeeded)


def test_the_password_is_asked_for_twice_and_never_shown(desk: Desk) -> None:
    """Without --password-stdin the terminal asks."""
    result = desk.run("account", "add", "nurse.one", "clinician", given=f"{PASSWORD}\n{PASSWORD}\n")

    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output


@pytest.mark.parametrize(
    ("arguments", "given", "error"),
    [
        (("nurse.one", "clinician"), "password1", PasswordRefused),
        (("taken", "clinician"), PASSWORD, UsernameTaken),
        (("me", "patient", "--patient", "00000000-0000-4000-8000-000000000000"), PASSWORD, NothingToDo),
    ],
)
def test_an_account_that_cannot_be_made_says_why(desk: Desk, arguments: tuple[str, ...], given: str, error: type[Exception]) -> None:
    """Each refusal is a sentence of its own."""
    desk.run("account", "add", "taken", "clinician", "--password-stdin", given=PASSWORD)
    result = desk.run("account", "add", *arguments, "--password-stdin", given=given)

    assert isinstance(result.exception, error)


@pytest.mark.parametrize("arguments", [("me", "patient"), ("nurse", "clinician", "--patient", "x"), ("root", "operator")])
def test_a_role_that_does_not_fit_is_wrong_usage(desk: Desk, arguments: tuple[str, ...]) -> None:
    """The role patient goes with a Patient; the operator's role is given to nobody."""
    assert desk.run("account", "add", *arguments, "--password-stdin", given=PASSWORD).exit_code == 2
