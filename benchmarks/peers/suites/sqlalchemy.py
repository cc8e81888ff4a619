"""
SQLAlchemy's own tests: what every dialect must do, its engine, and its Postgres.
"""

from collections.abc import Callable, Sequence

from benchmarks.peers.inside import databases
from benchmarks.peers.sources import SourceRelease
from benchmarks.peers.suite import Run, Suite

PLUGIN = "benchmarks.peers.inside.sqlalchemy_engine"


def _command(files: Sequence[str]) -> Callable[[Run], Sequence[str]]:
    def command(run: Run) -> Sequence[str]:
        # -s: otherwise its conftest takes the library from the source, without the compiled parts.
        start = ["-s", "-m", "pytest", "-p", "benchmarks.peers.inside.pytest_record"]
        ours = ["-p", PLUGIN] if run.side == "ours" else []
        url = run.url.replace("postgresql:", "postgresql+psycopg:")
        options = ["--dburi", url, "--maxfail", "100000", "-q", "-o", f"cache_dir={run.scratch / 'cache'}"]
        return [*start, *ours, *options, *(run.files or files)]

    return command


def _suite(name: str, title: str, *files: str) -> Suite:
    return Suite(
        name=name,
        title=title,
        source=SourceRelease("SQLAlchemy"),
        command=_command(files),
        environment=lambda run: {
            databases.URL: run.url,
            databases.ENGINE: databases.OUR_ENGINE,
            databases.POOL: "on",
        },
        file_of=lambda test: test.partition("::")[0],
        extensions=("hstore", "citext", "btree_gist"),
        # Their names are fixed; not every machine has this locale.
        statements=(
            "CREATE SCHEMA test_schema",
            "CREATE SCHEMA test_schema_2",
            'CREATE COLLATION "en_US" FROM "C"',
        ),
    )


_POSTGRES = "test/dialect/postgresql"

SUITES = (
    _suite("sqlalchemy-dialect", "SQLAlchemy's dialect compliance suite", "test/dialect/test_suite.py"),
    _suite("sqlalchemy-engine", "SQLAlchemy's tests of its engine", "test/engine"),
    _suite(
        "sqlalchemy-postgres",
        "SQLAlchemy's tests of Postgres, without types",
        *(
            f"{_POSTGRES}/test_{name}.py"
            for name in ("compiler", "dialect", "on_conflict", "query", "reflection")
        ),
    ),
    _suite(
        "sqlalchemy-types",
        "SQLAlchemy's tests of Postgres' types",
        f"{_POSTGRES}/test_types.py",
        f"{_POSTGRES}/test_bitstring.py",
    ),
)
