"""The second factor: time-based one-time codes (RFC 6238), six digits every thirty seconds, each used once."""

from __future__ import annotations

import hmac
import secrets
from base64 import b32encode

import pyotp

SECRET_BYTES = 20
"""160 bits, as RFC 4226 section 4 R6 recommends."""
STEP_MICROSECONDS = 30_000_000
DIGITS = 6
WINDOW = 1
"""Steps before and after the present one that are taken (RFC 6238 section 5.2: at most one for the delay of the network)."""


def new_secret() -> str:
    """Return a fresh secret in the base32 that authenticator apps take."""
    return b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def uri(secret: str, username: str, issuer: str) -> str:
    """Return the otpauth address that authenticator apps read."""
    return pyotp.TOTP(secret, digits=DIGITS).provisioning_uri(name=username, issuer_name=issuer)


def step_of(secret: str, code: str, now: int, after: int) -> int | None:
    """Return the time step that a code belongs to, or None; steps up to `after` are used (RFC 6238 section 5.2).

    Every step of the window is computed and compared whatever the code is. `now` in microseconds since 1970.
    """
    totp, present, found = pyotp.TOTP(secret, digits=DIGITS), now // STEP_MICROSECONDS, None
    for step in range(present - WINDOW, present + WINDOW + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode("utf-8", "surrogatepass")) and step > after:
            found = step
    return found
