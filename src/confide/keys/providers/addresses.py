"""Which addresses a key may be sent to."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from confide.keys.errors import ProviderRefused


def check_address(what: str, url: str) -> None:
    """Return if an address is https, or http to this very machine.

    Raises:
        ProviderRefused: it is neither, so that keys would cross a network in the clear.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http" or not _is_loopback(parts.hostname or ""):
        message = f"The address of {what} must start with https://, or with http:// and a loopback address: mend it in the settings."
        raise ProviderRefused(message)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
