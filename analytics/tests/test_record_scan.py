"""Recording a scan: admitted once, sent twice, refused (S2, S3, S4, S5, S6)."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from analytics import limits, qr, services
from analytics.ids import IdReused
from analytics.models import Admission, Event, InvalidAttempt, Scan
from analytics.tests.conftest import EIGHT, NORTH, SOUTH, TONIGHT, counts, forged, scan, ticket


@pytest.mark.usefixtures("tonight")
class TestAGenuineTicket:
    def test_is_admitted(self) -> None:
        result = scan()

        assert (result.scan.outcome, result.scan.reason, result.scan.is_genuine) == ("admitted", None, True)
        assert (result.first_admitted_at, result.first_admitted_gate) == (None, None)

    def test_is_a_duplicate_the_second_time_with_when_and_where_it_was_admitted(self) -> None:
        scan(gate=NORTH)

        result = scan(gate=SOUTH, minutes=5)

        assert result.scan.outcome == "duplicate"
        assert (result.first_admitted_at, result.first_admitted_gate) == (EIGHT, NORTH)

    def test_is_admitted_at_each_event_that_it_names(self) -> None:
        scan(ticket(event="matinee"))

        assert scan(ticket(event=TONIGHT)).scan.outcome == "admitted"

    def test_registers_an_event_that_nobody_registered(self) -> None:
        scan(ticket(event="late show"))

        event = Event.objects.get(event_id="late show")
        assert (event.name, event.timezone) == ("late show", "UTC")
        assert timezone.now() - event.created_at < timedelta(minutes=1)

    def test_is_stored_with_its_admission(self) -> None:
        scan_id = scan().scan.scan_id

        stored, admission = Scan.objects.get(), Admission.objects.get()
        assert (stored.pk, stored.event_id, stored.ticket_id) == (scan_id, TONIGHT, "TKT-001")
        assert (stored.scanned_at, stored.received_at) == (EIGHT, EIGHT)
        assert (admission.scan_id, admission.gate, admission.admitted_at) == (scan_id, NORTH, EIGHT)

    def test_keeps_the_devices_time_beside_ours(self) -> None:
        result = services.record_scan(
            reading=qr.read(ticket()),
            scan_id=uuid.uuid4(),
            gate="",
            scanner_id="",
            scanned_at=EIGHT - timedelta(days=3650),
            received_at=EIGHT,
        )

        assert (result.scan.scanned_at.year, result.scan.received_at) == (2015, EIGHT)

    def test_is_decided_and_stored_in_one_statement(self, statements_sent: Callable[[], list[str]]) -> None:
        scan()

        assert len(statements_sent()) == 1


@pytest.mark.usefixtures("tonight")
class TestAScanThatIsSentAgain:
    def test_answers_the_first_result_when_it_was_admitted(self) -> None:
        first = scan()

        assert scan(scan_id=first.scan.scan_id, minutes=5) == first

    def test_answers_the_first_result_when_it_was_a_duplicate(self) -> None:
        scan()
        first = scan(gate=SOUTH)

        assert scan(scan_id=first.scan.scan_id, gate=SOUTH, minutes=5) == first

    @pytest.mark.parametrize("event", [TONIGHT, "nobody knows"])
    def test_answers_the_first_result_when_it_was_refused(self, event: str) -> None:
        first = scan(forged(event=event))

        assert scan(forged(event=event), scan_id=first.scan.scan_id, minutes=5) == first

    def test_answers_the_first_result_although_its_event_became_known(self) -> None:
        first = scan(forged(event="late show"))
        scan(ticket(event="late show"))

        assert scan(forged(event="late show"), scan_id=first.scan.scan_id) == first

    @pytest.mark.parametrize("text", [ticket, forged], ids=["genuine", "refused"])
    def test_is_stored_and_counted_once(self, text: Callable[[], str]) -> None:
        scan_id = scan(text()).scan.scan_id
        counted = counts()

        scan(text(), scan_id=scan_id, minutes=5)

        assert (Scan.objects.count(), counts()) == (1, counted)
        assert InvalidAttempt.objects.count() == counted.get("invalid_attempt_count", 0)


@pytest.mark.usefixtures("tonight")
class TestAScanIdUsedForSomethingElse:
    @pytest.mark.parametrize(
        "other",
        [
            lambda: ticket("TKT-002"),
            lambda: ticket(event="matinee"),
            forged,
            lambda: qr.sign({"ticket_id": "TKT-001"}),
            lambda: "not JSON",
        ],
        ids=["another ticket", "another event", "a forged one", "one without event", "no ticket"],
    )
    def test_is_refused_and_stores_nothing(self, other: Callable[[], str]) -> None:
        scan_id = scan().scan.scan_id
        counted = counts()

        with pytest.raises(IdReused, match="send a new id"):
            scan(other(), scan_id=scan_id)

        assert (Scan.objects.count(), Admission.objects.count(), Event.objects.count()) == (1, 1, 1)
        assert (InvalidAttempt.objects.count(), counts()) == (0, counted)

    def test_never_admits_on_the_id_of_a_refused_scan(self) -> None:
        scan_id = scan(qr.sign({"ticket_id": "TKT-001"})).scan.scan_id

        with pytest.raises(IdReused):
            scan(scan_id=scan_id)

        assert not Admission.objects.exists()


@pytest.mark.usefixtures("tonight")
class TestARefusedReading:
    def test_is_stored_as_a_scan_and_as_an_invalid_attempt(self) -> None:
        scan_id = scan(forged()).scan.scan_id

        attempt = InvalidAttempt.objects.get()
        assert (Scan.objects.get().outcome, attempt.reason) == ("refused", "invalid_signature")
        assert (attempt.scan_id, attempt.event_id, attempt.ticket_id, attempt.gate) == (
            scan_id,
            TONIGHT,
            "TKT-001",
            NORTH,
        )

    def test_never_admits_so_the_genuine_ticket_still_enters(self) -> None:
        scan(forged())

        assert not Admission.objects.exists()
        assert scan().scan.outcome == "admitted"

    def test_registers_no_event(self) -> None:
        result = scan(forged(event="nobody knows"))

        assert result.scan.event_id is None
        assert list(Event.objects.values_list("event_id", flat=True)) == [TONIGHT]

    def test_is_genuine_but_refused_when_the_payload_names_no_ticket(self) -> None:
        result = scan(qr.sign({"event": TONIGHT}))

        assert (result.scan.is_genuine, result.scan.outcome, result.scan.reason) == (
            True,
            "refused",
            "malformed",
        )

    @pytest.mark.parametrize(
        "claim",
        ["x" * 1000, "a\x00b", "half of a pair: \ud83c"],
        ids=["too long", "with NUL", "half a character"],
    )
    def test_keeps_a_hostile_claim_bounded(self, claim: str) -> None:
        scan(json.dumps({"ticket_id": claim, "event": claim, "sig": "00"}))

        stored = Scan.objects.get()
        assert 0 < len(stored.ticket_id) <= limits.TICKET_ID
        assert stored.event_id is None

    def test_is_decided_and_stored_in_one_statement(self, statements_sent: Callable[[], list[str]]) -> None:
        scan(forged())

        assert len(statements_sent()) == 1
