"""
SQLAlchemy inside `transaction.atomic()`: it joins Django's transaction, and its own becomes a savepoint.

So it sees the ORM's uncommitted rows, the outer rollback undoes its writes, and pytest's `db` fixture works.
"""

from itertools import count
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import AdaptersMap

from core.backend.base import DatabaseWrapper
from core.engine.connection import RETURNED, BorrowedConnection

_numbers = count(1)

CURE = "use core.db.independent() around code that must have a transaction of its own"


class JoinedConnection(BorrowedConnection):
    """
    A DBAPI connection over the one that Django's atomic block holds.

    The first cursor after a commit or rollback opens a savepoint, as psycopg opens a transaction; commit()
    releases it, rollback() undoes it, close() rolls back what is open and leaves the connection to Django.
    """

    __slots__ = ("_callbacks_before", "_savepoint", "_wrapper", "depth")

    def __init__(self, wrapper: DatabaseWrapper, adapters: AdaptersMap) -> None:
        super().__init__(wrapper.connection, adapters)
        self._set(_wrapper=wrapper, _savepoint=None, _callbacks_before=[], depth=0)

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what belongs to the whole transaction, such as SQLAlchemy's isolation_level."""
        if getattr(self._connection, name) != value:
            raise psycopg.ProgrammingError(f"cannot set {name} inside transaction.atomic(): {CURE}")

    @property
    def autocommit(self) -> bool:
        """False: as a connection of SQLAlchemy's own, it has transactions."""
        return False

    def cursor(self, name: str = "", **options: Any) -> Any:
        """Make a cursor inside this connection's savepoint."""
        self._ensure_savepoint()
        return super().cursor(name, **options)

    def commit(self) -> None:
        """Release the savepoint: the outer transaction decides about the rest."""
        if self._savepoint:
            self._run(f"RELEASE SAVEPOINT {self._savepoint}")
            self._forget_savepoint()

    def rollback(self) -> None:
        """Undo everything since the savepoint, Django's on_commit callbacks included."""
        if self._savepoint:
            self.end(undo=True)

    def close(self) -> None:
        """Roll back what was not committed and let go; the connection stays with the atomic block."""
        self.rollback()
        self._set(_connection=RETURNED)

    def end(self, *, undo: bool) -> None:
        """
        Leave the transaction.

        Args:
            undo: roll back to the savepoint; False when the server has forgotten it already.
        """
        if undo and not self.closed:
            self._run(f"ROLLBACK TO SAVEPOINT {self._savepoint}; RELEASE SAVEPOINT {self._savepoint}")
        before = {id(entry) for entry in self._callbacks_before}
        self._wrapper.run_on_commit = [e for e in self._wrapper.run_on_commit if id(e) in before]
        self._forget_savepoint()

    def _ensure_savepoint(self) -> None:
        if self._savepoint or self._connection is RETURNED:
            return
        wrapper = self._wrapper
        if not wrapper.in_atomic_block or wrapper.connection is not self._connection:
            raise psycopg.OperationalError("the atomic block that this connection joined has ended")
        wrapper.validate_no_broken_transaction()
        name = f"joined_{next(_numbers)}"
        self._run(f"SAVEPOINT {name}")
        self._set(
            _savepoint=name, _callbacks_before=list(wrapper.run_on_commit), depth=len(wrapper.atomic_blocks)
        )
        wrapper.joined.append(self)

    def _forget_savepoint(self) -> None:
        self._set(_savepoint=None, _callbacks_before=[])
        if self in self._wrapper.joined:
            self._wrapper.joined.remove(self)

    def _run(self, statement: str) -> None:
        connection = self._connection
        if connection.pgconn.transaction_status == pq.TransactionStatus.UNKNOWN:
            raise psycopg.OperationalError("the connection is lost")
        # No parameters: a simple query may hold two statements, in one round trip.
        psycopg.Cursor(connection).execute(statement.encode())
