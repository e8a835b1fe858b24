"""Which provider a choice names: the one place where providers are built."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from confide.keys.choice import AwsKmsChoice, KeyFileChoice, OpenBaoChoice, PassphraseChoice, Pkcs11Choice
from confide.keys.errors import ProviderRefused
from confide.keys.providers.keyfile import KeyFile
from confide.keys.providers.passphrase import Passphrase
from confide.keys.providers.secretfile import from_environment, from_file

if TYPE_CHECKING:
    from confide.keys.choice import Choice
    from confide.keys.provider import Provider
    from confide.keys.providers.passphrase import Ask

EXTRAS = {"boto3": "aws", "botocore": "aws", "hvac": "openbao", "requests": "openbao", "pkcs11": "pkcs11"}
"""Which extra brings a package."""


def open_provider(choice: Choice, prompt: Ask | None = None) -> Provider:
    """Return the provider of a choice; nothing is read and no connection is made yet, so that a provider that is down stops no start.

    Args:
        choice: see there.
        prompt: asks a person for the passphrase, where it is in no file and no variable.

    Raises:
        ProviderRefused: a setting is out of its bounds, or a package is not installed; the message names the extra that brings it.
    """
    try:
        return _built(choice, prompt)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(error.name or "")
        if extra is None:
            raise
        message = f"The package {error.name} is not installed: run pip install 'confide[{extra}]'."
        raise ProviderRefused(message) from None


def _built(choice: Choice, prompt: Ask | None) -> Provider:
    # Imported where they are used: whoever keeps keys in a file needs none of the packages behind the others.
    match choice:
        case KeyFileChoice():
            return KeyFile(choice.path)
        case PassphraseChoice():
            return Passphrase(choice.path, lambda: asked(choice, prompt))
        case OpenBaoChoice():
            from confide.keys.providers.openbao import OpenBao  # noqa: PLC0415

            return OpenBao(choice)
        case AwsKmsChoice():
            from confide.keys.providers.awskms import AwsKms  # noqa: PLC0415

            return AwsKms(choice)
        case Pkcs11Choice():
            from confide.keys.providers.pkcs11_token import Pkcs11  # noqa: PLC0415

            return Pkcs11(choice)
        case _:
            assert_never(choice)


def asked(choice: PassphraseChoice, prompt: Ask | None) -> str:
    """Return the passphrase from the file, the environment variable, or whoever sits at the terminal, in this order.

    Raises:
        ProviderRefused: it is nowhere, or its file cannot be used.
    """
    if choice.passphrase_file is not None:
        return from_file(choice.passphrase_file, "passphrase")
    found = from_environment(choice.passphrase_variable)
    if found is not None:
        return found
    if prompt is None:
        message = f"There is no passphrase: set {choice.passphrase_variable}, or name a passphrase file in the settings."
        raise ProviderRefused(message)
    return prompt()
