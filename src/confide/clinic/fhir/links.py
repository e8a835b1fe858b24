"""References between the entries of a transaction (https://hl7.org/fhir/R4/bundle.html#references, http.html#transaction)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec

_REFERENCE = re.compile(rb'("reference"\s*:\s*)"([^"\\]*(?:\\.[^"\\]*)*)"')
_ADDRESS = re.compile(rb"(https?://.+/)[A-Za-z]+/[A-Za-z0-9\-.]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Links:
    """What each fullUrl of a bundle is called once it is stored."""

    _names: dict[bytes, bytes] = field(default_factory=dict)

    def add(self, full_url: str, name: str) -> None:
        """Let an entry be known as `name`, which is Type/id."""
        self._names[full_url.encode()] = name.encode()

    def resolved(self, resource: bytes, full_url: str | None) -> bytes:
        """Return the JSON of the entry at `full_url`, with references to other entries replaced by what they are called here.

        A relative reference is one beside the entry itself, so it can name another entry only where fullUrl is an address.
        """
        if not self._names:
            return resource
        address = _ADDRESS.match((full_url or "").encode())
        beside = address[1] if address else None

        def rename(match: re.Match[bytes]) -> bytes:
            written: bytes = match[2]
            if b"\\" in written:
                written = msgspec.json.decode(b'"' + written + b'"', type=str).encode()
            name = self._names.get(written)
            if name is None and beside is not None:
                name = self._names.get(beside + written)
            return match[0] if name is None else match[1] + b'"' + name + b'"'

        try:
            return _REFERENCE.sub(rename, resource)
        except (msgspec.MsgspecError, ValueError):  # not JSON in UTF-8: validation says so, and where
            return resource
