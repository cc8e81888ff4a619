"""
Who spoke when inside one transaction: Django, and each SQLAlchemy connection that joined it.

A savepoint is a point in the transaction's time. It undoes whatever came after it, whoever wrote it. So the
speakers take turns, and each turn begins with a savepoint of its own. Whether a turn wrote is asked of the
server: a transaction, and a savepoint in it, gets an id when it first writes, and holds a lock on it. To
undo its part, a joined connection goes back to its first turn that wrote, if nobody else wrote since.
Otherwise the two cannot be told apart, and it says so.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, takewhile, zip_longest
from typing import Any, Protocol

import psycopg
from psycopg import pq

from core.backend.base import DatabaseWrapper

_numbers = count(1)

CURE = "use core.db.independent() or core.db.get_independent_engine() for what must commit on its own"

# The ids that this transaction and its open savepoints have: each is a lock that its backend holds.
_IDS = b"SELECT count(*) FROM pg_catalog.pg_locks WHERE pid = pg_backend_pid() AND locktype = 'transactionid'"


class JoinConflict(psycopg.ProgrammingError):
    """
    SQLAlchemy must undo its part of an atomic block, and cannot without undoing somebody else's.

    If you are hitting this, code inside `atomic()` writes through SQLAlchemy, then through the ORM (or
    another SQLAlchemy connection), and then rolls SQLAlchemy's part back, or ends without a commit. Commit
    the SQLAlchemy part before the other writes, give the part that may fail an `atomic()` of its own, or a
    connection of its own with `core.db.get_independent_engine()`.
    """

    # Invalid transaction termination.
    sqlstate = "2D000"


class Speaker(Protocol):
    """A joined connection, as the turns see it."""

    block: Any

    def end_with_block(self) -> None:
        """End: the block is over, and is about to be committed."""

    def note_undone(self) -> None:
        """Learn that Django rolled back what was written here."""


class Turn:
    """
    What one speaker said without an interruption.

    Attributes:
        owner: the joined connection; None for Django, and for what was committed to the block.
        block: the innermost atomic block at that time.
        savepoint: its name; None when it is gone, or was never made.
        ids: how many ids the transaction had when it began.
        callbacks: Django's on_commit callbacks of that time.
        has_written: as far as it is known: of the last turn, the next statement of another speaker finds out.
    """

    __slots__ = ("block", "callbacks", "has_written", "ids", "owner", "savepoint")

    def __init__(
        self, owner: Speaker | None, block: Any, savepoint: str, *, ids: int, callbacks: list[Any]
    ) -> None:
        self.owner = owner
        self.block = block
        self.savepoint: str | None = savepoint
        self.ids = ids
        self.callbacks = callbacks
        self.has_written = False

    def is_of(self, owner: Speaker) -> bool:
        """Tell whether `owner` spoke, or had to undo this turn and could not."""
        return self.owner is owner or (isinstance(self.owner, Leftover) and self.owner.of is owner)


class Leftover:
    """What a joined connection had to undo and could not: it is tried again when its block ends."""

    def __init__(self, turns: "Turns", block: Any, *, of: Speaker) -> None:
        self._turns = turns
        self.block = block
        # What this connection undoes itself may take it along.
        self.of = of

    def end_with_block(self) -> None:
        """Undo it, or raise JoinConflict."""
        self._turns.end(self, is_asked=False)

    def note_undone(self) -> None:
        """Do nothing: nobody can commit it."""


class Turns:
    """The turns of one transaction of Django's, from the first that SQLAlchemy took in it."""

    def __init__(self, wrapper: DatabaseWrapper) -> None:
        self._wrapper = wrapper
        self._connection: Any = wrapper.connection
        self._turns: list[Turn] = []
        # Where Django's own savepoints stand among the turns.
        self._savepoints: dict[str, int] = {}
        self.speakers: list[Speaker] = []

    # Speaking ------------------------------------------------------------------------------------------

    def speak(self, owner: Speaker | None) -> None:
        """Begin a turn, unless it is the same speaker's in the same block; called before each statement."""
        if not self._goes_on(owner):
            self.begin(owner)

    def _goes_on(self, owner: Speaker | None) -> bool:
        if not self._turns:
            return False
        last = self._turns[-1]
        # Where its savepoint is gone, ids that it was counted with may be gone, too: a write would not show.
        return last.owner is owner and last.block is self._block and last.savepoint is not None

    @property
    def _block(self) -> Any:
        """The innermost atomic block; None where a transaction is managed by hand."""
        blocks = self._wrapper.atomic_blocks
        return blocks[-1] if blocks else None

    def begin(self, owner: Speaker | None) -> Turn:
        """Begin a turn, and find out whether the one before wrote. One round trip."""
        savepoint = f"joined_{next(_numbers)}"
        ids = self._ask(b"SAVEPOINT " + savepoint.encode() + b"; " + _IDS)
        self._note_written(ids)
        turn = Turn(owner, self._block, savepoint, ids=ids, callbacks=list(self._wrapper.run_on_commit))
        self._turns.append(turn)
        if owner is not None and owner not in self.speakers:
            self.speakers.append(owner)
        self._listen()
        return turn

    def _listen(self) -> None:
        """Hear of each statement of Django's while some joined connection has an open part."""
        self._connection.before_statement = self._django_speaks if self.speakers else None

    def _django_speaks(self) -> None:
        # Only where the server takes a statement now: not in the middle of a COPY, not after an error.
        if self._connection.pgconn.transaction_status == pq.TransactionStatus.INTRANS:
            self.speak(None)

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Let Django manage its own savepoints: these statements are nobody's turn."""
        self._connection.before_statement = None
        try:
            yield
        finally:
            self._listen()

    # Ending --------------------------------------------------------------------------------------------

    def commit(self, owner: Speaker) -> None:
        """Leave the part of `owner` to the block: it decides about the rest."""
        for turn in self._turns:
            if turn.owner is owner:
                turn.owner = None
        self._leave(owner)

    def undo(self, owner: Speaker, *, since: Turn | None = None) -> None:
        """
        Undo what `owner` wrote, since one of its turns or all of it, and only that.

        Raises:
            JoinConflict: somebody else wrote since; the block can only roll back now.
        """
        first = self._first_written(owner, since)
        if first is None:
            return
        start = self._turn_to_go_back_to(first)
        if start is None or any(t.has_written and not t.is_of(owner) for t in self._turns[start:]):
            self._wrapper.needs_rollback = True
            self._leave_to_the_end(owner, self._turns[first:])
            raise JoinConflict(
                "SQLAlchemy's part of this atomic block cannot be undone without undoing what the ORM or "
                "another connection wrote after it began: the block can only roll back as a whole. Commit "
                f"SQLAlchemy's part first, give it an atomic() of its own, or {CURE}"
            )
        savepoint = self._turns[start].savepoint or ""
        self._forget_callbacks(self._turns[start:])
        # Django's own that were made since, in the same block, mark the same state again.
        again = [name for name, at in self._savepoints.items() if at > start]
        make = self._wrapper.ops.savepoint_create_sql
        self._run("; ".join([f"ROLLBACK TO SAVEPOINT {savepoint}", *map(make, again)]))
        self._savepoints |= dict.fromkeys(again, start + 1)
        self._turns[start].has_written = False
        del self._turns[start + 1 :]

    def _leave_to_the_end(self, owner: Speaker, turns: list[Turn]) -> None:
        # An inner block may roll back with what stands in the way, and the outer one go on.
        block = owner.block or next(turn.block for turn in self._turns if turn.is_of(owner))
        leftover = Leftover(self, block, of=owner)
        for turn in turns:
            if turn.owner is owner:
                turn.owner = leftover
        self.speakers.append(leftover)

    def end(self, owner: Speaker, *, is_asked: bool) -> None:
        """
        Undo what `owner` wrote and let it go.

        Args:
            owner: the joined connection.
            is_asked: it asked for a rollback, and did not just end: its on_commit callbacks are forgotten,
            too.

        Raises:
            JoinConflict: somebody else wrote since.
        """
        if is_asked:
            self._forget_callbacks([turn for turn in self._turns if turn.owner is owner])
        try:
            self.undo(owner)
        finally:
            self.commit(owner)

    def _leave(self, owner: Speaker) -> None:
        if owner in self.speakers:
            self.speakers.remove(owner)
        # The block's turns at the end, which nobody will undo alone: one of them is enough, to tell them from
        # a joined connection's before; none where no connection is open any more.
        end = self._turns_of_the_block_at_the_end()
        self._release(end[1:] if self.speakers else end)
        if not self.speakers:
            self._turns.clear()
            self._savepoints = dict.fromkeys(self._savepoints, 0)
        self._listen()

    def _turns_of_the_block_at_the_end(self) -> list[Turn]:
        end = takewhile(
            lambda turn: turn.owner is None and self._is_innermost(turn.block), reversed(self._turns)
        )
        return list(end)[::-1]

    def _release(self, turns: list[Turn]) -> None:
        """Let the server forget the savepoints of these last turns; their writes go to the one before."""
        released = next((turn for turn in turns if turn.savepoint), None)
        if released is None or self._connection.pgconn.transaction_status != pq.TransactionStatus.INTRANS:
            return
        first = self._turns.index(released)
        if any(at > first for at in self._savepoints.values()):
            return  # a savepoint of Django's own stands behind it, and would go with it
        self._run(f"RELEASE SAVEPOINT {released.savepoint}")
        if first:
            self._turns[first - 1].has_written |= any(turn.has_written for turn in self._turns[first:])
        del self._turns[first:]

    def _first_written(self, owner: Speaker, since: Turn | None) -> int | None:
        start = 0 if since is None else self._turns.index(since)
        self._find_out_about_the_last()
        for number in range(start, len(self._turns)):
            turn = self._turns[number]
            if turn.owner is owner and turn.has_written:
                return number
        return None

    def _find_out_about_the_last(self) -> None:
        """Find out whether the last turn wrote; after an error it counts as if it had."""
        if not self._turns or self._turns[-1].has_written or self._turns[-1].savepoint is None:
            return
        status = self._connection.pgconn.transaction_status
        if status == pq.TransactionStatus.INTRANS:
            self._note_written(self._ask(_IDS))
        elif status == pq.TransactionStatus.INERROR:
            self._turns[-1].has_written = True

    def _note_written(self, ids: int) -> None:
        # One whose savepoint is gone was asked about before.
        if self._turns and self._turns[-1].savepoint is not None and ids > self._turns[-1].ids:
            self._turns[-1].has_written = True

    def _turn_to_go_back_to(self, number: int) -> int | None:
        """Return the turn at or before `number` whose savepoint is there, in the innermost block."""
        for earlier in range(number, -1, -1):
            if self._turns[earlier].savepoint:
                return earlier if self._is_innermost(self._turns[earlier].block) else None
        return None

    def _forget_callbacks(self, turns: list[Turn]) -> None:
        """Forget the on_commit callbacks of these turns, Django's own excepted."""
        wrapper, gone = self._wrapper, set[int]()
        for turn, following in zip_longest(self._turns, self._turns[1:]):
            if turn in turns and turn.owner is not None:
                after = wrapper.run_on_commit if following is None else following.callbacks
                gone |= {id(entry) for entry in after} - {id(entry) for entry in turn.callbacks}
        wrapper.run_on_commit = [entry for entry in wrapper.run_on_commit if id(entry) not in gone]

    # Django's own savepoints and blocks ----------------------------------------------------------------

    def note_savepoint(self, name: str) -> None:
        """Note that Django made a savepoint now."""
        self._savepoints[name] = len(self._turns)

    def close_block(self) -> None:
        """
        End every joined connection whose block is over, before Django commits the block.

        Raises:
            JoinConflict: one of them left something uncommitted that cannot be undone.
        """
        # Innermost first; the block has left the stack already.
        for speaker in reversed([each for each in self.speakers if not self._is_open(each.block)]):
            speaker.end_with_block()

    def prepare_release(self, name: str) -> None:
        """Find out what was written since Django's savepoint: the server is about to forget its ids."""
        if self._savepoints.get(name, 0) < len(self._turns):
            self._find_out_about_the_last()

    def _is_innermost(self, block: Any) -> bool:
        # One that is over, but not yet committed, has left the stack already.
        return block is self._block or not self._is_open(block)

    def _is_open(self, block: Any) -> bool:
        return any(each is block for each in self._wrapper.atomic_blocks)

    def note_gone(self, name: str | None, *, is_undone: bool) -> None:
        """
        Note that savepoints are gone.

        Args:
            name: Django's own savepoint, since which they are gone; None for all of the transaction.
            is_undone: what was written since is gone as well.
        """
        # One that is not known was there before the first turn.
        start = 0 if name is None else self._savepoints.get(name, 0)
        older = dict(takewhile(lambda item: item[0] != name, self._savepoints.items()))
        is_known = name in self._savepoints
        self._savepoints = older if is_known else {}
        if is_known and is_undone and name is not None:
            self._savepoints[name] = start  # to roll back to it leaves it there
        touched = {id(turn.owner) for turn in self._turns[start:]}
        for turn in self._turns[start:]:
            turn.savepoint = None
            turn.has_written = turn.has_written and not is_undone
        if is_undone:
            for speaker in [each for each in self.speakers if id(each) in touched]:
                speaker.note_undone()
            self.speakers = [each for each in self.speakers if self._is_open(each.block)]
        self._listen()

    # The server ----------------------------------------------------------------------------------------

    def _ask(self, statement: bytes) -> int:
        return int(self._send(statement)[-1].get_value(0, 0) or 0)

    def _run(self, statement: str) -> None:
        self._send(statement.encode())

    def _send(self, statement: bytes) -> list[Any]:
        connection = self._connection
        if connection.pgconn.transaction_status == pq.TransactionStatus.UNKNOWN:
            raise psycopg.OperationalError("the connection is lost")
        if connection.pgconn.transaction_status == pq.TransactionStatus.IDLE:
            statement = connection.begin_command() + b"; " + statement
        results: list[Any] = connection.send(statement)
        return results
