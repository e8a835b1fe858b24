"""Settings of the project."""

import os
from pathlib import Path

from confide.values.purpose import Purpose

FOLDER = Path(os.environ.get("CONSUMER_FOLDER", "."))
SECRET_KEY = os.environ.get("CONSUMER_SECRET", "for development only")
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "consumer.urls"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "confide.adopt.django",
    "people",
]
MIDDLEWARE = [
    "confide.adopt.django.middleware.VaultMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "consumer.db"}}
CONFIDE = {
    "KEYS": f"sqlite:///{FOLDER / 'keys.db'}",
    "KEY_FILE": FOLDER / "root.key",
    "PURPOSE": Purpose.CUSTOMER_CARE,
}
DEFAULT_EXCEPTION_REPORTER = "confide.adopt.django.report.SealingReporter"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
USE_TZ = True
LOGIN_URL = "/login"
