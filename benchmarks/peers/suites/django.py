"""
Django's own tests of what touches the database, with its pool and without.
"""

from collections.abc import Mapping, Sequence

from benchmarks.peers.inside import databases
from benchmarks.peers.server import programs_with_contrib
from benchmarks.peers.sources import SourceRelease
from benchmarks.peers.suite import Run, Suite

# What opens, borrows, shares or ends connections and transactions, and what reads and writes values.
LABELS = (
    "aggregation",
    "annotations",
    "asgi",
    "async",
    "backends",
    "bulk_create",
    "cache",
    "constraints",
    "custom_pk",
    "datatypes",
    "db_functions",
    "db_utils",
    "delete",
    "expressions",
    "fixtures",
    "get_or_create",
    "handlers",
    "indexes",
    "inspectdb",
    "introspection",
    "lookup",
    "migrations",
    "model_fields",
    "multiple_database",
    "postgres_tests",
    "queries",
    "raw_query",
    "requests_tests",
    "schema",
    "select_for_update",
    "serializers",
    "servers",
    "sessions_tests",
    "test_runner",
    "test_utils",
    "timezones",
    "transaction_hooks",
    "transactions",
    "update",
)
# Its migrations create extensions.
_NEED_CONTRIB = {"postgres_tests"}


def labels() -> list[str]:
    """Return the labels that this machine's Postgres can run."""
    return [label for label in LABELS if programs_with_contrib() or label not in _NEED_CONTRIB]


def _command(run: Run) -> Sequence[str]:
    settings = "--settings=benchmarks.peers.inside.django_settings"
    return ["tests/runtests.py", settings, "--noinput", "--parallel=1", *(run.files or labels())]


def environment(run: Run, pool: str) -> Mapping[str, str]:
    """Return what `benchmarks.peers.inside.databases` reads."""
    engine = databases.OUR_ENGINE if run.side == "ours" else databases.STOCK_ENGINE
    return {databases.URL: run.url, databases.ENGINE: engine, databases.POOL: pool}


def _suite(name: str, title: str, pool: str) -> Suite:
    return Suite(
        name=name,
        title=title,
        source=SourceRelease("Django"),
        command=_command,
        environment=lambda run: environment(run, pool),
        file_of=lambda test: test.partition(".")[0],
    )


SUITES = (
    _suite("django", "Django's own tests, without a pool", "off"),
    _suite("django-pool", "Django's own tests, with a pool", "on"),
)
