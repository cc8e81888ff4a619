"""
How a deployment is described: Django's settings, each value of a deployment from the environment.

docs/settings.md lists the variables; `.env.example` shows them all. Wrong values stop the start.
"""

import sys
from pathlib import Path

import environ

from config import admin_look, database, env, env_files, logs

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

# A real environment variable wins over `.env`, which wins over what a running demo has made.
for _file in env_files.of_this_process(BASE_DIR / ".env", demo_folder=VAR_DIR):
    environ.Env.read_env(str(_file))

# Up to the last line: whoever starts a service learns of all that is wrong at once.
env.note_refusals()

SECRET_KEY = env.secret("SECRET_KEY")
QR_SIGNING_KEY = env.secret("QR_SIGNING_KEY")
SERVICE_API_KEY = env.secret("SERVICE_API_KEY")

DEBUG = env.flag("DEBUG", default=False)
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS", "")
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES", "")

PORT = env.whole_number("PORT", 8000, minimum=1, maximum=65535)
WEB_WORKERS = env.whole_number("WEB_WORKERS", 2, minimum=1)
WEB_THREADS = env.whole_number("WEB_THREADS", 32, minimum=1)
WEB_STAFF_THREADS = env.whole_number("WEB_STAFF_THREADS", 16, minimum=1)
WEB_LOGINS = env.whole_number("WEB_LOGINS", 1, minimum=1)
WEB_DOWNLOADS = env.whole_number("WEB_DOWNLOADS", 64, minimum=1)
WEB_CONNECTIONS = env.whole_number("WEB_CONNECTIONS", 4096, minimum=1)
SCAN_TIMEOUT = env.seconds("SCAN_TIMEOUT", 5.0, minimum=0.1)
POOL_ENFORCE_BUDGET = env.choice("POOL_ENFORCE_BUDGET", "refuse", choices=("refuse", "shrink", "off"))
# Management commands that `serve --demo` runs beside the server: a deployment has a supervisor for them.
DEMO_COMPANIONS = ["report_worker"]

DATABASES = {"default": database.database_entry()}
# config.W003 is the same, by the names in the environment.
SILENCED_SYSTEM_CHECKS = ["core.W003"]
HEALTH_DB_TIMEOUT = env.seconds("HEALTH_DB_TIMEOUT", 0.5)

ETL_SOURCE_URL = env.text("ETL_SOURCE_URL", "")
ETL_SOURCE_TOKEN = env.token("ETL_SOURCE_TOKEN", "")
ETL_CURRENCY = env.currency("ETL_CURRENCY", "")
ETL_TIMEZONE = env.time_zone("ETL_TIMEZONE", "")
ETL_LAG_SECONDS = env.whole_number("ETL_LAG_SECONDS", 300)

INSTALLED_APPS = [
    # Before the admin, whose templates and site it replaces.
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    # Before staticfiles: runserver serves static files the way production does.
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    # Thousands in groups of three.
    "django.contrib.humanize",
    # Its static files: the API page without a CDN.
    "ninja",
    # Before core, whose `doctor` it extends.
    "config",
    "core",
    "analytics",
    "etl",
    "health",
    # Last: it limits the admin's pages of the others to the events that a reader may see.
    "reports",
    # Django 6's tasks for Django 5, with their rows in our database: docs/adr/0004-reports-are-made-in-a-
    # job.md.
    "django_tasks",
    "django_tasks_db",
]

MIDDLEWARE = [
    # First: what the others borrow is of the same class.
    "config.borrower_classes.BorrowerClassMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    # Django's, but that a monitor may name any Host.
    "config.hosts.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "reports.logins.middleware.LoginWaitMiddleware",
    # Last: it sees the view's own exceptions.
    "config.unavailable.DatabaseUnavailableMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

AUTHENTICATION_BACKENDS = [
    # First: it knows nobody, and makes wait who tried too often.
    "reports.logins.backend.CountedLogins",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "static/"
# Static files are served from where the packages have them; after collectstatic, from there.
WHITENOISE_USE_FINDERS = True
_collected = BASE_DIR / "staticfiles"
STATIC_ROOT = _collected if _collected.is_dir() or "collectstatic" in sys.argv else None

# The one kind of task there is: making a report. `manage.py report_worker` runs them.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["reports"]}}
REPORT_STORAGE = env.folder("REPORT_STORAGE", "var/reports")
REPORT_FOLDER = env.folder("REPORT_FOLDER", "")
REPORT_KEEP_DAYS = env.whole_number("REPORT_KEEP_DAYS", 30, minimum=1)
REPORT_EMAIL_FROM = env.text("REPORT_EMAIL_FROM", "turnstile@localhost")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "reports": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": REPORT_STORAGE,
            # Sales and scans are nobody else's business on this machine.
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}
vars().update(env.email("EMAIL_URL", "consolemail://"))
# A mail server that says nothing must not hold the worker for ever.
EMAIL_TIMEOUT = 30
# Where staff reach the service: the links in e-mails.
PUBLIC_URL = env.text("PUBLIC_URL", "http://127.0.0.1:8000")

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.flag("COOKIE_SECURE", default=False)

# Where the admin's login leads without a page to go back to: unfold's form forgets the start page.
LOGIN_REDIRECT_URL = "admin:index"
UNFOLD = admin_look.UNFOLD

LOGGING = logs.logging_entry(level="DEBUG" if DEBUG else "INFO")

env.raise_refusals()
