"""
DATABASES of a suite's settings, from the environment that the runner sets.
"""

import os
from typing import Any

from benchmarks.systems.django_requests import database_entry

URL = "PEERS_URL"
ENGINE = "PEERS_ENGINE"
POOL = "PEERS_POOL"
STOCK_ENGINE = "django.db.backends.postgresql"
OUR_ENGINE = "core.backend"
# Options that both pools know: the tests' threads at once, and an error well before a test is interrupted.
POOL_OPTIONS = {"min_size": 1, "max_size": 10, "timeout": 10.0}


def entry(**more: Any) -> dict[str, Any]:
    """Return an entry for the server that this run has to itself."""
    options: dict[str, Any] = {"pool": dict(POOL_OPTIONS)} if os.environ[POOL] == "on" else {}
    return {**database_entry(os.environ[URL], **options), "ENGINE": os.environ[ENGINE], **more}
