"""Many scans at once: one admission, one row per id, exact counters, no deadlock (S2, S3)."""

import uuid
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection

from analytics.ids import IdReused
from analytics.models import Admission, Event, InvalidAttempt, Scan, Transfer
from analytics.tests.conftest import NORTH, SOUTH, TONIGHT, counts, forged, scan, ticket, transfer
from core.pool import SharedPool
from core.tests.fixtures import Crowd

pytestmark = pytest.mark.real_pool


@pytest.fixture(autouse=True)
def _committed(django_pool: SharedPool) -> None:
    """Tonight's event, where each thread's own connection sees it."""
    Event.objects.create(event_id=TONIGHT, name=TONIGHT)
    connection.close()


def crowd(size: int, action: Callable[[int], Any]) -> list[Any]:
    """Do `action` in `size` threads at once and return the results; fail when one of them failed."""
    done = Crowd(size, action).run()
    assert done.errors == []
    return done.results


def gate_of(number: int) -> str:
    return (NORTH, SOUTH)[number % 2]


class TestTwentyScansOfOneTicket:
    def test_admit_it_exactly_once(self) -> None:
        results = crowd(20, lambda number: scan(gate=gate_of(number)))

        assert Counter(result.scan.outcome for result in results) == {"admitted": 1, "duplicate": 19}

    def test_tell_every_duplicate_when_and_where_it_was_admitted(self) -> None:
        results = crowd(20, lambda number: scan(gate=gate_of(number), minutes=number))

        admitted = next(result.scan for result in results if result.scan.outcome == "admitted")
        firsts = {
            (r.first_admitted_at, r.first_admitted_gate) for r in results if r.scan.outcome == "duplicate"
        }
        assert firsts == {(admitted.received_at, admitted.gate)}

    def test_are_counted_exactly(self) -> None:
        crowd(20, lambda _: scan())

        expected = {"scan_count": 20, "valid_scan_count": 20, "admitted_count": 1, "duplicate_count": 19}
        assert counts() == expected
        assert Scan.objects.count() == 20

    def test_register_an_unknown_event_once(self) -> None:
        results = crowd(20, lambda _: scan(ticket(event="late show")))

        assert Counter(result.scan.outcome for result in results) == {"admitted": 1, "duplicate": 19}
        assert Event.objects.filter(event_id="late show").count() == 1


class TestTwentyTimesTheSameScan:
    @pytest.mark.parametrize("text", [ticket, forged], ids=["genuine", "refused"])
    def test_is_one_row_and_one_answer(self, text: Callable[[], str]) -> None:
        scan_id = uuid.uuid4()

        results = crowd(20, lambda _: scan(text(), scan_id=scan_id))

        assert len({repr(result) for result in results}) == 1
        assert (Scan.objects.count(), counts()["scan_count"]) == (1, 1)

    def test_is_counted_once_as_an_invalid_attempt(self) -> None:
        scan_id = uuid.uuid4()

        crowd(20, lambda _: scan(forged(), scan_id=scan_id))

        assert (InvalidAttempt.objects.count(), counts()["invalid_attempt_count"]) == (1, 1)


class TestOneScanIdForTwoTickets:
    def test_records_one_of_them_whole_and_the_other_not_at_all(self) -> None:
        scan_id = uuid.uuid4()

        done = Crowd(20, lambda number: scan(ticket(f"TKT-{number % 2}"), scan_id=scan_id)).run()

        assert {type(error) for error in done.errors} == {IdReused}
        assert len(done.results) == 10
        assert (Scan.objects.count(), Admission.objects.count()) == (1, 1)
        assert Admission.objects.get().ticket_id == Scan.objects.get().ticket_id


class TestABusyEvening:
    def test_is_counted_exactly_and_never_deadlocks(self) -> None:
        crowd(15, _busy)

        assert counts() == {
            "scan_count": Scan.objects.count(),
            "valid_scan_count": Scan.objects.filter(is_genuine=True).count(),
            "invalid_scan_count": Scan.objects.filter(is_genuine=False).count(),
            "admitted_count": Admission.objects.count(),
            "duplicate_count": Scan.objects.filter(outcome="duplicate").count(),
            "refused_count": Scan.objects.filter(outcome="refused").count(),
            "transfer_count": Transfer.objects.count(),
            "successful_transfer_count": Transfer.objects.filter(is_successful=True).count(),
            "failed_transfer_count": Transfer.objects.filter(is_successful=False).count(),
            "invalid_attempt_count": InvalidAttempt.objects.count(),
        }


class TestAnEventThatScansAndTransfersRegisterAtOnce:
    def test_is_registered_without_a_deadlock(self) -> None:
        for show in range(10):
            crowd(15, partial(_open_doors, f"show {show}"))

        assert Event.objects.count() == 11


def _open_doors(event_id: str, number: int) -> None:
    """Scan a ticket, or transfer it, as the first thing that is heard of the event."""
    if number % 2:
        scan(ticket(f"TKT-{number}", event=event_id))
    else:
        transfer(event_id=event_id)


def _busy(number: int) -> None:
    """Scan six tickets that others scan too, each thread in its own order, with transfers in between."""
    for step in range(6):
        ticket_id = f"TKT-{(step * (number + 1)) % 6}"
        scan(ticket(ticket_id))
        scan(forged(ticket_id))
        transfer(ticket_id=ticket_id, is_successful=bool(step % 3))
