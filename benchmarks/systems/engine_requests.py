"""
How SQLAlchemy code uses an engine: one `begin()` block for each unit of work.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from sqlalchemy.orm import Session

from benchmarks.systems.contract import Execute


@contextmanager
def request(engine: sqlalchemy.Engine) -> Iterator[Execute]:
    """Run a transaction on a connection of `engine`."""
    with engine.begin() as connection:
        yield _execute_on(lambda: connection)


@contextmanager
def session(engine: sqlalchemy.Engine) -> Iterator[Execute]:
    """Run a transaction in a session of its own."""
    with Session(engine) as session, session.begin():
        yield _execute_on(session.connection)


def _execute_on(connection: Callable[[], sqlalchemy.Connection]) -> Execute:
    def execute(statement: str, parameters: Sequence[Any] = (), /) -> Any:
        return connection().exec_driver_sql(statement, tuple(parameters) or None)

    return execute


def driver_url(url: str) -> str:
    """Return `url` with psycopg 3 named as the driver."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def take_and_forget(engine: sqlalchemy.Engine) -> None:
    """Begin work on a connection and drop it on the floor."""
    engine.connect().exec_driver_sql("SELECT 1")
