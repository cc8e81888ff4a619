"""
psycopg's tests of its pool, without the asynchronous ones: ours is a pool for threads.
"""

from collections.abc import Sequence

from benchmarks.peers.sources import Checkout
from benchmarks.peers.suite import Run, Suite

FILES = ("tests/pool/test_pool.py", "tests/pool/test_pool_common.py", "tests/pool/test_sched.py")


def _command(run: Run) -> Sequence[str]:
    ours = ["-p", "benchmarks.peers.inside.psycopg_pool_swap"] if run.side == "ours" else []
    record = ["-p", "benchmarks.peers.inside.pytest_record", "-o", f"cache_dir={run.scratch / 'cache'}"]
    return [
        "-m",
        "pytest",
        *record,
        *ours,
        "-q",
        "-k",
        "not NullConnectionPool",
        "--test-dsn",
        run.url,
        *(run.files or FILES),
    ]


SUITE = Suite(
    name="psycopg-pool",
    title="psycopg's tests of its pool",
    source=Checkout("psycopg-pool", "PEERS_PSYCOPG", "psycopg_pool/pyproject.toml"),
    command=_command,
    file_of=lambda test: test.partition("::")[0],
    needs_quiet=True,
    test_seconds=90.0,
)
