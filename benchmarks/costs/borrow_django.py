"""
Borrow and return through Django's backend: ours against Django's own pool.
"""

from collections.abc import Callable, Sequence

from django.db import connections

from benchmarks.costs import rounds
from benchmarks.costs.row import Row, at_most, plain
from benchmarks.rig.server import Server
from benchmarks.systems import django_requests, turnstile
from benchmarks.systems.contract import POOL_BOUND, POOL_SIZE

TITLE = "Borrow and return through Django's backend"


def run(server: Server) -> Sequence[Row]:
    """Return the costs and their ratios; the pools are warm and idle."""
    django_requests.configure_all(
        {
            "default": turnstile.entry(server.url),
            "stock": _stock(server.url, has_health_checks=False),
            "checked": _stock(server.url, has_health_checks=True),
        }
    )
    cost = rounds.microseconds({alias: _borrow(alias) for alias in ("default", "stock", "checked")})
    return [
        plain("core.backend", f"{cost['default']:.1f} µs"),
        plain("Django pool without health checks", f"{cost['stock']:.1f} µs"),
        plain("Django pool with health checks", f"{cost['checked']:.1f} µs"),
        at_most("core.backend / without health checks", cost["default"] / cost["stock"], 0.95, "x"),
        at_most("core.backend / with health checks", cost["default"] / cost["checked"], 0.25, "x"),
    ]


def _stock(url: str, *, has_health_checks: bool) -> dict[str, object]:
    entry = django_requests.database_entry(url, pool={"min_size": POOL_SIZE, "max_size": POOL_BOUND})
    return {
        **entry,
        "ENGINE": "django.db.backends.postgresql",
        "CONN_HEALTH_CHECKS": has_health_checks,
    }


def _borrow(alias: str) -> Callable[[], None]:
    wrapper = connections[alias]

    def borrow() -> None:
        wrapper.ensure_connection()
        wrapper.close()

    return borrow
