"""The vault of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.apps import apps

if TYPE_CHECKING:
    from confide.adopt.django.vault import Vault


def vault() -> Vault:
    """Return the vault that the project's settings describe."""
    return cast("Vault", apps.get_app_config("confide").vault)  # type: ignore[attr-defined, unused-ignore]  # of ConfideConfig
