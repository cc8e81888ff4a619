"""The parts of `manage.py demo_spike` and `demo_seed` that need no running service."""

import io
import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from analytics import demo, qr
from analytics.management.commands import demo_spike
from analytics.models import Event, Gate
from analytics.spike.clients import Tally
from analytics.spike.run import Result
from analytics.spike.sampling import ConnectionCount, HealthAnswers
from analytics.spike.scan_requests import Kind, ScanRequest, scan_requests
from config.tests.service import free_port

NOON = datetime(2026, 7, 4, 12, tzinfo=UTC)


def result(*, most: int = 30, outcomes: int = 1, **faults: int) -> Result:
    tally = Tally(latencies=[1.0] * outcomes)
    tally.outcomes["admitted"] = outcomes
    tally.faults.update(faults)
    connections = ConnectionCount()
    connections.most = most
    health = HealthAnswers("http://127.0.0.1:8000")
    return Result(tally=tally, connections=connections, health=health, bound=30, seconds=1.0)


class TestScanRequests:
    def test_are_of_every_kind_and_read_as_what_they_are(self) -> None:
        sent = list(islice(scan_requests(7), 300))

        assert {request.kind for request in sent} == set(Kind)
        for request in sent:
            reading = qr.read(json.loads(request.body)["qr_text"])
            assert reading.is_genuine is (request.kind is not Kind.FORGED)

    def test_show_a_ticket_again_only_after_its_first_time(self) -> None:
        seen: set[str] = set()
        for request in islice(scan_requests(7), 300):
            text = json.loads(request.body)["qr_text"]
            assert (text in seen) is (request.kind is Kind.AGAIN)
            seen.add(text)

    @pytest.mark.parametrize(
        ("kind", "status", "answer", "fault"),
        [
            (Kind.FRESH, 200, {"isValid": True, "outcome": "admitted"}, ""),
            (Kind.FORGED, 200, {"isValid": False, "outcome": "refused"}, ""),
            (Kind.FRESH, 200, {"isValid": False, "outcome": "refused"}, "isValid=False for a genuine ticket"),
            (Kind.FORGED, 200, {"isValid": True, "outcome": "admitted"}, "isValid=True for a forged ticket"),
            (Kind.AGAIN, 200, {"isValid": True, "outcome": "admitted"}, "admitted instead of duplicate"),
            (Kind.FRESH, 503, {"status": "error"}, "status 503"),
        ],
    )
    def test_judge_an_answer_by_what_was_shown(
        self, kind: Kind, status: int, answer: dict[str, object], fault: str
    ) -> None:
        assert ScanRequest(kind, b"").fault(status, answer) == fault


class TestTally:
    def test_a_percentile_is_the_latency_that_so_many_did_not_exceed(self) -> None:
        tally = Tally(latencies=[float(number) for number in range(1, 101)])

        assert [tally.percentile(percent) for percent in (50, 99, 100)] == [50.0, 99.0, 100.0]

    def test_no_answers_have_no_latency(self) -> None:
        assert Tally().percentile(99) == 0.0


class TestVerdict:
    def test_the_bound_itself_is_allowed(self) -> None:
        assert result(most=30).faults() == []

    def test_one_connection_more_is_a_fault(self) -> None:
        assert result(most=31).faults() == ["Postgres saw 31 connections, more than the bound of 30"]

    def test_one_failed_request_is_a_fault(self) -> None:
        assert result(**{"status 503": 1}).faults() == ["1 requests failed: status 503"]

    def test_seeing_nothing_is_no_success(self) -> None:
        assert len(result(most=0, outcomes=0).faults()) == 2


class TestRefusals:
    @pytest.mark.parametrize("url", ["http://turnstile.example", "https://127.0.0.1", "http://10.0.0.7:8000"])
    def test_another_machine_gets_no_request(self, url: str) -> None:
        with pytest.raises(CommandError, match="is not this machine"):
            demo_spike.refuse_other_hosts(url)

    def test_an_absent_service_is_reported_with_the_cure(self) -> None:
        with pytest.raises(CommandError, match=r"no service at .*`make run`"):
            call_command("demo_spike", url=f"http://127.0.0.1:{free_port()}")

    @pytest.mark.django_db
    def test_a_database_without_the_demo_is_left_alone(self) -> None:
        with pytest.raises(CommandError, match='no event "tonight" in this database'):
            demo_spike.refuse_absent_event()


@pytest.mark.django_db
class TestSeed:
    def test_seeding_twice_leaves_one_event_with_its_gates(self) -> None:
        demo.seed_event(now=NOON)
        demo.seed_event(now=NOON)

        assert Event.objects.get().starts_at == datetime(2026, 7, 4, 20, tzinfo=UTC)
        assert list(Gate.objects.values_list("name", flat=True)) == ["north", "south"]

    def test_an_admin_that_is_there_keeps_the_password(self) -> None:
        assert demo.seed_admin(password="of-the-first-run")
        assert demo.seed_admin(password="of-the-first-run")

        assert not demo.seed_admin(password="another")

    def test_writes_200_genuine_tickets(self, tmp_path: Path) -> None:
        demo.write_tickets(tmp_path / "tickets.jsonl")

        lines = (tmp_path / "tickets.jsonl").read_text().splitlines()
        readings = [qr.read(json.loads(line)["qr_text"]) for line in lines]
        assert len({reading.ticket_id for reading in readings if reading.is_genuine}) == 200

    def test_without_a_password_it_says_who_makes_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DEMO_ADMIN_PASSWORD", raising=False)

        with pytest.raises(CommandError, match="`make run` makes one"):
            call_command("demo_seed", stdout=io.StringIO())
