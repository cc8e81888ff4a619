"""
SQLAlchemy inside `transaction.atomic()`: it joins Django's transaction, and its own becomes a part of it.

So it sees the ORM's uncommitted rows, the outer rollback undoes its writes, and pytest's `db` fixture works.
What it may undo without touching anybody else's work is decided by `core.engine.turns`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from logging import INFO
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import AdaptersMap

from core.backend.base import DatabaseWrapper
from core.engine import notices
from core.engine.connection import BorrowedConnection, PlainCursor, StreamingCursor
from core.engine.turns import CURE, JoinConflict, Turn, Turns
from core.pool import stacks
from core.pool.connection import RETURNED

# What a joined connection passes on to the one below; everything else is refused by name.
_KNOWN = frozenset(
    {
        *("pgconn", "info", "closed", "broken", "fileno", "cancel", "cancel_safe"),
        *(
            "isolation_level",
            "read_only",
            "deferrable",
            "row_factory",
            "cursor_factory",
            "server_cursor_factory",
        ),
        *("prepare_threshold", "prepared_max"),
        *("add_notice_handler", "remove_notice_handler", "add_notify_handler", "remove_notify_handler"),
        # What psycopg's own cursors ask of their connection.
        *("_start_query", "_prepared", "_pipeline", "_exec_command", "_try_cancel"),
        *("_get_tx_start_command", "_check_intrans", "_tpc", "_num_transactions"),
    }
)
# A statement that would begin or end somebody else's transaction or savepoint.
_CONTROL = re.compile(
    r"^\s*(?:BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE\s+TRANSACTION)\b",
    re.IGNORECASE,
)
# Where no statement ends: comments, quoted text and names. A comment in a comment ends in it.
_QUOTED = re.compile(
    r"--[^\r\n]*|(?<![\w$])E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"[^\"]*\"|(?<![\w$])(\$(?:[^\W\d]\w*)?\$).*?\1|/\*",
    re.DOTALL | re.IGNORECASE,
)
_COMMENT = re.compile(r"/\*|\*/")


BUSY = (
    "this atomic block's connection is busy with another statement: read its rows first, "
    "or use core.db.get_independent_engine()"
)


class BlockEnded(psycopg.OperationalError):
    """
    The atomic block that this connection joined is over, and so is what was done on it.

    If you are hitting this, a session or connection outlived the `atomic()` that it was used in. Commit and
    close it inside the block, or give it a transaction of its own with `core.db.get_independent_engine()`.
    """

    # No active SQL transaction: a mistake of the caller's, whatever else is an OperationalError.
    sqlstate = "25P01"


class ConnectionBusy(psycopg.InterfaceError):
    """
    The block's connection is in the middle of a COPY, a stream, or a statement that a signal interrupted.

    If you are hitting this, code inside `atomic()` asks SQLAlchemy while the ORM's statement still runs, or
    the reverse. Read the rows first, or use `core.db.get_independent_engine()` for the other statement.
    """

    # Active SQL transaction.
    sqlstate = "25001"


class Refused(psycopg.NotSupportedError, AttributeError):
    """
    What was asked for belongs to the whole transaction, and a joined connection has only a part of it.
    """


class JoinedConnection(BorrowedConnection):
    """
    A DBAPI connection over the one that Django's atomic block holds.

    Its transaction begins with its first statement, as psycopg's does, in the innermost block of that moment.
    commit() leaves the work to the block, rollback() undoes it, close() undoes what was not committed and
    leaves the connection to Django.
    """

    __slots__ = ("_markers", "_stop_listening", "_undone", "_wrapper", "block", "joined_at")

    def __init__(self, wrapper: DatabaseWrapper, adapters: AdaptersMap) -> None:
        super().__init__(wrapper.connection, adapters)
        stop = notices.listen(wrapper.connection) if notices.is_read(INFO) else None
        self._set(_wrapper=wrapper, _markers={}, _undone="", block=None, joined_at="", _stop_listening=stop)

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name in _KNOWN or self._connection is RETURNED:
            return getattr(self._connection, name)
        raise Refused(f"{name}: not on a connection that joined transaction.atomic(); {CURE}")

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what belongs to the whole transaction, such as SQLAlchemy's isolation_level."""
        if name == "_num_transactions":
            setattr(self._connection, name, value)
        elif getattr(self, name) != value:
            raise Refused(f"cannot set {name} inside transaction.atomic(): {CURE}")

    @property
    def autocommit(self) -> bool:
        """False: as a connection of SQLAlchemy's own, it has transactions."""
        return False

    # Statements ----------------------------------------------------------------------------------------

    @property
    def lock(self) -> Any:
        """
        Psycopg's lock of the connection below.

        Raises:
            ConnectionBusy: somebody in this thread holds it already: to wait for it would never end.
        """
        if self._connection is not RETURNED and self._connection.is_busy:
            raise ConnectionBusy(BUSY)
        return self._connection.lock

    def wait(self, *arguments: Any, **options: Any) -> Any:
        """Wait for the server, as psycopg's cursors do for each statement; first it is this one's turn."""
        connection = self._connection
        if connection is RETURNED:
            return connection.wait_unheard(*arguments, **options)
        self._begin().speak(self)
        result = connection.wait_unheard(*arguments, **options)
        if connection.pgconn.transaction_status == pq.TransactionStatus.IDLE:
            # Through a cursor that is none of ours: too late, but not in silence.
            self._wrapper.needs_rollback = True
            raise Refused(f"a statement ended the transaction of this atomic block: {CURE}")
        return result

    def cursor(self, name: str = "", **options: Any) -> Any:
        """Make a cursor whose statements are part of this connection's transaction."""
        if self._connection is not RETURNED:
            self._begin()
        return super().cursor(name, **options)

    @contextmanager
    def _pipeline_nolock(self) -> Iterator[Any]:
        # psycopg's executemany(): once it is in a pipeline, no turn can begin.
        turns = self._begin()
        turns.speak(self)
        with turns.unheard(), self._connection._pipeline_nolock() as pipeline:  # noqa: SLF001 - docs/adr/0008
            yield pipeline

    def _make_cursor(self, name: str, **options: Any) -> Any:
        # To psycopg's cursors it is the connection.
        this: Any = self
        return JoinedStreamingCursor(this, name=name, **options) if name else JoinedCursor(this, **options)

    def _begin(self) -> Turns:
        """Begin the transaction unless it is open; return the turns of the block's."""
        wrapper = self._wrapper
        self._refuse_if_undone()
        if self.block is not None and not _contains(wrapper.atomic_blocks, self.block):
            raise BlockEnded(self._ended())
        if not wrapper.in_atomic_block or wrapper.connection is not self._connection:
            raise BlockEnded(f"the atomic block that this connection joined has ended{self.joined_at}")
        wrapper.validate_no_broken_transaction()
        if wrapper.turns is None:
            wrapper.turns = Turns(wrapper)
        if self.block is None:
            block = wrapper.atomic_blocks[-1] if wrapper.atomic_blocks else wrapper
            place = stacks.where(stacks.note())
            self._set(block=block, joined_at=f" (it was joined at {place})")
        turns: Turns = wrapper.turns
        return turns

    # The end of its part -------------------------------------------------------------------------------

    def commit(self) -> None:
        """
        Leave the work to the block: the outer transaction decides about the rest.

        Raises:
            BlockEnded: the block that it was done in is over, or it is not the innermost.
            InFailedSqlTransaction, TransactionManagementError: after an error, the block can only roll back.
        """
        self._refuse_if_undone()
        if self.block is None:
            return
        blocks = self._wrapper.atomic_blocks
        if not _contains(blocks, self.block):
            raise BlockEnded(self._ended())
        if blocks and blocks[-1] is not self.block:
            raise BlockEnded(
                f"this transaction began in an outer atomic block{self.joined_at}: commit it there, "
                "or begin it inside the inner one"
            )
        self._refuse_if_broken()
        self._wrapper.turns.commit(self)
        self._forget()

    def rollback(self) -> None:
        """
        Undo this connection's part, on_commit callbacks that were registered in it included.

        Raises:
            JoinConflict: somebody else wrote since, so that it cannot be undone alone.
        """
        self.end(is_asked=True)

    def end(self, *, is_asked: bool = False) -> None:
        """
        Undo what was not committed.

        Args:
            is_asked: somebody called rollback(), and did not just end.
        """
        turns = self._wrapper.turns
        # Where Django rolled back a part of it, the rest is still there.
        is_open = self.block is not None and not self.closed
        self._forget()
        if is_open and turns is not None and self._wrapper.connection is self._connection:
            turns.end(self, is_asked=is_asked)

    def end_with_block(self) -> None:
        """
        Undo what was not committed: the block is over.

        Raises:
            JoinConflict: somebody else wrote since.
        """
        ended = self._ended()
        try:
            self.end()
        finally:
            self._set(_undone=ended)

    def note_undone(self) -> None:
        """Learn that Django rolled back what was written here: it can no longer be committed."""
        self._set(_undone=self._ended())

    def close(self) -> None:
        """Undo what was not committed and let go; the connection stays with the atomic block."""
        try:
            if self._connection is not RETURNED:
                self.end()
        except JoinConflict as conflict:
            # SQLAlchemy swallows what is raised here, and the garbage collector does: the end of the block
            # says it.
            self._wrapper.unreported = conflict
        finally:
            self.drop()

    def drop(self) -> None:
        """Let go, without a word to the server: the connection is Django's."""
        if self._stop_listening is not None:
            self._stop_listening()
        self._set(_connection=RETURNED, _stop_listening=None)

    def _forget(self) -> None:
        self._set(block=None, _undone="", _markers={})

    def _refuse_if_broken(self) -> None:
        if self.pgconn.transaction_status == pq.TransactionStatus.INERROR:
            # The server would roll back at the end of the block, and say nothing.
            raise psycopg.errors.InFailedSqlTransaction(
                "a statement failed in this transaction: it cannot be committed, only rolled back"
            )
        self._wrapper.validate_no_broken_transaction()

    def _refuse_if_undone(self) -> None:
        if self._undone:
            raise BlockEnded(self._undone)

    def _ended(self) -> str:
        return (
            f"the atomic block that this connection joined has ended{self.joined_at}: nothing was committed"
        )

    # Savepoints of SQLAlchemy's own ---------------------------------------------------------------------

    def savepoint(self, name: str) -> None:
        """Begin a nested transaction."""
        self._markers[name] = self._begin().begin(self)

    def rollback_to(self, name: str) -> None:
        """
        Undo what this connection wrote since its savepoint.

        Raises:
            JoinConflict: somebody else wrote since.
        """
        self._wrapper.turns.undo(self, since=self._marker(name))

    def release(self, name: str) -> None:
        """Leave a nested transaction's work to the one around it."""
        self._refuse_if_undone()
        self._markers.pop(name, None)

    def _marker(self, name: str) -> Turn:
        self._refuse_if_undone()
        if name not in self._markers:
            raise BlockEnded(f"savepoint {name} is gone: {self._ended()}")
        turn: Turn = self._markers[name]
        return turn

    @contextmanager
    def transaction(self, savepoint_name: str | None = None, force_rollback: bool = False) -> Iterator[Any]:
        """Nest a transaction, as psycopg's method of this name does."""
        name = savepoint_name or f"nested_{len(self._markers)}"
        self.savepoint(name)
        try:
            yield self
        except BaseException as error:
            self.rollback_to(name)
            self.release(name)
            if not isinstance(error, psycopg.Rollback):
                raise
        else:
            if force_rollback:
                self.rollback_to(name)
            self.release(name)


class _Joined:
    """Refuse a cursor's statements that would end a transaction of Django's."""

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
        _refuse_control(query)
        return super().execute(query, *arguments, **options)  # type: ignore[misc]

    def copy(self, statement: Any, *arguments: Any, **options: Any) -> Any:
        _refuse_control(statement)
        return super().copy(statement, *arguments, **options)  # type: ignore[misc]

    def executemany(self, query: Any, *arguments: Any, **options: Any) -> None:
        _refuse_control(query)
        super().executemany(query, *arguments, **options)  # type: ignore[misc]

    def stream(self, query: Any, *arguments: Any, **options: Any) -> Any:
        _refuse_control(query)
        return super().stream(query, *arguments, **options)  # type: ignore[misc]


class JoinedCursor(_Joined, PlainCursor):
    """A cursor of a joined connection."""


class JoinedStreamingCursor(_Joined, StreamingCursor):
    """A server-side cursor of a joined connection."""


def _refuse_control(query: Any) -> None:
    text = query.decode() if isinstance(query, bytes) else query
    if not isinstance(text, str):
        text = query.as_string(None)
    # Nearly every statement begins with a word, and is one.
    if ";" in text or _CONTROL.match(text) or not text[:1].isalpha():
        for statement in _unquoted(text).split(";"):
            if found := _CONTROL.match(statement):
                raise Refused(
                    f"{found.group().strip()}: transaction control inside transaction.atomic(); use "
                    f"SQLAlchemy's commit(), rollback() and begin_nested(), or {CURE}"
                )


def _unquoted(text: str) -> str:
    """Return `text` without what is no part of a statement's words."""
    words, position = [], 0
    while found := _QUOTED.search(text, position):
        words.append(text[position : found.start()])
        position = _end_of_comment(text, found.end()) if found.group() == "/*" else found.end()
    return " ".join([*words, text[position:]])


def _end_of_comment(text: str, position: int) -> int:
    depth = 1
    while depth:
        if (found := _COMMENT.search(text, position)) is None:
            return len(text)
        depth += 1 if found.group() == "/*" else -1
        position = found.end()
    return position


def _contains(blocks: list[Any], block: Any) -> bool:
    return any(each is block for each in blocks)
