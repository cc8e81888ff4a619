"""
The DATABASES entry: Postgres through `core.backend`, with one bounded pool in each process.

The pool's options carry psycopg_pool's own names, so the same entry also works with Django's stock engine
(less `ping_after`, `leak_seconds`, `lazy` and `fail_fast`, which are ours).
"""

from typing import Any

from config import env
from core.backend import application_name

# They go on trying when the database refuses them, and are served once a password or a role is right again.
# Any other `manage.py` command ends at once. "python" is whatever is no command, such as a worker of Celery.
SERVICES = {"web", "python", "runserver", "report_worker"}


def database_entry() -> dict[str, Any]:
    """Return DATABASES["default"], read from the environment."""
    entry: dict[str, Any] = dict(env.database())
    options = {
        **entry.get("OPTIONS", {}),
        "connect_timeout": env.whole_number("DATABASE_CONNECT_TIMEOUT", 5, minimum=1),
        "pool": pool_options(),
    }
    return {
        **entry,
        "ENGINE": "core.backend",
        "OPTIONS": options,
        # The pool owns the life of a connection: Django gives it back at the end of each request.
        "CONN_MAX_AGE": 0,
        # The pool decides what is alive, without a round trip per request.
        "CONN_HEALTH_CHECKS": False,
        "TEST": {"NAME": None},
    }


def pool_options() -> dict[str, Any]:
    """Return the pool's options: sizes in connections, times in seconds."""
    size = env.whole_number("POOL_SIZE", 5, minimum=1)
    overflow = env.whole_number("POOL_MAX_OVERFLOW", 10)
    return {
        "min_size": size,
        "max_size": size + overflow,
        "timeout": env.seconds("POOL_TIMEOUT", 30.0),
        "max_lifetime": env.seconds("POOL_RECYCLE", 1800.0),
        "max_idle": env.seconds("POOL_OVERFLOW_IDLE", 10.0),
        "max_waiting": env.whole_number("POOL_MAX_WAITING", 0),
        "ping_after": env.seconds("POOL_PING_AFTER", 1.0),
        "leak_seconds": env.seconds("POOL_LEAK_SECONDS", 60.0),
        # A command that uses one connection opens one, not POOL_SIZE of them.
        "lazy": True,
        "fail_fast": application_name.role() not in SERVICES,
    }
