"""Scans that wait are written together: each gets the one true answer, whatever its neighbours get (G4)."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from django.db import connection

from analytics import qr, services
from analytics.deadlines import Deadline, DeadlinePassed
from analytics.facts import InvalidAttemptFact, ScanResult
from analytics.ids import IdReused
from analytics.models import Admission, Event, InvalidAttempt, Scan
from analytics.queries import totals
from analytics.recorder import attempts, line, scans, transfers
from analytics.recorder.line import LineFull, Recorder
from analytics.recorder.scans import GivenScan
from analytics.tests.conftest import EIGHT, NORTH, TONIGHT, ticket, transfer_fact
from core import db
from core.embedded import EmbeddedPostgres
from core.pool import SharedPool
from core.tests.children import FORK_MARKS, in_child
from core.tests.fixtures import eventually

pytestmark = [pytest.mark.real_pool, pytest.mark.usefixtures("django_pool")]


def scan(ticket: str = "TKT-1", *, reason: str = "", gate: str = NORTH, **other: Any) -> GivenScan:
    given: dict[str, Any] = {
        "scan_id": uuid.uuid4(),
        "event_id": TONIGHT,
        "ticket_id": ticket,
        "reason": reason,
        "is_genuine": not reason,
        "gate": gate,
        "scanner_id": "",
        "scanned_at": EIGHT,
        "received_at": EIGHT,
    }
    return GivenScan(**{**given, **other})


def submit(recorder: Recorder, given: GivenScan, deadline: Deadline | None = None) -> Any:
    return recorder.submit(given, deadline)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(scans.write)


@pytest.fixture
def locked(postgres: EmbeddedPostgres) -> Iterator[Callable[[], None]]:
    """Somebody holds tables that every fact of a kind is written to, until the function is called."""
    with psycopg.connect(postgres.url(connection.settings_dict["NAME"])) as other:
        other.execute("LOCK TABLE admissions, ticket_transfers")
        yield other.rollback


def together(recorder: Recorder, scans: list[GivenScan], *, lets_go: Callable[[], None]) -> list[Any]:
    """Let these wait while one scan is being written, then be written together; return their answers."""
    first = submit(recorder, scan("the first"))
    eventually(lambda: not recorder._line)
    futures = [submit(recorder, each) for each in scans]
    assert len(recorder._line) == len(scans)
    lets_go()
    first.result(10)
    return [outcome(future) for future in futures]


def outcome(future: Future[ScanResult]) -> Any:
    """Return what a scanner is told: the outcome, or the kind of error."""
    try:
        result = future.result(10)
    except Exception as error:
        return type(error)
    return result.scan.outcome


class TestABatch:
    def test_is_decided_in_the_order_in_which_it_came(
        self, recorder: Recorder, locked: Callable[[], None]
    ) -> None:
        again = scan("TKT-1")
        scans = [again, scan("TKT-1", gate="south"), scan("TKT-2"), again, scan("", reason="malformed")]

        told = together(recorder, scans, lets_go=locked)

        assert told == ["admitted", "duplicate", "admitted", "admitted", "refused"]
        assert Scan.objects.count() == 5
        assert Admission.objects.count() == 3
        assert InvalidAttempt.objects.get().reason == "malformed"
        assert Event.objects.get().event_id == TONIGHT
        [counts] = totals.event_totals(event_id=TONIGHT)
        assert (counts.scan_count, counts.admitted_count, counts.duplicate_count) == (5, 3, 1)
        assert counts.refused_count == 1

    def test_tells_a_duplicate_when_and_where_the_ticket_came_first(
        self, recorder: Recorder, locked: Callable[[], None]
    ) -> None:
        first = submit(recorder, scan("the first"))
        eventually(lambda: not recorder._line)
        admitted, duplicate = submit(recorder, scan("TKT-1", gate="south")), submit(recorder, scan("TKT-1"))
        earlier = submit(recorder, scan("the first"))
        locked()
        first.result(10)

        assert admitted.result(10).scan.outcome == "admitted"
        assert duplicate.result(10).first_admitted_gate == "south"
        assert duplicate.result(10).first_admitted_at == EIGHT
        assert earlier.result(10).first_admitted_gate == NORTH

    def test_is_one_transaction(self, recorder: Recorder, locked: Callable[[], None]) -> None:
        told = together(recorder, [scan(f"TKT-{n}") for n in range(50)], lets_go=locked)

        assert told == ["admitted"] * 50
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(DISTINCT xmin::text) FROM ticket_scans")
            # That of the first, and theirs.
            assert cursor.fetchone() == (2,)

    def test_is_bounded(
        self, recorder: Recorder, locked: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(line, "BATCH", 10)

        together(recorder, [scan(f"TKT-{n}") for n in range(50)], lets_go=locked)

        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM ticket_scans GROUP BY xmin::text")
            assert max(count for [count] in cursor.fetchall()) == 10


def patient(fact: Any, count: int = 1, *, seconds: float = 60) -> list[tuple[Any, Deadline]]:
    return [(fact, Deadline(seconds)) for _ in range(count)]


class TestThoseForWhomNobodyWaits:
    """Scans that happened earlier, uploaded now (S7)."""

    @pytest.fixture
    def batches(self) -> list[list[str]]:
        return []

    @pytest.fixture
    def held(self, batches: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
        """A recorder that stores nothing, but notes its batches; the first one is under way."""
        goes_on = threading.Event()

        def write(_: Any, facts: list[str]) -> list[str]:
            goes_on.wait(10)
            batches.append(facts)
            return facts

        recorder = Recorder(write)
        monkeypatch.setattr(recorder, "goes_on", goes_on, raising=False)
        recorder.submit("first")
        eventually(lambda: not recorder._line)
        yield recorder
        goes_on.set()

    def written(self, recorder: Any, futures: list[Any]) -> None:
        recorder.goes_on.set()
        for future in futures:
            future.result(10)

    def test_come_after_those_at_a_gate(self, held: Recorder, batches: list[list[str]]) -> None:
        later = held.submit_later(patient("later", 100))
        now = [held.submit("now") for _ in range(300)]

        self.written(held, [*later, *now])

        assert [(len(batch), batch[0]) for batch in batches] == [
            (1, "first"),
            (256, "now"),
            (44, "now"),
            (64, "later"),
            (36, "later"),
        ]

    def test_come_in_the_end_however_many_come_to_a_gate(
        self, held: Recorder, batches: list[list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(line, "BATCH", 10)
        later = held.submit_later(patient("later"))
        now = [held.submit("now") for _ in range(100)]

        self.written(held, [*later, *now])

        assert [batch[0] for batch in batches].index("later") == 4

    def test_are_refused_all_together_where_too_many_wait(self, held: Recorder) -> None:
        later = held.submit_later(patient("later", 4000))

        with pytest.raises(LineFull):
            held.submit_later(patient("too many", 97))

        assert len(held._later) == 4000
        self.written(held, [*later, held.submit("at a gate there is room")])

    def test_are_not_written_after_their_deadline(self, held: Recorder, batches: list[list[str]]) -> None:
        [late] = held.submit_later(patient("late", seconds=0))

        self.written(held, [held.submit("now")])

        assert outcome(late) is DeadlinePassed
        assert ["late"] not in batches


class TestAPlan:
    def test_that_is_gone_is_made_again(self, recorder: Recorder) -> None:
        assert outcome(submit(recorder, scan("TKT-1"))) == "admitted"
        connection.ensure_connection()
        connection.connection.execute("DISCARD ALL")
        connection.close()

        assert outcome(submit(recorder, scan("TKT-2"))) == "admitted"

    def test_is_made_again_after_a_migration(self, recorder: Recorder, postgres: EmbeddedPostgres) -> None:
        assert outcome(submit(recorder, scan("TKT-1"))) == "admitted"
        with psycopg.connect(postgres.url(connection.settings_dict["NAME"]), autocommit=True) as other:
            other.execute("ALTER TABLE ticket_scans ALTER COLUMN reason TYPE text")
            try:
                assert outcome(submit(recorder, scan("TKT-2"))) == "admitted"
            finally:
                other.execute("ALTER TABLE ticket_scans ALTER COLUMN reason TYPE varchar(32)")

    def test_reads_no_table_as_a_whole_after_an_analyze_of_small_ones(self, recorder: Recorder) -> None:
        assert outcome(submit(recorder, scan("TKT-1"))) == "admitted"
        with db.borrowed() as borrowed:
            borrowed.execute("ANALYZE")
            borrowed.commit()

        with db.borrowed() as borrowed:
            for number in range(10):
                batch = [scan(f"TKT-{number}-{each}") for each in range(20)]
                scans.write(borrowed.execute_prepared, batch)
            read = borrowed.execute(
                "SELECT relname FROM pg_stat_xact_user_tables"
                " WHERE seq_scan > 0 AND relname IN ('ticket_scans', 'admissions', 'invalid_attempts')"
            )
            assert read.fetchall() == []


class TestFactsOfSeveralKinds:
    def test_wait_in_lines_of_their_own_and_are_stored_each_by_its_own_statement(
        self, recorder: Recorder, locked: Callable[[], None]
    ) -> None:
        transfer = transfer_fact(event_id="another")
        attempt = InvalidAttemptFact(
            attempt_id=uuid.uuid4(),
            event_id=TONIGHT,
            ticket_id="",
            reason="no_ticket",
            detail="",
            gate=NORTH,
            scanner_id="",
            scan_id=None,
            attempted_at=EIGHT,
            received_at=EIGHT,
        )
        # Else whoever is written first would decide whether the attempt's event is known.
        Event.objects.create(event_id=TONIGHT, name=TONIGHT)
        moves, reports = Recorder(transfers.write), Recorder(attempts.write)
        first, moved = submit(recorder, scan("the first")), moves.submit(transfer_fact())
        eventually(lambda: not recorder._line and not moves._line)
        one = moves.submit(transfer)
        refused = moves.submit(replace(transfer, to_user="eve"))
        again = moves.submit(transfer)
        other = reports.submit(attempt)
        admitted = submit(recorder, scan("TKT-1"))
        locked()

        assert (outcome(first), outcome(admitted)) == ("admitted", "admitted")
        assert moved.result(10).is_new
        assert (one.result(10).is_new, again.result(10).is_new) == (True, False)
        assert one.result(10).fact == again.result(10).fact == transfer
        assert isinstance(refused.exception(10), IdReused)
        assert other.result(10).fact == attempt
        counts = {each.event_id: each for each in totals.event_totals()}
        assert (counts["another"].transfer_count, counts[TONIGHT].invalid_attempt_count) == (1, 1)


class TestOneThatCannotBeStored:
    def test_fails_alone_when_its_id_is_another_scans(
        self, recorder: Recorder, locked: Callable[[], None]
    ) -> None:
        used = scan("TKT-1")
        scans = [used, used._replace(ticket_id="TKT-2"), scan("TKT-2"), used._replace(gate="south")]

        told = together(recorder, scans, lets_go=locked)

        assert told == ["admitted", IdReused, "admitted", IdReused]
        assert set(Admission.objects.values_list("ticket_id", flat=True)) == {"the first", "TKT-1", "TKT-2"}

    @pytest.mark.parametrize(
        ("gate", "error"),
        [("x" * 65, psycopg.errors.StringDataRightTruncation), ("\ud800", UnicodeEncodeError)],
    )
    def test_fails_alone_when_it_is_refused(
        self, recorder: Recorder, locked: Callable[[], None], gate: str, error: type[Exception]
    ) -> None:
        scans = [scan("TKT-1"), scan("TKT-2", gate=gate), scan("TKT-3"), scan("TKT-1")]

        told = together(recorder, scans, lets_go=locked)

        assert told[0] == "admitted"
        assert issubclass(told[1], error)
        assert told[2:] == ["admitted", "duplicate"]

    @pytest.mark.parametrize("position", [0, 3, 7])
    def test_fails_alone_when_somebody_holds_its_row(
        self, recorder: Recorder, locked: Callable[[], None], postgres: EmbeddedPostgres, position: int
    ) -> None:
        locked()
        tickets = [f"TKT-{number}" for number in range(8)]
        assert outcome(submit(recorder, scan(tickets[position]))) == "admitted"
        url = postgres.url(connection.settings_dict["NAME"])
        with psycopg.connect(url) as holder, psycopg.connect(url) as other:
            row = "SELECT FROM admissions WHERE ticket_id = %s FOR UPDATE"
            holder.execute(row, [tickets[position]])
            other.execute("LOCK TABLE ticket_scans")
            scans = [scan(each) for each in tickets]
            told = together(recorder, scans, lets_go=other.rollback)

        assert issubclass(told.pop(position), psycopg.errors.LockNotAvailable)
        assert told == ["admitted"] * 7

    def test_is_dropped_when_it_is_too_late(self, recorder: Recorder, locked: Callable[[], None]) -> None:
        first = submit(recorder, scan("the first"))
        eventually(lambda: not recorder._line)
        late, given_up, other = Deadline(0.01), Deadline(60), Deadline(60)
        futures = [submit(recorder, scan(f"TKT-{n}"), each) for n, each in enumerate((late, given_up, other))]
        assert given_up.give_up()
        time.sleep(0.02)
        locked()
        first.result(10)

        assert [outcome(future) for future in futures] == [DeadlinePassed, DeadlinePassed, "admitted"]
        assert set(Admission.objects.values_list("ticket_id", flat=True)) == {"the first", "TKT-2"}
        # It is being told what was stored: nobody may say otherwise any more.
        assert not other.give_up()

    def test_has_its_answer_when_a_lock_is_not_given(
        self, recorder: Recorder, locked: Callable[[], None]
    ) -> None:
        with pytest.raises(psycopg.errors.LockNotAvailable) as refused:
            submit(recorder, scan()).result(10)
        locked()

        assert refused.value.sqlstate == "55P03"
        assert outcome(submit(recorder, scan())) == "admitted"


class TestALostConnection:
    def test_leaves_no_doubt(
        self, recorder: Recorder, locked: Callable[[], None], postgres: EmbeddedPostgres
    ) -> None:
        future = submit(recorder, scan())
        with psycopg.connect(postgres.url(), autocommit=True) as outside:
            writers = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            [writer] = eventually(lambda: outside.execute(writers).fetchone())
            outside.execute("SELECT pg_terminate_backend(%s, 5000)", [writer])
            locked()

        assert outcome(future) == "admitted"
        assert Scan.objects.count() == Admission.objects.count() == 1

    def test_after_the_commit_is_answered_as_stored(
        self, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # What the writer meets when the server ends after the commit, and before it says so.
        wrote = line._write_now
        lost = [True]

        def write_and_lose(*arguments: Any, **how: Any) -> Any:
            rest = wrote(*arguments, **how)
            if lost.pop() if lost else False:
                arguments[1].clear()
                raise line.ConnectionLost from psycopg.OperationalError("gone")
            return rest

        monkeypatch.setattr(line, "_write_now", write_and_lose)

        assert outcome(submit(recorder, scan())) == "admitted"
        assert Scan.objects.count() == 1


class TestTheLine:
    def test_is_bounded(
        self, recorder: Recorder, locked: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(line, "LONGEST", 2)
        first = submit(recorder, scan("the first"))
        eventually(lambda: not recorder._line)
        futures = [submit(recorder, scan(f"TKT-{n}")) for n in range(2)]

        with pytest.raises(LineFull):
            submit(recorder, scan("one too many"))

        locked()
        assert [outcome(each) for each in (first, *futures)] == ["admitted"] * 3

    def test_takes_one_connection_however_many_scan(
        self, recorder: Recorder, django_pool: SharedPool
    ) -> None:
        futures = [submit(recorder, scan(f"TKT-{n}")) for n in range(500)]

        peak = 0
        while not all(future.done() for future in futures):
            peak = max(peak, django_pool.stats().open)

        assert {outcome(future) for future in futures} == {"admitted"}
        assert peak <= 1
        assert django_pool.stats().checked_out == 0

    def test_goes_on_after_its_writer_was_interrupted(
        self, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(line, "_settle", interrupted)
            with pytest.raises(RuntimeError, match="interrupted"):
                submit(recorder, scan()).result(10)

        assert outcome(submit(recorder, scan())) == "admitted"


class TestAWriterThatDoesNotComeBack:
    def test_is_replaced_and_ends_when_it_does(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(line, "STUCK_SECONDS", 0.2)
        may_go = threading.Event()

        def write(execute: Any, facts: list[Any]) -> Sequence[Any]:
            if facts != ["a server that says nothing"]:
                return scans.write(execute, facts)
            may_go.wait(10)
            return facts

        recorder = Recorder(write)
        stuck = recorder.submit("a server that says nothing")
        eventually(lambda: not recorder._line)
        first = recorder._thread
        waiting = submit(recorder, scan("TKT-1"))
        time.sleep(0.3)
        taken_over = submit(recorder, scan("TKT-2"))

        assert (outcome(waiting), outcome(taken_over)) == ("admitted", "admitted")
        assert not stuck.done()
        may_go.set()
        assert stuck.result(10) == "a server that says nothing"
        assert first is not None
        first.join(10)
        assert not first.is_alive()
        assert outcome(submit(recorder, scan("TKT-3"))) == "admitted"


class TestAFork:
    pytestmark = FORK_MARKS

    def test_has_a_line_of_its_own(self, recorder: Recorder) -> None:
        assert outcome(submit(recorder, scan("TKT-1"))) == "admitted"

        assert in_child(lambda: outcome(submit(recorder, scan("TKT-2")))) == "admitted"
        assert outcome(submit(recorder, scan("TKT-2"))) == "duplicate"


class TestATransferThatGetsStuck:
    def test_holds_up_no_scan(self, postgres: EmbeddedPostgres) -> None:
        moved = transfer_fact(event_id="another")
        with (
            psycopg.connect(postgres.url(connection.settings_dict["NAME"])) as other,
            ThreadPoolExecutor(1) as thread,
        ):
            other.execute("LOCK TABLE ticket_transfers")
            stuck = thread.submit(services.record_transfer, transfer=moved)
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            with psycopg.connect(postgres.url(), autocommit=True) as outside:
                eventually(lambda: outside.execute(waiting).fetchone() == (1,))
            admitted = services.record_scan(
                reading=qr.read(ticket()),
                scan_id=uuid.uuid4(),
                gate=NORTH,
                scanner_id="",
                scanned_at=EIGHT,
                received_at=EIGHT,
            )
            assert not stuck.done()
            other.rollback()

            assert admitted.scan.outcome == "admitted"
            assert stuck.result(10).fact == moved
