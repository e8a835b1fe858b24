"""The line to an OpenBao server: its address, its token, and what its failures mean."""

from __future__ import annotations

import math
import time
from threading import Lock
from typing import TYPE_CHECKING, Any

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, Unauthorized, VaultError
from requests.exceptions import ConnectionError as NotConnected
from requests.exceptions import RequestException, SSLError, Timeout

from confide.keys.errors import ProviderRefused, ProviderUnavailable
from confide.keys.providers.addresses import check_address
from confide.keys.providers.naming import PREFIX
from confide.keys.providers.secretfile import from_environment, from_file
from confide.keys.providers.unseen import Unseen

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.keys.choice import OpenBaoChoice

AGAIN_SECONDS = 5.0
"""When to try again to renew a token after that did not work; the token itself may still be good."""
NO_CONTENT = 204


class Line(Unseen):
    """Calls of the transit engine, with a token that is read before each and renewed at half its life.

    Whoever calls `probe` now and then, as a readiness check does, keeps a renewable token alive for as long as its policy lets it.
    """

    def __init__(self, choice: OpenBaoChoice) -> None:
        """Take the settings; no connection is made yet.

        Raises:
            ProviderRefused: the address is neither https nor this machine's own, or the prefix has other than plain characters.
        """
        check_address("OpenBao", choice.url)
        if PREFIX.fullmatch(choice.prefix) is None:
            message = "The prefix of the keys in OpenBao may hold letters, digits, - and _ only, 64 at most."
            raise ProviderRefused(message)
        self._choice = choice
        self._lock = Lock()
        self._renew_at = 0.0
        self._client = hvac.Client(
            url=choice.url,
            token="",  # never what hvac would find by itself
            verify=str(choice.ca_file) if choice.ca_file else True,
            timeout=(choice.connect_seconds, choice.read_seconds),
            allow_redirects=False,  # a redirect would take the token along
            namespace=choice.namespace or None,
        )

    def call(self, work: Callable[[Any], Any], *expected: type[VaultError]) -> Any:
        """Return the answer of one call of the transit engine, a dictionary with `data`, or None.

        Raises:
            InvalidRequest, InvalidPath: where the caller expects them, since what they mean depends on the call.
            ProviderUnavailable: no answer in time, sealed, overloaded, or not a server of this kind.
            ProviderRefused: no token, one that is not valid or not permitted, or a certificate that is not trusted.
        """
        self._keep_token()
        try:
            try:
                return self._answer(work, expected)
            except (SSLError, Timeout):
                raise
            except NotConnected:
                return self._answer(work, expected)  # such as a kept connection that the server has closed
        except RequestException as error:
            raise self._unreachable(error) from None

    def _answer(self, work: Callable[[Any], Any], expected: tuple[type[VaultError], ...]) -> Any:
        try:
            answer = work(self._client.secrets.transit)
        except (InvalidRequest, InvalidPath) as error:
            if isinstance(error, InvalidPath) and error.errors:  # an empty list and a missing key are "not found" without a reason
                message = f"OpenBao has no transit engine at {self._choice.mount}/: enable it there, or name another mount in the settings."
                raise ProviderRefused(message) from None
            if isinstance(error, expected):
                raise
            message = "OpenBao refuses the request: look at its audit log. Another version may take other requests."
            raise ProviderRefused(message) from None
        except (Forbidden, Unauthorized):
            message = (
                "OpenBao does not permit it: the token has ended, or its policy does not cover the transit keys of Confide. "
                "Give a new token, or mend the policy (docs/security/key-management.md)."
            )
            raise ProviderRefused(message) from None
        except VaultError as error:
            message = f"OpenBao cannot be used now ({type(error).__name__}): it is sealed, starting or overloaded. Look at the server."
            raise ProviderUnavailable(message) from None
        if isinstance(answer, dict) and "data" in answer:
            return answer
        if getattr(answer, "status_code", 0) != NO_CONTENT:
            message = f"What answers at {self._choice.url} is no active OpenBao server: name one in the settings."
            raise ProviderUnavailable(message)
        return None

    def _keep_token(self) -> None:
        token = self._token()
        with self._lock:
            if token != self._client.token:
                self._client.token = token
                self._renew_at = 0.0
            due = time.monotonic() >= self._renew_at
            if due:
                self._renew_at = time.monotonic() + AGAIN_SECONDS
        if due:
            self._renew()

    def _renew(self) -> None:
        try:
            found = self._client.auth.token.lookup_self()["data"]
            seconds = found["ttl"] or math.inf
            if found["renewable"]:
                seconds = self._client.auth.token.renew_self()["auth"]["lease_duration"]
        except (VaultError, RequestException, LookupError, TypeError):
            return  # the call that follows tells what is wrong; a policy may forbid this one alone
        self._renew_at = time.monotonic() + seconds / 2

    def _token(self) -> str:
        if self._choice.token_file is not None:
            return from_file(self._choice.token_file, "OpenBao token").strip()
        found = from_environment(self._choice.token_variable)
        if found is None:
            message = f"There is no OpenBao token: set {self._choice.token_variable}, or name a token file in the settings."
            raise ProviderRefused(message)
        return found.strip()

    def _unreachable(self, error: RequestException) -> ProviderRefused | ProviderUnavailable:
        if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
            return ProviderRefused(f"The certificate of {self._choice.url} is not trusted: name the file of its authority in the settings.")
        return ProviderUnavailable(
            f"OpenBao at {self._choice.url} does not answer ({type(error).__name__}): look at it and at the network."
        )
