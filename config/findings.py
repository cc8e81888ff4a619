"""
What must be right for the service to keep its promise: `manage.py doctor` says so, and `serve` asks first.
"""

from collections.abc import Iterator

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from config import checks
from core.budget import ConnectionBudget
from core.management.commands import doctor
from core.management.commands.doctor import Finding


def keys() -> Finding:
    """Are the three keys different? `config.env` has already refused to start with a short one."""
    names = ("SECRET_KEY", "QR_SIGNING_KEY", "SERVICE_API_KEY")
    values = [getattr(settings, name) for name in names]
    if len(set(values)) < len(values):
        return Finding("fail", f"two of {', '.join(names)} are the same", "make a key of its own for each")
    lengths = ", ".join(f"{name} {len(value)}" for name, value in zip(names, values, strict=True))
    return Finding("ok", f"keys are set and differ (characters: {lengths})")


def names() -> Iterator[Finding]:
    """Which variables look like settings, and are none?"""
    for message in checks.check_names():
        yield Finding("warn", str(message.msg), str(message.hint))


def needed() -> ConnectionBudget:
    """Return what all workers may open together, and what the server that is asked grants."""
    server, bound = doctor.limits(DEFAULT_DB_ALIAS), checks.pool_options()["max_size"]
    return doctor.connection_budget(server, settings.WEB_WORKERS, pool_bound=bound)


def budget(needed: ConnectionBudget) -> Finding:
    """Does what all workers may open fit into what the server grants?"""
    text = f"connections: WEB_WORKERS x (POOL_SIZE + POOL_MAX_OVERFLOW) + commands = {needed}"
    if needed.fits:
        return Finding("ok", text)
    return Finding("fail", text, f"{needed.excess} too many: use {', or '.join(_cures(needed))}")


def _cures(needed: ConnectionBudget) -> Iterator[str]:
    if needed.room > 0:
        yield f"WEB_WORKERS={needed.room}"
    if needed.largest_bound > 0:
        yield checks.as_text(checks.sizes_for(needed.largest_bound))
    yield f"max_connections={needed.enough} of the server"
