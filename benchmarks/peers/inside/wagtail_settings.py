"""
Settings for Wagtail's tests: its own, on our database.
"""

import os
from importlib import import_module

# Before its own settings are read: they add what wants Postgres only when it is asked for by this name.
os.environ["DATABASE_ENGINE"] = "django.db.backends.postgresql"

globals().update(vars(import_module("wagtail.test.settings")))

from benchmarks.peers.inside import databases  # noqa: E402 - after its settings, of which this replaces one

DATABASES = {"default": databases.entry()}
# It would write into its own package.
MEDIA_ROOT = os.environ["PEERS_MEDIA"]
TEST_RUNNER = "benchmarks.peers.inside.django_runner.RecordingRunner"
