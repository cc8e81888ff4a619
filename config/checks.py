"""
Django's system checks of the settings that make this service's pool, by the names in the environment.

The checks look at settings only; `manage.py doctor` also asks the server.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register  # noqa: A004 - Django's name for it

from config import env


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


@register()
def check_names(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> Sequence[CheckMessage]:
    """Warn about variables that look like settings of ours, and are none; their values are not shown."""
    return [
        Warning(
            f"{name} is set, but no setting has this name.",
            hint=f"Did you mean {meant}?" if meant else "docs/settings.md lists those there are.",
            id="config.W004",
        )
        for name, meant in env.look_alikes()
    ]


def sizes_for(bound: int) -> dict[str, int]:
    """Return the settings that let each process open `bound` connections and no more."""
    size = min(pool_options()["min_size"], bound)
    return {"POOL_SIZE": size, "POOL_MAX_OVERFLOW": bound - size}


def as_text(values: Mapping[str, Any]) -> str:
    """Return settings as one types them."""
    return " and ".join(f"{name}={value}" for name, value in values.items())


def _check_threads() -> CheckMessage | None:
    bound, threads = pool_options()["max_size"], settings.WEB_THREADS
    if bound <= threads:
        return None
    return Warning(
        f"POOL_SIZE + POOL_MAX_OVERFLOW = {bound}, but WEB_THREADS={threads} can never use them all.",
        hint=f"Use {as_text(sizes_for(threads))}: what is more counts against the server's limit.",
        id="config.W001",
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
        id="config.W002",
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
        id="config.W003",
    )
