"""
The pytest plugin that gives every test run its own Postgres and its own settings.

pytest.ini loads it before Django reads its settings. Nothing of the developer's environment leaks in.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest
from django.test.utils import override_settings

if "PYTEST_XDIST_WORKER" in os.environ and "COVERAGE_RUN" in os.environ:
    # `make test` measures the process that hands out the tests; this is one of those that run them. Before
    # anything of the service is imported, or its first lines would not count.
    _coverage = coverage.Coverage(data_suffix=True)
    _coverage.start()
    atexit.register(_coverage.save)

from core.embedded import THROWAWAY_PARAMETERS, EmbeddedPostgres

pytest_plugins = ["core.tests.fixtures", "core.tests.emptying"]

# Begun first, so that none of them is left for the end: `make test` hands out whole files.
LONGEST = (
    "config/tests/test_serve.py",
    "benchmarks/tests/test_short_faults.py",
    "core/tests/test_own_project.py",
)

_reports = tempfile.mkdtemp(prefix="turnstile-reports-")
# Made and thrown away with the run; its socket's path is known before it starts.
_server = EmbeddedPostgres(
    Path(tempfile.mkdtemp(prefix="turnstile-tests-")) / "data", parameters=THROWAWAY_PARAMETERS
)

os.environ.update(
    {
        "DATABASE_URL": _server.url("turnstile"),
        # The login is in the URL.
        "DATABASE_PASSWORD_FILE": "",
        "DATABASE_PASSWORD_COMMAND": "",
        "SECRET_KEY": "secret-key-of-the-tests-" + "s" * 32,
        "SERVICE_API_KEY": "service-key-of-the-tests-" + "k" * 32,
        # The legacy service's test vector is signed with this key.
        "QR_SIGNING_KEY": "a" * 32,
        "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
        "DEBUG": "false",
        "REPORT_STORAGE": _reports,
        "REPORT_FOLDER": "",
        "EMAIL_URL": "consolemail://",
        # No source of the developer's own.
        "ETL_SOURCE_URL": "",
        "ETL_SOURCE_TOKEN": "",
        "ETL_CURRENCY": "",
        "ETL_TIMEZONE": "",
        # A test that hangs on a full pool should fail soon.
        "POOL_TIMEOUT": "5",
        # Tests fill the pool from threads that name no class.
        "POOL_STAFF_PLACES": "15",
        "POOL_BATCH_PLACES": "15",
    }
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; pytest-django has put those without a database last."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    file = item.nodeid.partition("::")[0]
    return LONGEST.index(file) if file in LONGEST else len(LONGEST)


def pytest_sessionstart(session: pytest.Session) -> None:
    if not _hands_out_tests(session.config):
        _server.start()


def _hands_out_tests(config: pytest.Config) -> bool:
    """Return whether this process only hands out tests to others (pytest -n)."""
    return bool(config.getoption("numprocesses", None)) and not hasattr(config, "workerinput")


def pytest_unconfigure() -> None:
    _server.remove()
    _server.data_dir.parent.rmdir()
    shutil.rmtree(_reports)


@pytest.fixture(scope="session")
def postgres() -> EmbeddedPostgres:
    """The server that this test run started: other tests use it too, so do not stop it."""
    return _server


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """To hash a password takes a quarter of a second, as it should where passwords guard something."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield
