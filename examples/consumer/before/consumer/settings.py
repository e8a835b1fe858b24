"""Settings of the project."""

import os
from pathlib import Path

FOLDER = Path(os.environ.get("CONSUMER_FOLDER", "."))
SECRET_KEY = os.environ.get("CONSUMER_SECRET", "for development only")
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "consumer.urls"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "people",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "consumer.db"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
USE_TZ = True
LOGIN_URL = "/login"
