"""
What it costs a query of the ORM to give its connection back, against holding it to the request's end.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import connections, models

from benchmarks.costs import rounds
from benchmarks.costs.row import Row, at_most, plain
from benchmarks.rig.server import Server
from benchmarks.systems import django_requests, turnstile

TITLE = "A query of the ORM, on a connection that is held or given back"
HOLDS = ("request", "transaction")


def run(server: Server) -> Sequence[Row]:
    """Return the costs of one query and their ratio; the pools are warm and idle."""
    entry = turnstile.entry(server.url)
    django_requests.configure_all({"default": entry, **{hold: _entry(entry, hold) for hold in HOLDS}})
    ask = _question()
    cost = rounds.microseconds({hold: _asking(ask, hold) for hold in HOLDS})
    return [
        plain("hold request", f"{cost['request']:.0f} µs"),
        plain("hold transaction", f"{cost['transaction']:.0f} µs"),
        at_most("transaction / request", cost["transaction"] / cost["request"], 1.05, "x"),
    ]


def _entry(entry: Mapping[str, Any], hold: str) -> dict[str, Any]:
    pool = {**entry["OPTIONS"]["pool"], "hold": hold}
    return {**entry, "OPTIONS": {**entry["OPTIONS"], "pool": pool}}


def _question() -> Callable[[str], object]:
    """Return what asks for one row by its key, through the alias that it is given; Django is set up."""

    class Database(models.Model):
        """A row of Postgres' own."""

        datname = models.CharField(primary_key=True, max_length=63)

        class Meta:
            app_label = "benchmarks"
            managed = False
            db_table = "pg_database"

        def __str__(self) -> str:
            return self.datname

    return lambda alias: Database._default_manager.using(alias).get(datname="postgres")


def _asking(ask: Callable[[str], object], alias: str) -> Callable[[], object]:
    # Its pool, and this thread's connection object.
    connections[alias].ensure_connection()
    return lambda: ask(alias)
