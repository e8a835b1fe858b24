"""The plain pages of the bootstrap: no script, no image, nothing from elsewhere; every value is escaped."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING

from confide.clinic.portal.door import Answer, headers_of
from confide.clinic.portal.errors import status_of

if TYPE_CHECKING:
    from confide.identity.model import EnrolmentNeeded
    from confide.values.errors import ConfideError

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}"
    "label{display:block;margin:1rem 0 .25rem}input{font:inherit;width:100%;padding:.4rem;box-sizing:border-box}"
    "button{font:inherit;margin-top:1.5rem;padding:.5rem 1.5rem}code{overflow-wrap:anywhere}[role=alert]{color:#a00000;font-weight:600}"
)
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
HTML = b"text/html; charset=utf-8"
HEADERS = (
    (
        b"content-security-policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'".encode(),
    ),
    (b"referrer-policy", b"no-referrer"),  # the address holds the secret of the link
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


def _page(status: int, title: str, body: str, alert: str | None = None, more: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
    told = f'<p role="alert">{escape(alert)}</p>' if alert else ""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>{told}{body}</main></body></html>"
    )
    return Answer(status, text.encode(), HTML, HEADERS + more)


def choose(error: ConfideError | None = None) -> Answer:
    """Return the page that asks for username and password; the form goes back to the page's own address."""
    return _page(
        status_of(error) if error else 200,
        "First administrator",
        '<p>This page works once. It makes the account that makes all others.</p><form method="post">'
        '<label for="username">Username</label>'
        '<input id="username" name="username" required minlength="3" maxlength="64" autocomplete="username" autocapitalize="none">'
        '<label for="password">Password (8 characters or more)</label>'
        '<input id="password" name="password" type="password" required minlength="8" maxlength="256" autocomplete="new-password">'
        "<button>Continue</button></form>",
        str(error) if error else None,
        headers_of(error) if error else (),
    )


def enrol(needed: EnrolmentNeeded, error: ConfideError | None = None) -> Answer:
    """Return the page that shows the second factor's secret and asks for a code; after a wrong code it is shown again."""
    return _page(
        status_of(error) if error else 200,
        "Second factor",
        "<p>Add this secret to an authenticator app, then type the code that it shows.</p>"
        f"<p>Secret: <code>{escape(needed.secret)}</code></p>"
        f'<p>On a device with such an app: <a href="{escape(needed.uri)}">open it there</a>.</p>'
        f'<form method="post"><input type="hidden" name="ticket" value="{escape(needed.ticket)}"><label for="code">Code (6 digits)</label>'
        '<input id="code" name="code" required inputmode="numeric" pattern="[0-9]{6}" maxlength="6" autocomplete="one-time-code">'
        "<button>Finish</button></form>",
        str(error) if error else None,
        headers_of(error) if error else (),
    )


def ended(error: ConfideError) -> Answer:
    """Return the page for a ticket that has ended while its link lives."""
    return _page(
        status_of(error),
        "Second factor",
        "<p>Too much time went by: open the link again and start over.</p>",
        str(error),
        headers_of(error),
    )


def done() -> Answer:
    """Return the last page."""
    return _page(
        200,
        "Done",
        "<p>The administrator's account is ready, and this link has ended. You can close this page: there is nothing more to do in a "
        "browser yet.</p><p>Programs sign in with <code>POST /auth/sign-in</code>; docs/reference/sign-in.md shows it with curl. Whoever "
        "holds the server makes more accounts with <code>confide account add</code>.</p>",
    )


def refused(error: ConfideError) -> Answer:
    """Return the page for any other error."""
    return _page(status_of(error), "Not possible", "", str(error), headers_of(error))
