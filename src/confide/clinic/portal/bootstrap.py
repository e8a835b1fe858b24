"""`/bootstrap/{secret}`: the one page that makes the first administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.clinic.portal import pages
from confide.clinic.portal.errors import Malformed
from confide.identity.bootstrap import begin_bootstrap, check_bootstrap, finish_bootstrap, shown_again
from confide.identity.errors import EnrolmentRefused, PasswordRefused, TooManyAttempts, UsernameRefused, UsernameTaken

if TYPE_CHECKING:
    from confide.clinic.portal.door import Answer, Door, Request

_FIRST, _SECOND = {"username", "password"}, {"ticket", "code"}


async def show(door: Door, request: Request) -> Answer:
    """Show the form, if the link lives."""
    await check_bootstrap(door.identity, request.path["secret"], request.origin, request.now)
    return pages.choose()


async def submit(door: Door, request: Request) -> Answer:
    """Take the first form (username and password) or the second (ticket and code)."""
    fields = await request.form()
    if fields.keys() == _FIRST:
        return await _begin(door, request, fields)
    if fields.keys() == _SECOND:
        return await _finish(door, request, fields)
    raise Malformed("The form has other fields than this page: open the link again.")


async def _begin(door: Door, request: Request, fields: dict[str, str]) -> Answer:
    secret, origin, now = request.path["secret"], request.origin, request.now
    try:
        needed = await begin_bootstrap(door.identity, secret, fields["username"], fields["password"], origin, now)
    except (UsernameRefused, UsernameTaken, PasswordRefused) as error:
        return pages.choose(error)
    return pages.enrol(needed)


async def _finish(door: Door, request: Request, fields: dict[str, str]) -> Answer:
    secret, origin, now = request.path["secret"], request.origin, request.now
    try:
        await finish_bootstrap(door.identity, secret, fields["ticket"], fields["code"], origin, now)
    except (EnrolmentRefused, TooManyAttempts) as error:
        needed = await shown_again(door.identity, secret, fields["ticket"], origin, now)
        return pages.enrol(needed, error) if needed is not None else pages.ended(error)
    return pages.done()
