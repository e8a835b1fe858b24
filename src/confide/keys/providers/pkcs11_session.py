"""A session with a PKCS#11 token: opened when it is needed, and again when it broke."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pkcs11
from pkcs11.exceptions import (
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
    UserPinNotInitialized,
)

from confide.keys.errors import ProviderRefused, ProviderUnavailable
from confide.keys.providers.secretfile import from_file
from confide.keys.providers.unseen import Unseen

if TYPE_CHECKING:
    from collections.abc import Callable

    from pkcs11._pkcs11 import lib as Library  # noqa: N812 - a class, whatever its case

    from confide.keys.choice import Pkcs11Choice

_Result = TypeVar("_Result")

WRONG_PIN = (PinExpired, PinIncorrect, PinInvalid, PinLenRange, PinLocked, UserPinNotInitialized)
ALIVE_BITS = 64


class TokenSession(Unseen):
    """The session of one thread: whoever shares it takes turns."""

    def __init__(self, choice: Pkcs11Choice) -> None:
        """Take the settings; the library is not loaded yet."""
        self._choice = choice
        self._token: pkcs11.Token | None = None
        self._session: pkcs11.Session | None = None
        self._refused: str | None = None

    def use(self, work: Callable[[pkcs11.Session], _Result]) -> _Result:
        """Return the result of `work` on a live session; where it breaks off, the session is opened anew and `work` is done once more.

        Raises:
            ProviderUnavailable: the token is not there, or fails.
            ProviderRefused: the library cannot be loaded, or the PIN is refused.
            PKCS11Error: `work` failed twice, on a fresh session the second time.
        """
        if self._session is not None:
            try:
                self._session.generate_random(ALIVE_BITS)  # a broken session shows here, not in the middle of a search
                return work(self._session)
            except PKCS11Error:
                self._forget()
        return work(self._open())

    def check_present(self) -> None:
        """Return if the token is there: a token that has gone may look like an empty one.

        Raises:
            ProviderUnavailable: it has gone.
        """
        try:
            if self._token is not None and self._token.slot.get_token().label == self._choice.token_label:
                return
        except PKCS11Error:
            pass
        self._forget()
        raise self._gone()

    def _open(self) -> pkcs11.Session:
        pin = from_file(self._choice.pin_file, "PIN")
        if pin == self._refused:
            message = (
                f"The token {self._choice.token_label} refused this PIN, and a few wrong ones lock it, so it is not tried again: "
                f"write the right one to {self._choice.pin_file}."
            )
            raise ProviderRefused(message)
        library = self._library()
        try:
            return self._opened(library, pin)
        except PKCS11Error:
            # A library that lost its token may not see it again before it starts over.
            self._restart(library)
        try:
            return self._opened(library, pin)
        except PKCS11Error:
            raise self._gone() from None

    def _opened(self, library: Library, pin: str) -> pkcs11.Session:
        self._token = library.get_token(token_label=self._choice.token_label)
        try:
            self._session = self._token.open(rw=True, user_pin=pin)
        except UserAlreadyLoggedIn:
            self._session = self._token.open(rw=True)
        except WRONG_PIN as error:
            self._refused = pin
            message = (
                f"The token {self._choice.token_label} refuses the PIN in {self._choice.pin_file} ({type(error).__name__}): write the "
                "right one there, or have the token unlocked. This one is not tried again."
            )
            raise ProviderRefused(message) from None
        self._refused = None
        return self._session

    def _library(self) -> Library:
        module = self._choice.module
        if not module.is_file():
            message = f"There is no PKCS#11 library at {module}: install it, or name it in the settings."
            raise ProviderRefused(message)
        try:
            return pkcs11.lib(str(module))
        except PKCS11Error as error:
            if str(error).startswith("OS exception"):
                message = f"{module} cannot be loaded as a PKCS#11 library: name the one of the token's maker, for this machine."
                raise ProviderRefused(message) from None
            raise self._stuck() from None

    def _restart(self, library: Library) -> None:
        self._forget()
        try:
            library.reinitialize()
        except PKCS11Error:
            raise self._stuck() from None

    def _forget(self) -> None:
        # Not closed: that would log out every other session of this process, and whatever broke is closed already.
        self._session = self._token = None

    def _gone(self) -> ProviderUnavailable:
        return ProviderUnavailable(f"The token {self._choice.token_label} is not there: look at the device and the way to it.")

    def _stuck(self) -> ProviderUnavailable:
        return ProviderUnavailable(
            f"The library {self._choice.module} does not start: look at the device and the way to it. If both are in order, restart this "
            "service, since a library that failed to end cannot start over in the same process."
        )
