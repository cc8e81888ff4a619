"""Who is served next, without a server (contract lines B5, L6)."""

import threading
from typing import Any, cast

import pytest
from psycopg_pool import PoolTimeout

from core.pool.classes import EVERYBODY, Room
from core.pool.loans import Loan
from core.pool.wait_queue import Reserve, Waiter, WaitQueue

# What a borrower is served with is nobody's business here.
A_CONNECTION: Any = object()


def waiter(*, holds_one: bool = False) -> Waiter:
    return Waiter(Loan("test"), holds_one=holds_one)


def next_of(queue: WaitQueue, *, lent: int = 1, bound: int = 2) -> Waiter | None:
    return queue.next(room=Room([EVERYBODY] * lent), bound=bound)


class TestTheOrder:
    def test_is_first_come_first_served(self) -> None:
        queue, waiters = WaitQueue(), [waiter() for _ in range(3)]
        for each in waiters:
            queue.add(each)

        served = []
        while first := next_of(queue):
            served.append(first)
            first.serve(A_CONNECTION)

        assert served == waiters

    def test_lets_holders_go_first_in_their_own_order(self) -> None:
        queue, newcomer = WaitQueue(), waiter()
        holders = [waiter(holds_one=True), waiter(holds_one=True)]
        queue.add(newcomer)
        for each in holders:
            queue.add(each)

        assert list(queue) == [*holders, newcomer]

    def test_forgets_one_who_left(self) -> None:
        queue, first, second = WaitQueue(), waiter(), waiter()
        queue.add(first)
        queue.add(second)

        queue.remove(first)

        assert next_of(queue) is second
        assert len(queue) == 1

    def test_has_no_place_for_one_whose_call_was_interrupted(self) -> None:
        queue, second = WaitQueue(), waiter()
        queue.add(waiter())
        queue.add(second)

        assert len(queue) == 1
        assert next_of(queue) is second

    def test_counts_no_further_than_it_is_asked_to(self) -> None:
        queue, waiters = WaitQueue(), [waiter() for _ in range(5)]
        for each in waiters:
            queue.add(each)

        assert queue.count(up_to=3) == 3
        assert queue.count(up_to=9) == 5

    def test_is_empty_after_everybody_was_sent_away(self) -> None:
        queue, only = WaitQueue(), waiter()
        queue.add(only)

        queue.clear()

        assert next_of(queue) is None


class TestAWaiter:
    def test_that_is_served_has_waited_enough(self) -> None:
        served = waiter()

        served.serve(A_CONNECTION)

        assert served.wait(0)
        assert served.connection is A_CONNECTION

    def test_waits_until_it_is_served(self) -> None:
        waiting, results = waiter(), list[bool]()
        thread = threading.Thread(target=lambda: results.append(waiting.wait(20)))
        thread.start()

        waiting.serve(A_CONNECTION)
        thread.join()

        assert results == [True]

    def test_gives_up_when_its_time_is_over(self) -> None:
        assert not waiter().wait(0.01)

    def test_that_was_served_is_not_turned_away_any_more(self) -> None:
        served = waiter()
        served.serve(A_CONNECTION)

        served.fail(PoolTimeout())

        assert served.error is None
        assert served.connection is A_CONNECTION

    def test_that_was_turned_away_is_not_waiting(self) -> None:
        queue, away = WaitQueue(), waiter()
        queue.add(away)

        away.fail(PoolTimeout())

        assert away.wait(0)
        assert next_of(queue) is None


class TestTheReserve:
    @pytest.mark.parametrize(
        ("lent", "bound", "is_admitted"),
        [(0, 1, True), (0, 2, True), (1, 2, False), (1, 3, True), (2, 3, False)],
    )
    def test_keeps_the_last_place_from_those_who_hold_none(
        self, lent: int, bound: int, is_admitted: bool
    ) -> None:
        assert Reserve(60).admits(holds_one=False, lent=lent, bound=bound) is is_admitted

    def test_is_for_those_who_hold_one_and_lasts_while_they_use_it(self) -> None:
        reserve = Reserve(0)

        assert reserve.admits(holds_one=True, lent=1, bound=2)
        assert reserve.seconds_left() <= 0

    def test_ends_when_nobody_uses_it(self) -> None:
        queue = WaitQueue(reserve_seconds=0)
        queue.keep_reserve()

        assert queue.end_reserve() == 0
        assert queue.reserve is None

    def test_stays_while_a_holder_waits(self) -> None:
        queue, holder = WaitQueue(reserve_seconds=60), waiter(holds_one=True)
        queue.add(holder)
        queue.keep_reserve()

        assert queue.end_reserve() > 0
        assert cast("Reserve", queue.reserve).seconds_left() > 59

    def test_stops_a_newcomer_at_the_head_of_the_queue(self) -> None:
        queue, newcomer = WaitQueue(reserve_seconds=60), waiter()
        queue.add(newcomer)
        queue.keep_reserve()

        assert next_of(queue, lent=1, bound=2) is None
        assert next_of(queue, lent=0, bound=2) is newcomer
