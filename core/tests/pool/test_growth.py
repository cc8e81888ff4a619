"""How many connections to open and to close, without a server (contract lines B2, B4, R4)."""

from types import SimpleNamespace
from typing import Any

import pytest
from psycopg import OperationalError

from core.pool.growth import FIRST_RETRY_SECONDS, SLOWEST_RETRY_SECONDS, Growth, surplus
from core.pool.loans import Loan
from core.pool.wait_queue import Waiter, WaitQueue


class Connecting:
    """A connect that is under way."""

    has_socket = True


def queue_of(count: int) -> tuple[WaitQueue, list[Waiter]]:
    """Return a queue, and those who wait in it: it does not keep them alive."""
    queue, waiters = WaitQueue(), [Waiter(Loan("test")) for _ in range(count)]
    for each in waiters:
        queue.add(each)
    return queue, waiters


class TestHowManyToOpen:
    @pytest.mark.parametrize(("waiting", "wanted"), [(0, 0), (1, 1), (2, 2), (60, 3)])
    def test_one_for_each_who_waits_and_no_more_than_may_hang(self, waiting: int, wanted: int) -> None:
        queue, _waiters = queue_of(waiting)

        assert Growth(lazy=True, at_once=3).missing(queue=queue, size=5, open_count=0) == wanted

    def test_those_under_way_count(self) -> None:
        growth, connects = Growth(lazy=True, at_once=3), [Connecting(), Connecting()]
        for each in connects:
            growth.add(each)
        queue, _waiters = queue_of(3)

        assert growth.connecting == 2
        assert growth.missing(queue=queue, size=5, open_count=2) == 1

    def test_one_that_was_lost_on_its_way_to_a_worker_does_not_count(self) -> None:
        growth = Growth(lazy=True, at_once=3)
        growth.add(Connecting())

        assert growth.connecting == 0

    def test_an_eager_pool_opens_its_size(self) -> None:
        queue, _ = queue_of(0)

        assert Growth(lazy=False, at_once=3).missing(queue=queue, size=5, open_count=4) == 1
        assert Growth(lazy=True, at_once=3).missing(queue=queue, size=5, open_count=4) == 0


class TestWhenToTryAgain:
    def test_later_with_each_failure_up_to_a_cap(self) -> None:
        growth, delays = Growth(lazy=True, at_once=3), []
        for _ in range(6):
            growth.note_failure(OperationalError("away"), now=100.0)
            delays.append(growth.retry_at - 100.0)

        assert delays[0] <= FIRST_RETRY_SECONDS < delays[-1] <= SLOWEST_RETRY_SECONDS

    def test_at_once_after_a_success(self) -> None:
        growth = Growth(lazy=True, at_once=3)
        growth.note_failure(OperationalError("away"), now=100.0)

        growth.note_success()

        assert (growth.retry_at, growth.error) == (0.0, None)

    def test_later_with_each_connection_that_could_not_be_lent_though_all_could_be_opened(self) -> None:
        growth, delays, now = Growth(lazy=True, at_once=3), [], 100.0
        for _ in range(6):
            growth.note_success()
            growth.note_unfit(OperationalError("its check failed"), now=now)
            delays.append(growth.retry_at - now)
            now = growth.retry_at

        assert delays[0] <= FIRST_RETRY_SECONDS < delays[-1] <= SLOWEST_RETRY_SECONDS

    def test_soon_again_where_the_last_unfit_one_was_a_while_ago(self) -> None:
        growth = Growth(lazy=True, at_once=3)
        for now in (100.0, 100.1, 100.2, 150.0):
            growth.note_unfit(OperationalError("its check failed"), now=now)

        assert growth.retry_at <= 150.0 + FIRST_RETRY_SECONDS


class TestWhatToClose:
    def test_the_longest_idle_and_no_more_than_is_above_the_size(self) -> None:
        idle: Any = [SimpleNamespace(idle_since=since) for since in (1.0, 2.0, 3.0)]

        assert surplus(idle, above=2, idle_before=9.0) == idle[:2]

    def test_nothing_that_was_used_a_moment_ago(self) -> None:
        idle: Any = [SimpleNamespace(idle_since=since) for since in (1.0, 8.0)]

        assert surplus(idle, above=2, idle_before=5.0) == idle[:1]
