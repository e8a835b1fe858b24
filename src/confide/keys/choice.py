"""Which provider is used, and what it needs to know: one frozen value each, none of which holds a secret.

Secrets stay where they are (a file, an environment variable) until the provider reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

WEEK_DAYS, MONTH_DAYS = 7, 30
"""The shortest and the longest wait of AWS KMS before a key is gone (API reference, ScheduleKeyDeletion)."""


@dataclass(frozen=True, slots=True)
class KeyFileChoice:
    """A file on this machine."""

    path: Path
    """The root keys; epoch keys lie beside it in `epochs.key`."""


@dataclass(frozen=True, slots=True)
class PassphraseChoice:
    """A passphrase that opens a file on this machine. Asked for in this order: file, environment variable, terminal."""

    path: Path
    """The sealed root keys with their salt; epoch keys lie beside it in `epochs.key`."""
    passphrase_file: Path | None = None
    """A file with the passphrase, such as a systemd credential; not readable by the world."""
    passphrase_variable: str = "CONFIDE_PASSPHRASE"  # noqa: S105 - a name of a variable
    """The environment variable with the passphrase."""


@dataclass(frozen=True, slots=True)
class OpenBaoChoice:
    """The transit engine of OpenBao or HashiCorp Vault. A call takes at most about 4 times the two time-outs together."""

    url: str
    """https://…; http:// is taken for the loopback address only."""
    mount: str = "transit"
    """Where the transit engine is mounted."""
    prefix: str = "confide-"
    """What the names of the keys begin with; each installation on one mount needs its own."""
    token_file: Path | None = None
    """A file with the token, read before every call, so that an agent may renew it; not readable by the world."""
    token_variable: str = "BAO_TOKEN"  # noqa: S105 - a name of a variable
    """The environment variable with the token, where there is no file."""
    ca_file: Path | None = None
    """PEM certificates that are trusted in place of the system's."""
    namespace: str = ""
    """The namespace of the mount, where there are namespaces."""
    connect_seconds: float = 2.0
    """How long a connection may take."""
    read_seconds: float = 5.0
    """How long an answer may take."""


@dataclass(frozen=True, slots=True)
class AwsKmsChoice:
    """AWS KMS, one key with an alias for each slot. A call takes at most `attempts` times the two time-outs, and a second between."""

    region: str
    """Such as eu-central-1."""
    prefix: str = "confide-"
    """What the aliases of the keys begin with, after "alias/"; each installation in one account and region needs its own."""
    profile: str = ""
    """A profile of the AWS configuration; empty: what the AWS SDK finds (environment, role of the machine)."""
    endpoint_url: str = ""
    """Another endpoint than the public one of the region, such as a VPC endpoint; http:// for the loopback address only."""
    ca_file: Path | None = None
    """PEM certificates that are trusted in place of those that come with the SDK."""
    deletion_days: int = WEEK_DAYS
    """Days from the destruction of a slot until AWS deletes its key for good, 7 to 30. Until then an administrator of the account
    can bring it back."""
    attempts: int = 2
    """How often a call is tried when AWS does not answer."""
    connect_seconds: float = 2.0
    """How long a connection may take."""
    read_seconds: float = 5.0
    """How long an answer may take."""


@dataclass(frozen=True, slots=True)
class Pkcs11Choice:
    """A hardware security module, or whatever else speaks PKCS#11."""

    module: Path
    """The shared library of its maker."""
    token_label: str
    """The token that holds the keys."""
    pin_file: Path
    """A file with the user PIN; not readable by the world. A PIN that was refused is not tried again until the file changes, since
    a few wrong ones lock a token."""
    prefix: str = "confide-"
    """What the labels of the keys begin with; each installation on one token needs its own."""
    call_seconds: float = 10.0
    """How long a call may take, the wait for calls of other threads included."""


Choice = KeyFileChoice | PassphraseChoice | OpenBaoChoice | AwsKmsChoice | Pkcs11Choice
