"""Nothing is stored for a caller who was told otherwise, or has given up (contract line G4)."""

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from django.db import connection

from analytics import deadlines, qr, services
from analytics.deadlines import Deadline, DeadlinePassed
from analytics.facts import ScanResult
from analytics.models import Admission, InvalidAttempt, Scan, Transfer
from analytics.recorder.scans import GivenScan, recorder
from analytics.tests.conftest import EIGHT, NORTH, TONIGHT, Call, ticket, transfer
from core.embedded import EmbeddedPostgres
from core.pool import SharedPool
from core.tests.fixtures import eventually, held


def scan(deadline: Deadline, *, qr_text: str | None = None) -> ScanResult:
    return services.record_scan(
        reading=qr.read(qr_text or ticket()),
        scan_id=uuid.uuid4(),
        gate=NORTH,
        scanner_id="",
        scanned_at=EIGHT,
        received_at=EIGHT,
        deadline=deadline,
    )


def passed() -> Deadline:
    return Deadline(-1)


class TestADeadline:
    @pytest.mark.parametrize(
        ("asked", "seconds"),
        [
            *((None, 5.0), ("", 5.0), ("2.5", 2.5), ("0.5", 0.5), ("60", 5.0)),
            # The API refuses them; until then the caller is served.
            *(("soon", 5.0), ("-1", 5.0), ("0.1", 5.0), ("nan", 5.0), ("inf", 5.0), ("1e999", 5.0)),
        ],
    )
    def test_is_what_the_caller_asks_for_and_never_more_than_the_settings(
        self, asked: str | None, seconds: float
    ) -> None:
        # Less the time that an answer takes to arrive.
        assert deadlines.begin(asked).seconds_left == pytest.approx(seconds * deadlines.SHARE, abs=0.1)

    def test_is_kept_by_whoever_comes_first(self) -> None:
        kept, given_up = Deadline(5), Deadline(5)

        kept.keep()
        assert given_up.give_up()

        assert not kept.give_up()
        with pytest.raises(DeadlinePassed):
            given_up.keep()

    def test_lets_exactly_one_of_many_threads_decide(self) -> None:
        deadline, gate = Deadline(5), threading.Barrier(8)
        decided: list[bool] = []

        def decide() -> None:
            gate.wait()
            decided.append(deadline.give_up())

        threads = [threading.Thread(target=decide) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(decided) == [False] * 7 + [True]


@pytest.mark.usefixtures("tonight")
class TestAFactThatComesTooLate:
    @pytest.mark.parametrize("qr_text", [ticket(), "no ticket"], ids=["genuine", "refused"])
    def test_is_not_stored_as_a_scan(self, qr_text: str) -> None:
        with pytest.raises(DeadlinePassed):
            scan(passed(), qr_text=qr_text)

        assert not Scan.objects.exists()
        assert not Admission.objects.exists()
        assert not InvalidAttempt.objects.exists()

    def test_is_not_stored_as_a_transfer(self) -> None:
        fact = replace(transfer().fact, transfer_id=uuid.uuid4())

        with pytest.raises(DeadlinePassed):
            services.record_transfer(transfer=fact, deadline=passed())

        assert Transfer.objects.count() == 1

    def test_is_admitted_when_it_is_sent_again(self) -> None:
        with pytest.raises(DeadlinePassed):
            scan(passed())

        assert scan(Deadline(5)).scan.outcome == "admitted"


@pytest.fixture
def locker(postgres: EmbeddedPostgres, django_pool: SharedPool) -> Iterator[Callable[[], None]]:
    """Hold the lock that every admission needs, until it is called."""
    with psycopg.connect(postgres.url(connection.settings_dict["NAME"])) as other:
        other.execute("LOCK TABLE admissions")
        yield other.rollback


@pytest.mark.real_pool
class TestAStatementThatOutlastsItsDeadline:
    def test_is_undone(self, locker: Callable[[], None]) -> None:
        deadline = Deadline(60)
        errors: list[Exception] = []

        def late() -> None:
            try:
                scan(deadline)
            except DeadlinePassed as error:
                errors.append(error)

        thread = threading.Thread(target=late)
        thread.start()
        eventually(waits_for_a_lock)

        assert deadline.give_up()
        locker()
        thread.join()

        assert len(errors) == 1
        assert not Scan.objects.exists()
        assert not Admission.objects.exists()

    def test_is_answered_503_and_stored_nowhere(self, locker: Callable[[], None], post: Call) -> None:
        answers: list[Any] = []

        def send() -> None:
            answers.append(post("/validate-qr", {"x-scan-timeout": "0.5"}, qr_text=ticket(event=TONIGHT)))

        thread = threading.Thread(target=send)
        thread.start()
        eventually(lambda: waits_for_a_lock(longer_than="500 ms"))
        locker()
        thread.join()

        [answer] = answers
        assert (answer.status_code, answer.json()) == (503, {"status": "error", "reason": "too_late"})
        assert int(answer["Retry-After"]) > 0
        assert not Scan.objects.exists()


def waits_for_a_lock(*, longer_than: str = "0 s") -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND clock_timestamp() - query_start > %s::interval",
            [longer_than],
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.real_pool
class TestAWaitForAConnection:
    def test_ends_at_the_deadline(self, django_pool: SharedPool) -> None:
        # The class's own time is 2 s.
        given = GivenScan(
            uuid.uuid4(),
            TONIGHT,
            "TKT-001",
            "",
            is_genuine=True,
            gate="",
            scanner_id="",
            scanned_at=EIGHT,
            received_at=EIGHT,
        )
        with held(django_pool, django_pool.max_size):
            # Not by a caller, who would give up at the same moment.
            error = recorder.submit(given, Deadline(0.2)).exception(10)

        assert isinstance(error, psycopg.OperationalError)
        assert re.search(r"after (19|2\d)\d ms", str(error))
        assert not Scan.objects.exists()


class TestThePatienceOfARequest:
    @pytest.mark.parametrize("asked", ["soon", "-1", "0.1", "nan", "inf"])
    def test_that_is_none_is_422_with_the_cure(self, db: None, post: Call, asked: str) -> None:
        answer = post("/validate-qr", {"x-scan-timeout": asked}, qr_text=ticket())

        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["header", "X-Scan-Timeout"]
        assert not Scan.objects.exists()
