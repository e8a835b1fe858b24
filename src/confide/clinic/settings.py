"""The settings: one frozen value, from one file and from environment variables, read once.

`confide.toml` in the instance folder, then `CONFIDE_<NAME>` over it. `docs/reference/settings.md` is rendered from here.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args, get_origin

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from confide.clinic.errors import SettingsRefused
from confide.keys.choice import AwsKmsChoice, KeyFileChoice, OpenBaoChoice, PassphraseChoice, Pkcs11Choice
from confide.keys.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    from pydantic.fields import FieldInfo

    from confide.keys.choice import Choice

FILE = "confide.toml"
PREFIX = "CONFIDE_"
OTHER_VARIABLES = {"CONFIDE_PASSPHRASE", "CONFIDE_DEBUG"}
"""Read by the key provider and by the command line."""
TESTS = "CONFIDE_TEST_"
MIB = 1024 * 1024
DATABASE = r"^((sqlite:///|postgres(ql)?://).+)?$"
PUBLIC = r"^(https?://\S*[^/\s])?$"
NAMES = r"^[a-z0-9-]{1,32}$"
FORMS = {
    DATABASE: "an address that begins with sqlite:/// or postgresql://, or empty",
    PUBLIC: "an address that begins with https:// and does not end in a slash, or empty",
    NAMES: "1 to 32 of the characters a to z, 0 to 9 and -",
}
"""Patterns of texts, in words."""
BOUNDS = ("ge", "le", "pattern")
DAY = 86_400
"""In seconds."""


class Settings(BaseSettings):
    """Every setting, with its unit in its name or description."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    folder: Path = Field(
        default=Path("confide"), description="Instance folder: keys, databases, certificates; never in the file, which lies there."
    )
    demo: bool = Field(default=False, description="Whether demo accounts may sign in; `confide demo` sets it.")
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8443, ge=1, le=65535, description="TCP port to listen on.")
    tls: bool = Field(default=True, description="HTTPS. Off only behind a proxy on the same machine that ends TLS.")
    base_url: str = Field(
        default="",
        pattern=PUBLIC,
        description="Public address, https://…, without a slash at its end; empty: made of host and port.",
    )
    # An address may hold a password, so neither shows in a text form of the settings.
    data_database: str = Field(
        default="", repr=False, pattern=DATABASE, description="sqlite:///path or postgresql://…; empty: data.db in the folder."
    )
    keys_database: str = Field(
        default="", repr=False, pattern=DATABASE, description="The same for the key database; empty: keys.db in the folder."
    )
    resource_bytes: int = Field(default=2 * MIB, ge=1024, description="Largest body of a create or update, in bytes.")
    bundle_bytes: int = Field(default=64 * MIB, ge=1024, description="Largest body of a transaction, in bytes.")
    binary_bytes: int = Field(default=1024 * MIB, ge=1024, description="Largest content of a Binary that is sent by itself, in bytes.")
    objects: str = Field(
        default="", description="Where files lie: file:///path or s3://bucket/prefix; empty: the folder objects in the instance folder."
    )
    search_default_count: int = Field(default=20, ge=1, description="Resources on a page when _count is not given.")
    search_max_count: int = Field(default=200, ge=1, le=500, description="Most resources on a page.")
    search_total_cap: int = Field(default=10_000, ge=1, description="Most candidates opened to count exactly.")
    search_across_patients: tuple[str, ...] = Field(
        default=(),
        description='"Type.param" names that are searched without naming a patient; a thief of the database learns their frequencies.',
    )
    token_seconds: int = Field(default=600, ge=60, le=86_400, description="How long a bearer token lives, in seconds.")
    key_cache_seconds: int = Field(default=120, ge=60, le=300, description="How long an opened key stays in memory, in seconds.")
    key_cache_size: int = Field(default=10_000, ge=100, description="Most opened keys in memory.")
    key_provider: Literal["key-file", "passphrase", "openbao", "aws-kms", "pkcs11"] = Field(
        default="key-file", description="What holds the root and the epochs; see docs/security/key-management.md."
    )
    passphrase_file: str = Field(default="", description="A file with the passphrase; empty: CONFIDE_PASSPHRASE, or it is asked for.")
    openbao_url: str = Field(default="", description="Address of OpenBao or Vault.")
    openbao_mount: str = Field(default="transit", description="Where its transit engine is mounted.")
    openbao_namespace: str = Field(default="", description="Its namespace, where there are any.")
    openbao_token_file: str = Field(default="", description="A file with its token, read before every call; empty: BAO_TOKEN.")
    openbao_ca_file: str = Field(default="", description="Certificates that are trusted for it; empty: those of the system.")
    aws_region: str = Field(default="", description="Region of AWS KMS.")
    aws_profile: str = Field(default="", description="Profile of the AWS configuration; empty: what the AWS SDK finds.")
    aws_endpoint_url: str = Field(default="", description="Another endpoint than the public one of the region.")
    aws_deletion_days: int = Field(default=7, ge=7, le=30, description="Days until AWS deletes a destroyed key for good.")
    pkcs11_module: str = Field(default="", description="The shared library of the maker of the security module.")
    pkcs11_token: str = Field(default="", description="Label of the token that holds the keys.")
    pkcs11_pin_file: str = Field(default="", description="A file with its user PIN.")
    key_prefix: str = Field(
        default="confide-", pattern=NAMES, description="What the names of keys begin with at a provider that others use too."
    )
    provider_seconds: int = Field(
        default=300, ge=10, le=300, description="How long opened KEKs and epochs serve before the provider is asked again, in seconds."
    )
    epoch_days: int = Field(
        default=7, ge=1, le=366, description="Days of an epoch: with the grace time, how long a shredded key survives in old copies."
    )
    epoch_grace_days: int = Field(default=1, ge=1, le=60, description="Days from the end of an epoch to the destruction of its key.")
    searches_days: int = Field(
        default=35,
        ge=7,
        le=366,
        description="Days for which the trail can show what was searched for, where no one person was found.",
    )
    kek_days: int = Field(default=365, ge=1, description="Age at which a rotation of the KEK is due, in days.")
    root_days: int = Field(default=365, ge=1, description="The same for the root.")
    dek_days: int = Field(default=730, ge=1, description="The same for the keys of persons.")
    backup_days: int = Field(
        default=35, ge=1, description="Days for which backups of the data are kept; superseded keys of persons are kept as long."
    )
    ledger_file: str = Field(
        default="",
        description="The shred ledger, best on another disk than the databases and in none of their backups; empty: shred.ledger.",
    )
    log_file: str = Field(default="", description="Where log lines go; empty: standard error.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment variables stand over the file, which comes as arguments."""
        del settings_cls
        return env_settings, init_settings

    @classmethod
    def load(cls, folder: Path, chosen: Mapping[str, object] | None = None) -> Self:
        """Read the file of an instance folder and the environment; `chosen` stands in for a file that is still to be written.

        Raises:
            SettingsRefused: not TOML, an unknown setting, or a value of the wrong kind; the value is not repeated.
        """
        path = folder / FILE
        content = in_file(folder) if path.exists() else dict(chosen or {})
        try:
            # The folder that was asked for stands over CONFIDE_FOLDER, which would otherwise stand over everything.
            return cls(**{**content, "folder": folder.absolute()}).model_copy(update={"folder": folder.absolute()})
        except SettingsError:
            message = 'A list in a CONFIDE_ variable is not JSON: write it like ["one", "two"]. See docs/reference/settings.md.'
            raise SettingsRefused(message) from None
        except ValidationError as error:
            names = dict.fromkeys(str(one["loc"][0]) for one in error.errors(include_input=False, include_url=False))
            faults = "; ".join(map(_wanted, names))
            message = f"The settings in {path} or in CONFIDE_ variables are refused: {faults}. See docs/reference/settings.md."
            raise SettingsRefused(message) from None

    @property
    def public_url(self) -> str:
        """The address that clients use."""
        host = "localhost" if self.host in {"127.0.0.1", "::1"} else f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url or f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    @property
    def data_url(self) -> str:
        """The address of the data database."""
        return self.data_database or f"sqlite:///{self.folder / 'data.db'}"

    @property
    def keys_url(self) -> str:
        """The address of the key database."""
        return self.keys_database or f"sqlite:///{self.folder / 'keys.db'}"

    @property
    def key_file(self) -> Path:
        """The root key."""
        return self.folder / "root.key"

    @property
    def provider(self) -> Choice:
        """What holds the root and the epochs.

        Raises:
            SettingsRefused: a setting that this provider needs is empty.
        """
        match self.key_provider:
            case "key-file":
                return KeyFileChoice(self.key_file)
            case "passphrase":
                return PassphraseChoice(self.key_file, self._file("passphrase_file"))
            case "openbao":
                return OpenBaoChoice(
                    self._needed("openbao_url"),
                    mount=self.openbao_mount,
                    prefix=self.key_prefix,
                    token_file=self._file("openbao_token_file"),
                    ca_file=self._file("openbao_ca_file"),
                    namespace=self.openbao_namespace,
                )
            case "aws-kms":
                return AwsKmsChoice(
                    self._needed("aws_region"),
                    prefix=self.key_prefix,
                    profile=self.aws_profile,
                    endpoint_url=self.aws_endpoint_url,
                    deletion_days=self.aws_deletion_days,
                )
            case "pkcs11":
                pin = self.folder / self._needed("pkcs11_pin_file")
                return Pkcs11Choice(Path(self._needed("pkcs11_module")), self._needed("pkcs11_token"), pin, prefix=self.key_prefix)

    @property
    def provider_is_local(self) -> bool:
        """Whether the keys are in files beside the settings: then nobody else can bring them back while the server runs."""
        return self.key_provider in {"key-file", "passphrase"}

    def _file(self, name: str) -> Path | None:
        return self.folder / getattr(self, name) if getattr(self, name) else None

    def _needed(self, name: str) -> str:
        found: str = getattr(self, name)
        if not found:
            message = f"The key provider {self.key_provider} needs the setting {name}: see docs/reference/settings.md."
            raise SettingsRefused(message)
        return found

    @property
    def policy(self) -> Policy:
        """How long keys serve."""
        return Policy(
            epoch=self.epoch_days * DAY,
            grace=self.epoch_grace_days * DAY,
            searches=self.searches_days * DAY,
            kek=self.kek_days * DAY,
            root=self.root_days * DAY,
            dek=self.dek_days * DAY,
            retired=self.backup_days * DAY,
        )

    @property
    def objects_url(self) -> str:
        """The address of the object store."""
        return self.objects or f"file://{self.folder / 'objects'}"

    @property
    def ledger(self) -> Path:
        """The shred ledger; it is part of no backup."""
        return self.folder / (self.ledger_file or "shred.ledger")

    @property
    def ca_certificate(self) -> Path:
        """The certificate that clients trust."""
        return self.folder / "tls" / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """The key of the local certificate authority."""
        return self.folder / "tls" / "ca.key"

    @property
    def server_certificate(self) -> Path:
        """The certificate chain that the server shows."""
        return self.folder / "tls" / "server.pem"

    @property
    def server_key(self) -> Path:
        """The key of the server's certificate."""
        return self.folder / "tls" / "server.key"


def in_file(folder: Path) -> dict[str, Any]:
    """Return what the settings file of a folder says, as it is written.

    Raises:
        SettingsRefused: it is not TOML.
    """
    try:
        return tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        message = f"{folder / FILE} is not valid TOML: mend it."
        raise SettingsRefused(message) from None


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Return the CONFIDE_ variables that are nobody's: not a setting, and not read by a program of ours."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES
    return sorted(name for name in environment if name.startswith(PREFIX) and name not in known and not name.startswith(TESTS))


def _wanted(name: str) -> str:
    """Return what a setting must be, in words; the name may be one that there is not."""
    field = Settings.model_fields.get(name)
    return f"there is no setting {name}" if field is None else f"{name} must be {_kind(field)}"


def render() -> str:
    """Return docs/reference/settings.md."""
    lines = [
        "# Settings",
        "",
        f"One file, `{FILE}` in the instance folder, and environment variables over it. This page is written by `make reference` from",
        "`clinic/settings.py`, and a test compares the two.",
        "",
        "A name in the file that is not listed here, and a value of another kind or out of bounds, stop every command; the value is",
        "not repeated. A list is written as TOML in the file and as JSON in a variable. Settings are read once: restart the server to",
        "change one.",
        "",
    ]
    for name, field in Settings.model_fields.items():
        default = field.default if name != "folder" else str(field.default)
        lines += [f"`{name}`", f": {field.description}"]
        lines += [f"  {_kind(field).capitalize()}; default `{json.dumps(default)}`. Variable: `{PREFIX}{name.upper()}`.", ""]
    return "\n".join(lines)


def _kind(field: FieldInfo) -> str:
    """Return what is allowed, as it ends the sentence "port must be …"."""
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(get_args(field.annotation))
    least, most, form = (next((getattr(one, name) for one in field.metadata if hasattr(one, name)), None) for name in BOUNDS)
    if field.annotation is int:
        return f"a whole number, {least} or more" if most is None else f"a whole number from {least} to {most}"
    names = {bool: "true or false", str: "a text", Path: "a path", tuple[str, ...]: "a list of texts"}
    kind = next(name for one, name in names.items() if one == field.annotation)
    return FORMS[form] if form is not None else kind
