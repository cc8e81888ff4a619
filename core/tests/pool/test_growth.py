"""How many connections to open and to close, without a server (contract lines B2, B4, M2, R4, R12)."""

from types import SimpleNamespace
from typing import Any

import pytest
from psycopg import OperationalError
from psycopg.errors import InvalidPassword

from core.pool.growth import (
    FIRST_RETRY_AFTER_REFUSAL_SECONDS,
    FIRST_RETRY_SECONDS,
    SLOWEST_RETRY_AFTER_REFUSAL_SECONDS,
    SLOWEST_RETRY_SECONDS,
    SLOWEST_UNAWAITED_RETRY_SECONDS,
    Growth,
    surplus,
)
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

    def test_more_and_more_rarely_where_nobody_waits(self) -> None:
        growth, delays, now = Growth(lazy=False, at_once=3), [], 100.0
        for _ in range(12):
            growth.note_failure(OperationalError("away"), now=now, is_awaited=False)
            delays.append(growth.retry_at - now)
            now = growth.retry_at

        assert SLOWEST_RETRY_SECONDS < delays[5] < delays[-1] <= SLOWEST_UNAWAITED_RETRY_SECONDS

    def test_soon_when_somebody_asks_in_the_meantime(self) -> None:
        growth = Growth(lazy=False, at_once=3)
        for now in range(100, 110):
            growth.note_failure(OperationalError("away"), now=float(now), is_awaited=False)

        growth.resume()

        assert growth.retry_at == 109.0 + SLOWEST_RETRY_SECONDS

    def test_with_one_connect_at_a_time_for_the_pools_size_until_one_succeeded(self) -> None:
        growth = Growth(lazy=False, at_once=3)
        queue, _ = queue_of(0)
        growth.note_failure(OperationalError("away"), now=100.0)

        assert growth.missing(queue=queue, size=5, open_count=0) == 1
        growth.note_success()
        assert growth.missing(queue=queue, size=5, open_count=1) == 3

    def test_much_later_when_it_is_refused(self) -> None:
        growth, delays = Growth(lazy=True, at_once=3), []
        for _ in range(6):
            growth.note_failure(InvalidPassword("no"), now=100.0)
            delays.append(growth.retry_at - 100.0)

        assert delays[0] >= 0.8 * FIRST_RETRY_AFTER_REFUSAL_SECONDS
        assert delays[:4] == sorted(delays[:4])
        assert delays[-1] <= SLOWEST_RETRY_AFTER_REFUSAL_SECONDS

    def test_one_at_a_time_when_it_is_refused(self) -> None:
        growth = Growth(lazy=True, at_once=3)
        growth.note_failure(InvalidPassword("no"), now=100.0)
        queue, _waiters = queue_of(9)

        assert growth.missing(queue=queue, size=5, open_count=0) == 1

    def test_soon_when_a_refusal_becomes_an_outage(self) -> None:
        growth = Growth(lazy=True, at_once=3)
        growth.note_failure(InvalidPassword("no"), now=100.0)

        growth.note_failure(OperationalError("away"), now=200.0)

        assert growth.retry_at <= 200.0 + FIRST_RETRY_SECONDS

    def test_no_sooner_for_those_who_come_while_it_is_refused(self) -> None:
        growth = Growth(lazy=True, at_once=3)
        growth.note_failure(InvalidPassword("no"), now=100.0)
        retry_at = growth.retry_at

        growth.resume()

        assert growth.retry_at == retry_at


class TestGivingUp:
    def failures(self, growth: Growth, *instants: float) -> list[bool]:
        return [growth.note_failure(OperationalError("away"), now=now) for now in instants]

    def test_is_said_once_when_connects_have_failed_for_so_long(self) -> None:
        growth = Growth(lazy=False, at_once=3, give_up_after=10.0)

        assert self.failures(growth, 100.0, 105.0, 109.9, 110.0, 110.1) == [False, False, False, True, False]

    def test_is_said_again_when_they_fail_for_so_long_again(self) -> None:
        growth = Growth(lazy=False, at_once=3, give_up_after=10.0)

        assert self.failures(growth, 100.0, 110.0, 111.0, 120.0, 121.0) == [False, True, False, False, True]

    def test_is_not_said_where_nobody_tried_in_between(self) -> None:
        growth = Growth(lazy=True, at_once=3, give_up_after=10.0)

        assert self.failures(growth, 100.0, 5000.0, 5001.0) == [False, False, False]

    def test_is_not_said_after_a_success_in_between(self) -> None:
        growth = Growth(lazy=False, at_once=3, give_up_after=10.0)
        self.failures(growth, 100.0, 109.0)
        growth.note_success()

        assert self.failures(growth, 111.0) == [False]

    def test_leaves_the_pools_size_until_somebody_asks(self) -> None:
        growth = Growth(lazy=False, at_once=3, give_up_after=10.0)
        nobody, _ = queue_of(0)
        one, _waiters = queue_of(1)
        self.failures(growth, 100.0, 110.0)

        assert growth.missing(queue=nobody, size=5, open_count=0) == 0
        assert growth.missing(queue=one, size=5, open_count=0) == 1
        growth.resume()
        assert growth.missing(queue=nobody, size=5, open_count=0) == 1

    def test_comes_with_a_last_try_in_time(self) -> None:
        growth = Growth(lazy=False, at_once=3, give_up_after=10.0)
        for now in (100.0, 100.1, 100.2, 100.3, 101.0, 103.0, 105.0, 107.0):
            growth.note_failure(OperationalError("away"), now=now, is_awaited=False)

        assert growth.retry_at == 110.0


class TestWhatToLog:
    def test_the_first_failure_and_every_doubling(self) -> None:
        growth, news = Growth(lazy=True, at_once=3), []
        for _ in range(9):
            growth.note_failure(OperationalError("away"), now=100.0)
            news.append(growth.news())

        assert news[0] == "cannot connect: away"
        assert [count for count, each in enumerate(news, 1) if each] == [1, 2, 4, 8]

    def test_the_first_of_another_kind(self) -> None:
        growth = Growth(lazy=True, at_once=3)
        for _ in range(3):
            growth.note_failure(OperationalError("away"), now=100.0)

        growth.note_failure(InvalidPassword("no"), now=100.0)

        assert growth.news() == "is refused: no (SQLSTATE 28P01); it tries again, more and more slowly"


class TestWhatToClose:
    def test_the_longest_idle_and_no_more_than_is_above_the_size(self) -> None:
        idle: Any = [SimpleNamespace(idle_since=since) for since in (1.0, 2.0, 3.0)]

        assert surplus(idle, above=2, idle_before=9.0) == idle[:2]

    def test_nothing_that_was_used_a_moment_ago(self) -> None:
        idle: Any = [SimpleNamespace(idle_since=since) for since in (1.0, 8.0)]

        assert surplus(idle, above=2, idle_before=5.0) == idle[:1]
