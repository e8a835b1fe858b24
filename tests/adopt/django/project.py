"""A Django project with the shop, configured once for each process; every test gives it a database and a vault of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.db import connections

if TYPE_CHECKING:
    from pathlib import Path

APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages",
    "guardian", "confide.adopt.django", "tests.adopt.django.shop",
]  # fmt: skip
MIDDLEWARE = [
    "confide.adopt.django.middleware.VaultMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
]  # fmt: skip


def configure() -> None:
    """Set Django up, if nobody has."""
    if settings.configured:
        return
    settings.configure(
        SECRET_KEY="none of the tests needs one",  # pragma: allowlist secret
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=APPS,
        MIDDLEWARE=MIDDLEWARE,
        ROOT_URLCONF="tests.adopt.django.urls",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "unused"}},
        AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend", "guardian.backends.ObjectPermissionBackend"],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        USE_TZ=True,
        DEFAULT_EXCEPTION_REPORTER="confide.adopt.django.report.SealingReporter",
        EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
        CONFIDE={},
    )
    django.setup()


def point_to(url: str, folder: Path, **said: Any) -> None:
    """Let the project use a database, with keys in a folder."""
    connections["default"].close()
    del connections["default"]
    connections.settings["default"] = connections.configure_settings({"default": database_of(url)})["default"]
    settings.CONFIDE = {"KEYS": f"sqlite:///{folder / 'keys.db'}", "KEY_FILE": folder / "root.key", **said}


def database_of(url: str) -> dict[str, Any]:
    """Return an address as Django has it."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": url.removeprefix("sqlite:///")}
    host = parts.hostname or dict(pair.split("=") for pair in parts.query.split("&") if pair).get("host", "")
    return {
        "ENGINE": "django.db.backends.postgresql", "NAME": parts.path.strip("/"), "USER": parts.username or "",
        "PASSWORD": parts.password or "", "HOST": host, "PORT": str(parts.port or ""),
    }  # fmt: skip
