"""What the numbers made of a ledger say about requests."""

from time import monotonic

import pytest

from benchmarks.faults.result import Result, count_requests, count_rows, draw_timeline, time_recovery
from benchmarks.rig.ledger import Attempt


def attempt(writer: int, ended_at: float, error: str = "") -> Attempt:
    return Attempt(writer, ended_at - 0.1, 0.1, error)


class TestResult:
    def test_times_recovery_from_the_servers_return(self) -> None:
        result = Result("fault", "system")

        time_recovery(result, [attempt(0, 9.0), attempt(0, 11.0), attempt(1, 12.5)], 10.0, [0, 1])

        assert result.first_success_seconds == pytest.approx(1.0)
        assert result.full_service_seconds == pytest.approx(2.5)

    def test_full_service_begins_after_the_last_failure(self) -> None:
        result = Result("fault", "system")

        time_recovery(result, [attempt(0, 11.0), attempt(0, 13.0, "OSError"), attempt(0, 14.0)], 10.0, [0])

        assert result.full_service_seconds == pytest.approx(3.0)

    def test_there_is_no_full_service_while_a_writer_is_not_served(self) -> None:
        result = Result("fault", "system")

        time_recovery(result, [attempt(0, 11.0)], 10.0, [0, 1])

        assert result.full_service_seconds is None

    def test_counts_failures_that_began_after_the_return(self) -> None:
        result = Result("fault", "system")

        count_requests(result, [attempt(0, 10.05, "OSError"), attempt(0, 11.0, "OSError")], 10.0)

        assert (result.failed, result.failed_after_return) == (2, 1)

    def test_compares_acknowledgements_with_rows(self) -> None:
        result = Result("fault", "system")

        count_rows(result, [(0, 0), (0, 1)], [(0, 1), (0, 1), (0, 2)])

        assert (result.rows_missing, result.rows_twice) == (1, 1)

    def test_a_timeline_counts_each_second(self) -> None:
        result, now = Result("fault", "system"), monotonic()

        draw_timeline(result, [attempt(0, now + 0.5), attempt(0, now + 2.5, "OSError")], now)

        assert result.timeline == [(1, 0), (0, 0), (0, 1)]

    def test_survives_json(self) -> None:
        result = Result("fault", "system", errors={"OSError": 1})

        assert Result.from_json(result.as_json()) == result
