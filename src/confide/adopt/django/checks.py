"""What `manage.py check` says of declarations that the vault cannot serve."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from confide.adopt.django.described import describe, personal_fields
from confide.adopt.django.report import SealingReporter
from confide.adopt.refusals import Undeclared

_REPORTER = "confide.adopt.django.report.SealingReporter"


def check_models(app_configs: Any = None, **_given: Any) -> list[checks.CheckMessage]:
    """Return what is wrong."""
    chosen = [model for config in app_configs or apps.get_app_configs() for model in config.get_models()]
    return [message for model in chosen if personal_fields(model) for message in _check(model)]


def check_reports(**_given: Any) -> list[checks.CheckMessage]:
    """Return a warning where the mails about errors show what was sent."""
    if issubclass(import_string(settings.DEFAULT_EXCEPTION_REPORTER), SealingReporter):
        return []
    message = "Mails about errors show variables and what was sent, which may be personal."
    return [checks.Warning(message, hint=f"DEFAULT_EXCEPTION_REPORTER = {_REPORTER!r}", id="confide.W001")]


def _check(model: Any) -> list[checks.CheckMessage]:
    own = model._meta  # noqa: SLF001 - Django's documented way to ask a model
    names = {one.name for one in personal_fields(model)}
    found: list[checks.CheckMessage] = []
    try:
        describe(model)
    except Undeclared as error:
        found.append(checks.Error(str(error), obj=model, id="confide.E001"))
    if any(str(one).lstrip("-") in names for one in own.ordering):
        found.append(checks.Error("Objects cannot be sorted by a sealed field: sort in Python.", obj=model, id="confide.E002"))
    together = {name for group in own.unique_together for name in group}
    together |= {name for one in (*own.indexes, *own.constraints) for name in getattr(one, "fields", ())}
    if together & names:
        message = "An index or a constraint over a sealed field does nothing, since equal values are stored as different bytes."
        found.append(checks.Error(message, obj=model, hint="Declare the inner field unique=True, or leave it out.", id="confide.E003"))
    return found
