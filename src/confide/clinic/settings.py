"""The settings: one frozen value, from one file and from environment variables, read once.

`confide.toml` in the instance folder, then `CONFIDE_<NAME>` over it. `docs/reference/settings.md` is rendered from here.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from confide.clinic.errors import SettingsRefused

if TYPE_CHECKING:
    from typing import Self

    from pydantic.fields import FieldInfo

FILE = "confide.toml"
MIB = 1024 * 1024


class Settings(BaseSettings):
    """Every setting, with its unit in its name or description."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix="CONFIDE_", frozen=True, extra="forbid")

    folder: Path = Field(description="Instance folder: keys, databases, certificates.")
    demo: bool = Field(default=False, description="Whether demo accounts may sign in; `confide demo` sets it.")
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8443, ge=1, le=65535, description="TCP port to listen on.")
    tls: bool = Field(default=True, description="HTTPS. Off only behind a proxy on the same machine that ends TLS.")
    base_url: str = Field(
        default="",
        pattern=r"^(https?://\S*[^/\s])?$",
        description="Public address, https://…, without a slash at its end; empty: made of host and port.",
    )
    # An address may hold a password, so neither shows in a text form of the settings.
    data_database: str = Field(default="", repr=False, description="sqlite:///path or postgresql://…; empty: data.db in the folder.")
    keys_database: str = Field(default="", repr=False, description="The same for the key database; empty: keys.db in the folder.")
    resource_bytes: int = Field(default=2 * MIB, ge=1024, description="Largest body of a create or update, in bytes.")
    bundle_bytes: int = Field(default=64 * MIB, ge=1024, description="Largest body of a transaction, in bytes.")
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
    def load(cls, folder: Path) -> Self:
        """Read the file of an instance folder and the environment.

        Raises:
            SettingsRefused: not TOML, an unknown setting, or a value of the wrong kind; the value is not repeated.
        """
        path = folder / FILE
        try:
            content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            return cls(**{**content, "folder": folder.absolute()})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            message = f"{path} is not valid TOML: mend it."
            raise SettingsRefused(message) from None
        except SettingsError:
            message = 'A list in a CONFIDE_ variable is not JSON: write it like ["one", "two"]. See docs/reference/settings.md.'
            raise SettingsRefused(message) from None
        except ValidationError as error:
            faults = ", ".join(
                ".".join(map(str, one["loc"])) + " (" + one["type"].replace("_", " ") + ")"
                for one in error.errors(include_input=False, include_url=False)
            )
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
        "| name | environment | kind | default | bounds | what |",
        "|---|---|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"`{json.dumps(field.default)}`"
        shown = (f"`{name}`", f"`CONFIDE_{name.upper()}`", _kind(field), default, _bounds(field), str(field.description))
        lines.append(f"| {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def _kind(field: FieldInfo) -> str:
    names = {bool: "truth value", int: "number", str: "text", Path: "path", tuple[str, ...]: "texts"}
    return next((name for kind, name in names.items() if kind == field.annotation), str(field.annotation).replace("|", "\\|"))


def _bounds(field: FieldInfo) -> str:
    least, most = (next((getattr(one, end) for one in field.metadata if hasattr(one, end)), None) for end in ("ge", "le"))
    if least is None:
        return ""
    return f"{least:,} or more" if most is None else f"{least:,} to {most:,}"
