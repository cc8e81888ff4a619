"""
The service's settings, the stock way: Django's own backend and pool, no classes, no places.
"""

from config.settings import *  # noqa: F403
from config.settings import AUTHENTICATION_BACKENDS, DATABASES, MIDDLEWARE

_ours = DATABASES["default"]
DATABASES = {
    "default": {
        **{name: _ours[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT") if name in _ours},
        "ENGINE": "django.db.backends.postgresql",
        "OPTIONS": {"pool": {"min_size": 5, "max_size": 15, "timeout": 30}},
    }
}
_OURS = ("config.borrower_classes", "config.unavailable", "reports.logins")
MIDDLEWARE = [each for each in MIDDLEWARE if not each.startswith(_OURS)]
AUTHENTICATION_BACKENDS = [each for each in AUTHENTICATION_BACKENDS if not each.startswith(_OURS)]
# A scan waits as long as it takes.
SCAN_TIMEOUT = 3600.0
