"""
The service's settings for `plain`: the pool that SPIKE_SYSTEM names, no middleware, one page.
"""

import os
from typing import Any

from benchmarks.spike import systems
from config.settings import *  # noqa: F403
from config.settings import DATABASES, MIDDLEWARE

MIDDLEWARE = MIDDLEWARE[:0]
ROOT_URLCONF = "benchmarks.spike.plain_urls"
_POOL: dict[str, Any] = {"OPTIONS": {"pool": {"min_size": 5, "max_size": 15, "timeout": 30}}}
_WAYS: dict[str, dict[str, Any]] = {
    systems.DJANGO_POOL: _POOL,
    # What Django asks for behind a pooler that gives each transaction another session.
    systems.PGBOUNCER: {**_POOL, "DISABLE_SERVER_SIDE_CURSORS": True},
    systems.PERSISTENT: {"CONN_MAX_AGE": None},
    systems.DJANGO_CONNECTION_POOL: {
        "ENGINE": "dj_db_conn_pool.backends.postgresql",
        "POOL_OPTIONS": {"POOL_SIZE": 5, "MAX_OVERFLOW": 10},
    },
}
_ours = DATABASES["default"]
DATABASES = {
    "default": {
        **{name: _ours[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT") if name in _ours},
        "ENGINE": "django.db.backends.postgresql",
        **_WAYS.get(os.environ["SPIKE_SYSTEM"], {}),
    }
}
