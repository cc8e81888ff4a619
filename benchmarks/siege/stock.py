"""
The same service the stock way: the same pages and statements on Django's pool and SQLAlchemy's.

granian serves it with one kind of threads for all. What `core.db` does beyond an engine is switched off.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import sqlalchemy
from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.siege.stock_settings"
application = get_wsgi_application()

from analytics import services  # noqa: E402
from core import db  # noqa: E402 - it reads the settings
from core.pool.stats import PoolStats  # noqa: E402

_engine = sqlalchemy.create_engine(
    "postgresql+psycopg://",
    creator=partial(psycopg.connect, os.environ["DATABASE_URL"]),
    pool_size=5,
    max_overflow=10,
    pool_timeout=30,
)


def _call(_: Any, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
    """Call without a class and without a deadline."""
    return call(*arguments, **named)


def _ping(timeout: float) -> float:
    """Ask the database, however long it takes."""
    del timeout
    with _engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 1"))
    return 0.0


def _record(recorder: Any, fact: Any, deadline: Any) -> Any:
    """Store in a transaction of its own, in the thread of the request, through SQLAlchemy's pool."""
    with _engine.begin() as connection:
        execute = lambda statement, values: connection.exec_driver_sql(statement, values).fetchall()
        [answer] = recorder.write(execute, [fact])
        deadline.keep()
    return answer


services._through_the_recorder = _record
db.get_engine = lambda: _engine
db.run_as = db.run_until = _call
db.ping = _ping
db.pool_stats = lambda: PoolStats(5, 15, 0, 0, 0, 0)
