"""How often somebody may try to log in, and how long the next attempt waits (contract line G6)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F

from core.pool import SharedPool
from core.tests.fixtures import Crowd
from reports.logins import counting
from reports.models import LoginAttempts

pytestmark = pytest.mark.django_db


def attempts(name: str = "ada", address: str = "203.0.113.7", *, count: int = 1) -> list[int]:
    """Try so often, each time at the first moment that it may be tried; return the waits in between."""
    waits = []
    for _ in range(count):
        seconds = counting.begin(counting.attempt_of(name, address))
        waits.append(seconds)
        if seconds:
            pass_time(seconds)
            assert counting.begin(counting.attempt_of(name, address)) == 0
    return waits


def pass_time(seconds: float) -> None:
    step = timedelta(seconds=seconds)
    LoginAttempts.objects.update(last_at=F("last_at") - step, free_at=F("free_at") - step)


def from_elsewhere() -> Callable[[], str]:
    numbers = iter(range(250))
    return lambda: f"198.51.100.{next(numbers)}"


class TestAUser:
    def test_waits_longer_each_time_from_wherever_it_is_tried(self) -> None:
        address = from_elsewhere()

        waits = [attempts(address=address())[0] for _ in range(15)]

        assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]

    @pytest.mark.parametrize("same", ["ADA", "ada", "\uff41da"])
    def test_is_one_however_the_name_is_written(self, same: str) -> None:
        address = from_elsewhere()
        for _ in range(5):
            attempts(address=address())

        assert counting.begin(counting.attempt_of(same, address())) == 1

    def test_another_does_not_wait(self) -> None:
        address = from_elsewhere()
        for _ in range(8):
            attempts(address=address())

        assert attempts("bob", address()) == [0]


class TestAnAddress:
    def test_waits_longer_each_time_whoever_is_tried(self) -> None:
        waits = [attempts(f"user {number}")[0] for number in range(24)]

        assert waits[:10] == [0] * 10
        assert waits[10:18] == [1, 2, 4, 8, 16, 32, 64, 128]
        assert max(waits) == waits[-1] == 900


class TestAnAttemptThatHasToWait:
    def test_is_not_counted(self) -> None:
        attempts(count=6)
        before = list(LoginAttempts.objects.order_by("key").values())

        assert counting.begin(counting.attempt_of("ada", "203.0.113.7")) == 2
        assert list(LoginAttempts.objects.order_by("key").values()) == before

    def test_is_let_on_when_it_has_waited(self) -> None:
        attempts(count=5)
        pass_time(1)

        assert counting.begin(counting.attempt_of("ada", "203.0.113.7")) == 0


class TestASuccess:
    def test_frees_its_user_at_once(self) -> None:
        attempts(count=5)

        counting.take_back(counting.attempt_of("ada", "203.0.113.7"))

        assert attempts(address="198.51.100.1") == [0]

    def test_is_no_way_for_its_address_to_try_others(self) -> None:
        for number in range(12):
            attempts(f"user {number}")

        counting.begin(counting.attempt_of("ada", "203.0.113.7"))
        counting.take_back(counting.attempt_of("ada", "203.0.113.7"))

        assert attempts("user 12")[0] == 0
        assert attempts("user 13")[0] >= 4


class TestWhatIsOld:
    def test_counts_no_more(self) -> None:
        attempts(count=9)
        pass_time(counting.FORGET_SECONDS + 1)

        assert attempts(count=5) == [0] * 5

    def test_is_deleted_by_those_who_come_later(self) -> None:
        for number in range(5):
            attempts(f"user {number}", f"203.0.113.{number}")
        pass_time(counting.FORGET_SECONDS + 1)

        attempts("bob", "198.51.100.1")

        assert LoginAttempts.objects.count() == 2


class TestTheTable:
    def test_has_no_name_and_no_address(self) -> None:
        attempts("ada", "203.0.113.7")

        assert not {"ada", "203.0.113.7"} & set(LoginAttempts.objects.values_list("key", flat=True))


@pytest.mark.real_pool
class TestThirtyAtOnce:
    def test_get_no_further_than_one_after_the_other(self, django_pool: SharedPool) -> None:
        def attempt(_: int) -> int:
            try:
                return counting.begin(counting.attempt_of("ada", "203.0.113.7"))
            finally:
                connection.close()

        crowd = Crowd(30, attempt).run()

        assert crowd.errors == []
        # Five, and one more if the second that the next one waits passes meanwhile.
        assert crowd.results.count(0) in {5, 6}
