"""Classes of borrowers: who finds a place, who waits, and in which order (contract line G1)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any

import pytest

from core.pool import SharedPool
from core.pool.classes import EVERYBODY, BorrowerClass, Classes, Room, run_as
from core.pool.deadlock import PoolDeadlock
from core.pool.loans import Loan
from core.pool.wait_queue import TURNS, PoolFull, PoolLineFull, Waiter, WaitQueue
from core.tests.fixtures import Crowd, eventually, held

MakePool = Callable[..., SharedPool]

OPTIONS: dict[str, dict[str, Any]] = {
    "health": {},
    "gate": {"timeout": 3},
    "staff": {"places": 3, "timeout": 0.2},
    "batch": {"places": 2, "timeout": 60},
}
BOUND = 5
CLASSES = {each.name: each for each in Classes(OPTIONS)}
# What a borrower is served with is nobody's business here.
A_CONNECTION: Any = object()


@pytest.fixture
def pool(make_pool: MakePool) -> SharedPool:
    """A pool of five: two places are kept from staff and batches, and batches may have two."""
    return make_pool(min_size=1, max_size=BOUND, classes=OPTIONS, default_class="staff")


def borrow_as(name: str, pool: SharedPool, **options: Any) -> Any:
    return run_as(name, pool.lend, borrower="test", **options)


def is_waited_for(pool: SharedPool, count: int) -> bool:
    return pool.stats().waiting == count


def waiter_of(name: str) -> Waiter:
    return Waiter(Loan("test", borrower_class=CLASSES[name]))


def room(*names: str) -> Room:
    return Room(CLASSES[name] for name in names)


class TestAPlace:
    @pytest.mark.parametrize("name", ["gate", "health"])
    def test_is_kept_for_the_higher_classes(self, pool: SharedPool, name: str) -> None:
        with held(pool, 3, borrower_class="staff"):
            first, second = borrow_as(name, pool), borrow_as(name, pool)

            assert pool.stats().checked_out == BOUND
            for each in (first, second):
                pool.putconn(each)

    def test_is_found_at_once_whoever_waits(self, pool: SharedPool) -> None:
        with held(pool, 2):
            pass  # they are idle now

        def want_one(_: int) -> None:
            with pytest.raises(PoolFull):
                run_as("batch", pool.lend, borrower="test", timeout=1)

        with held(pool, 2, borrower_class="batch"), held(pool, 1, borrower_class="staff"):
            waiting = threading.Thread(target=lambda: Crowd(10, want_one).run())
            waiting.start()
            eventually(lambda: pool.stats().waiting == 10)

            # No time is left to wait: an idle one is lent at once.
            pool.putconn(borrow_as("gate", pool, timeout=5))
            pool.putconn(borrow_as("gate", pool, timeout=0))
            waiting.join()

    @pytest.mark.parametrize(
        ("lent", "name", "is_left"),
        [
            (["staff"] * 3, "staff", False),
            (["staff"] * 3, "batch", False),
            (["staff"] * 3, "gate", True),
            (["batch"] * 2, "batch", False),
            (["batch"] * 2, "staff", True),
            (["batch", "batch", "staff"], "staff", False),
            (["gate"] * 4, "staff", True),
            (["gate", "health", "staff", "batch"], "batch", True),
        ],
    )
    def test_counts_for_the_class_and_all_above(self, lent: list[str], name: str, *, is_left: bool) -> None:
        assert room(*lent).is_left_for(CLASSES[name]) is is_left

    def test_that_a_class_may_not_have_is_refused_by_name(self, pool: SharedPool) -> None:
        with held(pool, 3, borrower_class="staff"), pytest.raises(PoolFull) as error:
            borrow_as("batch", pool, timeout=0.05)

        assert "3/5 in use" in str(error.value)
        assert "the 3 places of class 'staff' are taken" in str(error.value)

    def test_is_not_opened_for_those_who_may_not_have_it(self, pool: SharedPool) -> None:
        def want_one(_: int) -> None:
            with pytest.raises(PoolFull):
                borrow_as("staff", pool, timeout=0.5)

        with held(pool, 3, borrower_class="staff"):
            Crowd(8, want_one).run()

            assert pool.stats().open == 3

    def test_goes_to_the_next_of_the_class_when_one_comes_back(self, pool: SharedPool) -> None:
        found: list[Any] = []
        with held(pool, 3, borrower_class="staff"):
            thread = threading.Thread(target=lambda: found.append(borrow_as("staff", pool, timeout=10)))
            thread.start()
            eventually(lambda: pool.stats().waiting == 1)
        thread.join()

        pool.putconn(found[0])


class TestTheOrder:
    def test_is_by_class_and_then_first_come_first_served(self) -> None:
        queue = WaitQueue()
        waiters = [waiter_of(name) for name in ("batch", "staff", "gate", "batch", "health", "gate")]
        for each in waiters:
            queue.add(each)

        assert list(queue) == [waiters[index] for index in (4, 2, 5, 1, 0, 3)]

    def test_passes_those_who_may_not_have_one(self) -> None:
        queue, staff, batch = WaitQueue(), waiter_of("staff"), waiter_of("batch")
        queue.add(batch)
        queue.add(staff)

        assert queue.next(room=room("batch", "batch"), bound=BOUND) is staff
        assert queue.next(room=room("staff", "staff", "staff"), bound=BOUND) is None

    def test_leaves_a_turn_to_whoever_the_gates_would_starve(self) -> None:
        queue, batch, staff = WaitQueue(), waiter_of("batch"), waiter_of("staff")
        queue.add(batch)
        queue.add(staff)
        served = []
        for _ in range(2 * TURNS + 2):
            # The queue does not keep it.
            gate = waiter_of("gate")
            queue.add(gate)
            first = queue.next(room=room(), bound=BOUND)
            assert first is not None
            first.serve(A_CONNECTION)
            served.append(first.loan.borrower_class.name)

        # Who waits longest, of whichever class.
        assert [index for index, name in enumerate(served) if name != "gate"] == [TURNS, 2 * TURNS + 1]
        assert (served[TURNS], served[-1]) == ("batch", "staff")

    def test_serves_the_higher_class_on_the_server(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=1, classes={"gate": {}, "batch": {}})
        served: list[str] = []

        def come(name: str) -> None:
            connection = borrow_as(name, pool, timeout=10)
            served.append(name)
            pool.putconn(connection)

        threads = [threading.Thread(target=come, args=[name]) for name in ("batch", "gate")]
        with held(pool):
            for number, thread in enumerate(threads):
                thread.start()
                eventually(partial(is_waited_for, pool, number + 1))
        for thread in threads:
            thread.join()

        assert served == ["gate", "batch"]


class TestTheWait:
    @pytest.mark.parametrize(("name", "seconds"), [("staff", 0.2), ("", 0.2)])
    def test_is_as_long_as_the_class_says(self, pool: SharedPool, name: str, seconds: float) -> None:
        with held(pool, 3, borrower_class="staff"):
            started = monotonic()
            with pytest.raises(PoolFull, match=r"no connection after 2\d\d ms"):
                borrow_as(name, pool)

        assert monotonic() - started >= seconds

    def test_is_never_longer_than_the_pools(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=1, timeout=0.1, classes={"batch": {"timeout": 600}})

        with held(pool), pytest.raises(PoolFull, match=r"no connection after 1\d\d ms"):
            borrow_as("batch", pool)


class TestAFullQueue:
    """POOL_MAX_WAITING."""

    def test_of_a_lower_class_turns_away_that_class_only(self, make_pool: MakePool) -> None:
        pool = make_pool(max_size=BOUND, max_waiting=2, classes=OPTIONS, default_class="staff")

        def want_one(_: int) -> None:
            with pytest.raises(PoolFull):
                run_as("batch", pool.lend, borrower="test", timeout=1)

        with held(pool, BOUND, borrower_class="gate"):
            waiting = threading.Thread(target=lambda: Crowd(2, want_one).run())
            waiting.start()
            eventually(partial(is_waited_for, pool, 2))

            with pytest.raises(PoolLineFull):
                borrow_as("batch", pool, timeout=0)
            with pytest.raises(PoolFull):
                borrow_as("gate", pool, timeout=0)
            waiting.join()


class TestADeadlock:
    def test_is_none_while_the_pool_closes_a_connection(self, make_pool: MakePool) -> None:
        pool = make_pool(max_size=2, classes={"gate": {}})
        first, second = pool.getconn(), pool.getconn()
        pool.putconn(second)

        with ThreadPoolExecutor(1) as worker:
            [taken] = worker.submit(pool._take_all_idle).result()

            # Not at once, as if this thread waited for itself.
            with pytest.raises(PoolFull):
                pool.lend(borrower="test", timeout=0.05)

            worker.submit(pool.discard, taken)
            pool.putconn(pool.lend(borrower="test", timeout=5))
        pool.putconn(first)

    def test_of_one_class_is_found_while_places_are_kept_for_another(self, pool: SharedPool) -> None:
        everybody_has_one = threading.Barrier(3)

        def borrow_two(_: int) -> None:
            first = borrow_as("staff", pool, timeout=10)
            try:
                everybody_has_one.wait(10)
                pool.putconn(borrow_as("staff", pool, timeout=10))
            finally:
                pool.putconn(first)

        crowd = Crowd(3, borrow_two).run()

        assert [type(error) for error in crowd.errors] == [PoolDeadlock]
        assert "all 3 connections are held by threads" in str(crowd.errors[0])
        assert len(crowd.results) == 2

    def test_is_none_while_a_gate_that_waits_will_be_served(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=2, classes={"gate": {}, "staff": {"places": 1}})
        found: list[Any] = []

        def staff_then_gate() -> None:
            first = borrow_as("staff", pool)
            second = borrow_as("gate", pool, timeout=10)
            found.append(second)
            pool.putconn(second)
            pool.putconn(first)

        with held(pool, 1, borrower_class="gate"):
            thread = threading.Thread(target=staff_then_gate)
            thread.start()
            eventually(lambda: pool.stats().waiting == 1)
        thread.join()

        assert len(found) == 1


class TestTheClassOfSomeWork:
    def test_is_the_default_where_nobody_said_anything_or_something_unknown(self) -> None:
        classes = Classes(OPTIONS, "staff")

        assert classes.current().name == "staff"
        assert run_as("press", classes.current).name == "staff"
        assert run_as("gate", classes.current).name == "gate"
        assert Classes(OPTIONS).current().name == "batch"

    def test_is_everybodys_in_a_pool_without_classes(self) -> None:
        assert run_as("gate", Classes(None).current) is EVERYBODY

    def test_ends_with_the_call(self) -> None:
        classes = Classes(OPTIONS)

        def fail() -> BorrowerClass:
            raise ValueError("on its way")

        with pytest.raises(ValueError, match="on its way"):
            run_as("gate", fail)
        assert classes.current().name == "batch"

    def test_is_not_carried_away_by_a_generator(self) -> None:
        classes = Classes(OPTIONS)

        def names() -> Any:
            while True:
                yield classes.current().name

        generator = run_as("gate", names)

        assert next(generator) == "batch"
        assert run_as("gate", next, generator) == "gate"
        assert next(generator) == "batch"

    def test_is_not_carried_into_a_thread(self) -> None:
        classes, found = Classes(OPTIONS), []

        def start() -> None:
            thread = threading.Thread(target=lambda: found.append(classes.current().name))
            thread.start()
            thread.join()

        run_as("gate", start)

        assert found == ["batch"]


class TestTheOptions:
    @pytest.mark.parametrize(
        ("options", "default", "message"),
        [
            ({"gate": {"place": 3}}, None, "class 'gate' of borrowers has no option place"),
            ({"gate": {"places": 0}}, None, "class 'gate' of borrowers needs at least one place, not 0"),
            ({"gate": {}}, "staff", "default_class 'staff' is none of the classes: gate"),
        ],
    )
    def test_that_are_wrong_are_refused(self, options: Any, default: str | None, message: str) -> None:
        with pytest.raises((TypeError, ValueError), match=message):
            Classes(options, default)


class TestTheSnapshot:
    def test_shows_each_classs_share(self, pool: SharedPool) -> None:
        with held(pool, 2, borrower_class="batch"), held(pool, 1, borrower_class="gate"):
            found = {
                each.name: (each.places, each.checked_out, each.waiting) for each in pool.stats().classes
            }

        assert found == {"health": (5, 0, 0), "gate": (5, 1, 0), "staff": (3, 0, 0), "batch": (2, 2, 0)}
        assert list(found) == list(OPTIONS)

    def test_names_the_class_of_a_loan(self, pool: SharedPool) -> None:
        connection = borrow_as("gate", pool)

        [(_, loan)] = pool.loans()
        assert "(test, gate) for" in loan.as_text()
        pool.putconn(connection)
