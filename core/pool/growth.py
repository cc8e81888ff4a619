"""
How many connections a pool opens, when it tries again after a failure, and which ones it closes.

It decides, and knows neither the server nor a thread: `core.pool.pool` does what is decided.
"""

from collections.abc import Iterable
from random import uniform
from weakref import ReferenceType, ref

from core.pool.classes import Room
from core.pool.connection import PooledConnection
from core.pool.refusal import as_text, refusal_of
from core.pool.slots import Holder
from core.pool.wait_queue import WaitQueue

# After a failed connect: how soon to try again, doubling. The cap bounds how late a returning server is
# noticed, by those who wait and otherwise.
FIRST_RETRY_SECONDS = 0.05
SLOWEST_RETRY_SECONDS = 0.25
SLOWEST_UNAWAITED_RETRY_SECONDS = 30.0
# After a refusal: each try counts against the role at the server, and only a person can help.
FIRST_RETRY_AFTER_REFUSAL_SECONDS = 1.0
SLOWEST_RETRY_AFTER_REFUSAL_SECONDS = 15.0
# So long after connections could not be lent, one more is a new beginning.
CALM_SECONDS = 1.0


class Backoff:
    """
    When to try again: later with each failure, up to a cap.

    Attributes:
        retry_at: monotonic seconds.
    """

    __slots__ = ("_delay", "retry_at")

    def __init__(self) -> None:
        self.retry_at = self._delay = 0.0

    def note_failure(
        self, now: float, *, first: float = FIRST_RETRY_SECONDS, slowest: float = SLOWEST_RETRY_SECONDS
    ) -> None:
        """Try again a little later than after the failure before."""
        self._delay = min(max(self._delay * 2, first), slowest)
        # Jitter: the processes of a fleet should not come back in step.
        self.retry_at = now + self._delay * uniform(0.8, 1.0)  # noqa: S311 - no secret


class Growth:
    """
    The connects of one pool. Guarded by the pool's lock.

    Args:
        lazy: open for whoever waits only, not up to the pool's size.
        at_once: the most connects at a time: each may hang, and needs a thread that waits for it.
        give_up_after: for how many seconds connects may fail before the pool stops opening its size.

    Attributes:
        error: why the last connect failed; None since one succeeded.
        refusal: the same as text, when it fails until somebody changes something; else None.
        failure_count: how many connects have failed, in the same way, since one succeeded.
        has_given_up: connects are for those who wait only, until `resume` or a success.
    """

    def __init__(self, *, lazy: bool, at_once: int, give_up_after: float = 300.0) -> None:
        self.lazy = lazy
        self.error: Exception | None = None
        self.refusal: str | None = None
        self.failure_count = 0
        self._after_failures, self._after_unfit_ones = Backoff(), Backoff()
        self._at_once = at_once
        self._give_up_after = give_up_after
        self.has_given_up = False
        self._failed_at = 0.0
        self._failing_since: float | None = None
        self._connects: list[ReferenceType[Holder]] = []

    @property
    def retry_at(self) -> float:
        """Monotonic seconds before which no connect begins."""
        return max(self._after_failures.retry_at, self._after_unfit_ones.retry_at)

    @property
    def connecting(self) -> int:
        """Connects that were decided on, and neither failed nor succeeded yet."""
        return len(self._pending())

    def _pending(self) -> list[Holder]:
        connects = (each() for each in self._connects)
        return [each for each in connects if each is not None and each.has_socket]

    def add(self, connect: Holder) -> None:
        """Count a connect that begins."""
        self._connects = [*map(ref, self._pending()), ref(connect)]

    def missing(self, *, queue: WaitQueue, size: int, open_count: int, room: Room | None = None) -> int:
        """
        Return how many connects to begin, when `open_count` connections are open or being opened.

        For those in the queue who may have one: `room` is what is lent.
        """
        connecting = self.connecting
        # One finds out whether it is still refused.
        at_once = 1 if self.refusal else self._at_once
        for_the_queue = queue.count(up_to=connecting + at_once, room=room) - connecting
        for_the_size = self._missing_for_the_size(size - open_count)
        return max(0, min(max(for_the_queue, for_the_size), at_once - connecting))

    def _missing_for_the_size(self, missing: int) -> int:
        if self.lazy or self.has_given_up:
            return 0
        # While the server is away, one connect is enough to find out when it is back.
        return min(missing, 1) if self.error else missing

    def resume(self) -> None:
        """Somebody asks for connections: try again soon, and for the pool's size, too."""
        self.has_given_up = False
        backoff = self._after_failures
        backoff.retry_at = min(backoff.retry_at, self._failed_at + self._slowest_awaited)

    def note_success(self) -> None:
        """A connect succeeded: the next may begin at once."""
        self._after_failures = Backoff()
        self.error = self.refusal = self._failing_since = None
        self.failure_count = 0
        self.has_given_up = False

    def note_failure(self, error: Exception, *, now: float, is_awaited: bool = True) -> bool:
        """
        A connect failed: the next one begins a little later, and later with each failure.

        Args:
            error: why.
            now: monotonic seconds.
            is_awaited: somebody waits for a connection; otherwise there is time.

        Returns:
            Whether connects have failed for `give_up_after` seconds by now; then the count begins again.
        """
        self._note_kind(error)
        first = FIRST_RETRY_AFTER_REFUSAL_SECONDS if self.refusal else FIRST_RETRY_SECONDS
        slowest = self._slowest_awaited if is_awaited else SLOWEST_UNAWAITED_RETRY_SECONDS
        self._after_failures.note_failure(now, first=first, slowest=slowest)
        # Where nobody tried in between, nobody knows that it failed all the time.
        longest_pause = max(self._give_up_after, 2 * SLOWEST_UNAWAITED_RETRY_SECONDS)
        if self._failing_since is None or now - self._failed_at > longest_pause:
            self._failing_since = now
        self._failed_at = now
        return self._gives_up(now, at=self._failing_since + self._give_up_after)

    def _note_kind(self, error: Exception) -> None:
        """Count a failure; one of another kind is a new beginning."""
        refusal = refusal_of(error)
        if refusal != self.refusal:
            self._after_failures, self.failure_count = Backoff(), 0
        self.error, self.refusal = error, refusal
        self.failure_count += 1

    @property
    def _slowest_awaited(self) -> float:
        return SLOWEST_RETRY_AFTER_REFUSAL_SECONDS if self.refusal else SLOWEST_RETRY_SECONDS

    def _gives_up(self, now: float, *, at: float) -> bool:
        if now < at:
            # The last try is in time.
            self._after_failures.retry_at = min(self._after_failures.retry_at, at)
            return False
        self._failing_since, self.has_given_up = None, True
        return True

    def note_unfit(self, error: Exception, *, now: float) -> None:
        """
        A connection could be opened, and could not be lent: the next connect begins later, too.

        That the next one can be opened says nothing; that none was unfit for a while does.
        """
        self.error = error
        if now - self._after_unfit_ones.retry_at > CALM_SECONDS:
            self._after_unfit_ones = Backoff()
        self._after_unfit_ones.note_failure(now)

    def is_refused_now(self, now: float) -> bool:
        """Tell whether the server has just refused: the next try is still to come."""
        return self.refusal is not None and now < self.retry_at

    def news(self) -> str | None:
        """Return what to log of the last failure: the first is told, and every doubling of their number."""
        count = self.failure_count
        if self.error is None or count & (count - 1):
            return None
        text = as_text(self.error)
        if count > 1:
            state = "still refused" if self.refusal else "still without connection"
            return f"is {state}, {count} attempts: {text}"
        if self.refusal:
            return f"is refused: {text}; it tries again, more and more slowly"
        return f"cannot connect: {text}"


def surplus(idle: Iterable[PooledConnection], *, above: int, idle_before: float) -> list[PooledConnection]:
    """
    Return which idle connections to close, the longest idle first.

    Args:
        idle: all of them, the longest idle first.
        above: how many to close at the most.
        idle_before: monotonic seconds; one that came back later stays.
    """
    found: list[PooledConnection] = []
    for connection in idle:
        if len(found) >= above or connection.idle_since > idle_before:
            break
        found.append(connection)
    return found
