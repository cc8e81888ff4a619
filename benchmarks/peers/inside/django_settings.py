"""
Settings for Django's own tests, which want two databases.
"""

from benchmarks.peers.inside import databases

DATABASES = {"default": databases.entry(), "other": databases.entry(NAME="other")}
SECRET_KEY = "of-the-tests-of-django"  # noqa: S105 - guards nothing
# Their tests want the fastest, as their own settings do.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
TEST_RUNNER = "benchmarks.peers.inside.django_runner.RecordingRunner"
