"""Page links: authenticated, and bound to the account and the query they were made for.

A link is no proof of access; every page is authorised anew.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

from confide.clinic.fhir.errors import FhirError

if TYPE_CHECKING:
    from confide.clinic.fhir.call import Call

MAC_BYTES = 16
POSITION_BYTES = 8


class Pages:
    """The links of one request."""

    def __init__(self, call: Call, path: str) -> None:
        """Bind links to the caller's account and to `path`, relative to the FHIR endpoint."""
        self._mac = call.parts.keyring.field(call.principal.tenant, b"page", b"link", 1)
        self._account = call.principal.account
        self._path = path
        self._address = f"{call.parts.base}/{path}"

    def own(self, query: str) -> str:
        """Return the address of this very page; `query` is encoded as in an address, here and below."""
        return f"{self._address}?{query}" if query else self._address

    def link(self, query: str, position: int) -> str:
        """Return the address of the page that begins after `position`."""
        place = position.to_bytes(POSITION_BYTES, "big")
        token = urlsafe_b64encode(place + self._tag(query, place)).decode()
        return self.own(f"{query}&_page={token}" if query else f"_page={token}")

    def read(self, query: str, token: str) -> int:
        """Return the position that a page token holds.

        Raises:
            FhirError: the token was not made for this account and query.
        """
        try:
            raw = urlsafe_b64decode(token)
        except ValueError:
            raw = b""
        place, tag = raw[:POSITION_BYTES], raw[POSITION_BYTES:]
        spelt = urlsafe_b64encode(raw).decode() == token  # the decoder passes over what is no letter
        if len(raw) != POSITION_BYTES + MAC_BYTES or not spelt or not hmac.compare_digest(tag, self._tag(query, place)):
            message = "The page link is not valid for you and this search: start the search again."
            raise FhirError(message)
        return int.from_bytes(place, "big")

    def _tag(self, query: str, place: bytes) -> bytes:
        parts = (self._account, self._path.encode(), query.encode(), place)
        return self._mac.digest(b"".join(len(part).to_bytes(8, "big") + part for part in parts))[:MAC_BYTES]
