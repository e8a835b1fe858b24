"""The application that a project installs: `"confide.adopt.django"`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from django.apps import AppConfig, apps
from django.core import checks

from confide.adopt.django.checks import check_models, check_reports
from confide.adopt.redact import redact

if TYPE_CHECKING:
    from confide.adopt.django.vault import Vault


class ConfideConfig(AppConfig):
    """Holds the vault of the project, which its settings describe."""

    name = "confide.adopt.django"
    label = "confide"
    verbose_name = "Confide"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the declarations of the project's models looked through by `manage.py check`, and let no model print what is personal.

        One without personal fields may print those of another, and the admin's log keeps what it printed.
        """
        for model in apps.get_models():
            redact(model)
        checks.register(check_models, checks.Tags.models)
        checks.register(check_reports)

    @cached_property
    def vault(self) -> Vault:
        """The vault; nothing is opened before it is first used."""
        from confide.adopt.django.vault import Vault  # noqa: PLC0415 - needs the models, which are loaded after this module

        return Vault.of_project()
