"""The addresses of the portal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from confide.clinic.portal import accounts, bootstrap, pages, sign_in
from confide.clinic.portal.door import Endpoint

if TYPE_CHECKING:
    from confide.clinic.portal.door import Door, Interaction


def routes(door: Door) -> list[Route]:
    """Return the routes; whoever logs requests must log the template of `/bootstrap/{secret}`, never its path."""
    programs: tuple[tuple[str, dict[str, Interaction]], ...] = (
        ("/auth/sign-in", {"POST": sign_in.sign_in}),
        (sign_in.ENROL, {"POST": sign_in.enrol}),
        ("/auth/sign-out", {"POST": sign_in.sign_out}),
        ("/accounts", {"POST": accounts.create}),
    )
    page = "/bootstrap/{secret}"
    browsers = Endpoint(door, page, {"GET": bootstrap.show, "POST": bootstrap.submit}, pages.refused)
    return [Route(template, Endpoint(door, template, methods)) for template, methods in programs] + [Route(page, browsers)]
