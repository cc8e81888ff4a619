"""
What is compared: each answers POST /validate-qr, with two processes on granian.

All but the first two and the last store a scan with one bare INSERT: no admission, no counter.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# 32 for requests and 64 for downloads, as a service without kinds of threads has them.
THREADS = 96


@dataclass(frozen=True)
class System:
    """
    One way of storing scans.

    Attributes:
        title: for tables.
        label: for charts.
        colour: there.
        module: with the `application` that granian serves; "" is `manage.py serve`.
        interface: of the application.
        threads: of a process, where the application is WSGI.
        is_behind_pgbouncer: it reaches Postgres through one, in transaction mode.
        commit: an earlier state of this repository, which has a database of its own; "" is the present.
    """

    title: str
    label: str
    colour: str
    module: str = "benchmarks.spike.plain"
    interface: str = "wsgi"
    threads: int = THREADS
    is_behind_pgbouncer: bool = False
    commit: str = ""


TURNSTILE = "turnstile"
ONE_STATEMENT = "one-statement"
ENGINE_PER_WRITE = "engine-per-write"
QUEUEPOOL = "queuepool"
PERSISTENT = "persistent"
DJANGO_POOL = "django-pool"
DJANGO_CONNECTION_POOL = "django-db-connection-pool"
PGBOUNCER = "pgbouncer"
NO_DATABASE = "no-database"

SYSTEMS: Mapping[str, System] = {
    TURNSTILE: System("Turnstile", "Turnstile", "#1b7837", module=""),
    ONE_STATEMENT: System(
        "Turnstile before its recorder (8892ff7): one statement a request, through Django",
        "one statement a request",
        "#7fbf7b",
        module="",
        commit="8892ff7",
    ),
    ENGINE_PER_WRITE: System(
        "SQLAlchemy, an engine per write, as the legacy service", "engine per write", "#b2182b"
    ),
    QUEUEPOOL: System("SQLAlchemy, QueuePool 5 + 10", "QueuePool 5 + 10", "#ef8a62"),
    # Each thread keeps one, so there are as many threads as Postgres has connections for.
    PERSISTENT: System(
        "Django, persistent connections, 2 x 45 threads", "Django, persistent", "#92c5de", threads=45
    ),
    DJANGO_POOL: System("Django's own pool, 5 to 15", "Django's pool", "#2166ac"),
    DJANGO_CONNECTION_POOL: System(
        "django-db-connection-pool 5 + 10", "django-db-connection-pool", "#8073ac"
    ),
    PGBOUNCER: System(
        "Django's own pool behind PgBouncer", "behind PgBouncer", "#d6604d", is_behind_pgbouncer=True
    ),
    NO_DATABASE: System(
        "Turnstile's server and request path, without a database",
        "no database",
        "#999999",
        module="benchmarks.spike.no_database",
        interface="asgi",
    ),
}

# Ways in for Turnstile's scans, for docs/adr/0014-the-way-in.md; not part of the whole run.
WAYS_IN: Mapping[str, System] = {
    "lean-wsgi": System(
        "lean WSGI in front of Django, 2 x 64 threads",
        "lean WSGI",
        "#1b7837",
        module="benchmarks.spike.lean_wsgi",
        threads=64,
    ),
    "lean-rsgi": System(
        "RSGI, scans only", "RSGI", "#1b7837", module="benchmarks.spike.lean_rsgi", interface="rsgi"
    ),
}
