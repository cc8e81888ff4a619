"""
Django's system checks of the pool's settings, and the arithmetic of connections against the server's limit.

The checks look at settings only; `manage.py doctor` also asks the server.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register  # noqa: A004 - Django's name for it


@dataclass(frozen=True, kw_only=True)
class ConnectionBudget:
    """
    How many connections a deployment may open, and how many its server grants.

    Attributes:
        workers: processes that serve requests, each with a pool.
        pool_bound: the most connections of one process, POOL_SIZE + POOL_MAX_OVERFLOW.
        commands: connections for `manage.py` commands that run meanwhile, one each.
        max_connections: the server's limit.
        reserved: those of `max_connections` that only superusers and privileged roles get.

    """

    workers: int
    pool_bound: int
    commands: int = 1
    max_connections: int
    reserved: int

    @property
    def needed(self) -> int:
        """The most connections that are ever open at once."""
        return self.workers * self.pool_bound + self.commands

    @property
    def available(self) -> int:
        """What the server grants to an ordinary role."""
        return self.max_connections - self.reserved

    @property
    def fits(self) -> bool:
        """Whether a spike can never meet "too many connections"."""
        return self.needed <= self.available

    def __str__(self) -> str:
        sum_needed = f"{self.workers} x {self.pool_bound} + {self.commands} = {self.needed}"
        return f"{sum_needed} of {self.available} ({self.max_connections} less {self.reserved} reserved)"


def pool_options() -> dict[str, Any]:
    """Return the pool's options of the default database; sizes in connections, times in seconds."""
    options: dict[str, Any] = settings.DATABASES["default"]["OPTIONS"]["pool"]
    return options


@register()
def check_pool_settings(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> Sequence[CheckMessage]:
    """Warn about pool settings that contradict each other."""
    found = (_check_threads(), _check_waiting(), _check_times())
    return [message for message in found if message]


def _check_threads() -> CheckMessage | None:
    bound, threads = pool_options()["max_size"], settings.WEB_THREADS
    if bound <= threads:
        return None
    return Warning(
        f"POOL_SIZE + POOL_MAX_OVERFLOW = {bound}, but WEB_THREADS={threads} can never use them all.",
        hint=f"Lower POOL_MAX_OVERFLOW by {bound - threads}: it counts against the server's limit.",
        id="core.W001",
    )


def _check_waiting() -> CheckMessage | None:
    options, threads = pool_options(), settings.WEB_THREADS
    allowed, waiting = options["max_waiting"], threads - options["max_size"]
    if not 0 < allowed < waiting:
        return None
    return Warning(
        f"POOL_MAX_WAITING={allowed}, but up to {waiting} of WEB_THREADS={threads} threads may wait: "
        f"{waiting - allowed} would be refused at once during a spike.",
        hint=f"Use POOL_MAX_WAITING={waiting} or more, or 0 for no limit.",
        id="core.W002",
    )


def _check_times() -> CheckMessage | None:
    database = settings.DATABASES["default"]["OPTIONS"]
    connect, wait = database["connect_timeout"], database["pool"]["timeout"]
    if connect < wait:
        return None
    return Warning(
        f"DATABASE_CONNECT_TIMEOUT={connect} is not below POOL_TIMEOUT={wait:g}: "
        "one hung connect uses up a caller's whole wait.",
        hint="Use a DATABASE_CONNECT_TIMEOUT of a few seconds.",
        id="core.W003",
    )
