"""
Django's system checks of every database that `core.backend` serves. They look at DATABASES only.

`manage.py doctor` also asks the servers.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register  # noqa: A004 - Django's name for it

ENGINE = "core.backend"
# psycopg_pool's, where OPTIONS["pool"] gives none.
DEFAULT_WAIT_SECONDS = 30.0


def aliases() -> list[str]:
    """Return the aliases of DATABASES that `core.backend` serves, with a pool or without."""
    return [alias for alias, entry in settings.DATABASES.items() if entry.get("ENGINE") == ENGINE]


@register()
def check_databases(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> Sequence[CheckMessage]:
    """Warn about options of a pool that contradict each other."""
    return [message for alias in aliases() for message in check_database(alias)]


def check_database(alias: str) -> Iterator[CheckMessage]:
    """Yield what contradicts itself in the options of one database; what is not given contradicts nothing."""
    options = settings.DATABASES[alias].get("OPTIONS", {})
    if pool := options.get("pool"):
        wait = ({} if pool is True else pool).get("timeout", DEFAULT_WAIT_SECONDS)
        yield from _check_times(alias, options.get("connect_timeout"), wait)


def _check_times(alias: str, connect: Any, wait: float) -> Iterator[CheckMessage]:
    # Text is for the driver to read or refuse.
    if isinstance(connect, int | float) and connect >= wait:
        yield Warning(
            f'DATABASES["{alias}"]["OPTIONS"]: connect_timeout={connect} is not below the pool\'s '
            f"timeout={wait:g}: one hung connect uses up a caller's whole wait.",
            hint="Use a connect_timeout of a few seconds.",
            id="core.W003",
        )
