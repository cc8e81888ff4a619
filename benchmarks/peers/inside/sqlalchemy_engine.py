"""
The pytest plugin that gives SQLAlchemy's tests our engine: `-p benchmarks.peers.inside.sqlalchemy_engine`.

Each engine that they make on psycopg is made as `core.db` makes its own, with what the test asks for besides.
One that brings a pool, a creator, a driver or settings of its connections is not about ours, which takes
none, and stays SQLAlchemy's.
"""

from typing import Any
from unittest import mock

import django
import sqlalchemy
from django.conf import settings
from sqlalchemy.engine import make_url
from sqlalchemy.engine.url import URL

from benchmarks.peers.inside import databases
from benchmarks.peers.inside.cut_wires import CuttableConnection, CutWires
from core import db
from core.engine import creator, dialect

# A test may hold many at once; none waits for long.
POOL_OPTIONS = {"min_size": 5, "max_size": 80, "timeout": 5.0, "lazy": True}
OF_ITS_OWN = {
    *("creator", "module", "pool", "poolclass", "strategy"),
    *("client_encoding", "connect_args", "isolation_level", "use_native_hstore"),
    # Private: it switches off what `core.db` does in its own way.
    "_initialize",
}
STOCK_NAME, OUR_NAME = "postgresql+psycopg", dialect.NAME

_stock_create_engine: Any = sqlalchemy.create_engine
_wires = CutWires()


def pytest_configure() -> None:
    """Start Django with the shared pool, before SQLAlchemy's plugin makes its first engine."""
    database = databases.entry()
    database["OPTIONS"]["pool"] = POOL_OPTIONS
    settings.configure(DATABASES={"default": database}, INSTALLED_APPS=[], USE_TZ=True)
    django.setup()
    creator.shared_pool().connection_class = CuttableConnection
    # The tests choose what applies by the driver's name.
    dialect.SharedDialect.driver = "psycopg"
    for module in (sqlalchemy, sqlalchemy.engine):
        mock.patch.object(module, "create_engine", _create_engine).start()


def pytest_sessionstart() -> None:
    """Let the tests that cut a connection cut ours."""
    from sqlalchemy.testing import engines

    stock = engines.reconnecting_engine

    def reconnecting_engine(url: Any = None, options: dict[str, Any] | None = None) -> Any:
        make = stock if OF_ITS_OWN & set(options or {}) else _reconnecting_engine
        return make(url, options)

    mock.patch.object(engines, "reconnecting_engine", reconnecting_engine).start()


def _create_engine(url: str | URL, **options: Any) -> Any:
    url = make_url(url)
    if url.drivername not in {STOCK_NAME, OUR_NAME}:
        return _stock_create_engine(url, **options)
    if OF_ITS_OWN & set(options):
        return _stock_create_engine(url.set(drivername=STOCK_NAME), **options)
    return _our_engine(url.set(drivername=OUR_NAME), options)


def _our_engine(url: URL, options: dict[str, Any]) -> Any:
    """Make an engine as `core.db` does, on `url` and with `options` besides its own."""

    def create_engine(_url: str, **ours: Any) -> Any:
        return _stock_create_engine(url, **{**ours, **options})

    with mock.patch.object(sqlalchemy, "create_engine", create_engine):
        return db._make_engine()


def _reconnecting_engine(url: Any, options: dict[str, Any] | None) -> Any:
    from sqlalchemy.testing import engines

    engine: Any = engines.testing_engine(url, options or {}, asyncio=False)
    engine.test_shutdown, engine.test_restart = _wires.cut, _wires.mend
    dispose = engine.dispose

    def cut_and_dispose() -> None:
        _wires.cut()
        dispose()

    engine.dispose = cut_and_dispose
    return engine
