"""
SQLAlchemy's psycopg dialect, for connections that it shares with Django.

It registers nothing on a connection: SQLAlchemy's own dialect adds a notice handler at each connect event,
which is each checkout here, and they would pile up on a connection that is lent again.
"""

from functools import cached_property
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

NAME = "postgresql+turnstile"


class SharedDialect(PGDialect_psycopg):
    """The psycopg dialect over `core.engine.connection` connections."""

    driver = "turnstile"
    supports_statement_cache = True

    # Cached: every checkout asks.
    @cached_property
    def adapters(self) -> Any:
        """The adapters that SQLAlchemy would give to a connection of its own."""
        return self._psycopg_adapters_map

    def on_connect(self) -> None:
        """Register no listener: the pool sets a connection up, and scrubs it."""

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Give back a connection that was invalidated, not to be lent again."""
        dbapi_connection.retire()
        dbapi_connection.close()

    def get_driver_connection(self, connection: Any) -> Any:
        """Return psycopg's connection, for legacy code that asks for `driver_connection`."""
        return connection.pooled


registry.register(NAME.replace("+", "."), __name__, SharedDialect.__name__)
