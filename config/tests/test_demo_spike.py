"""The parts of `manage.py demo_spike` and `demo_seed` that need no running service."""

import io
import json
import re
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from rich.console import Console

from analytics import demo, qr
from analytics.management.commands import demo_spike
from analytics.models import Event, Gate
from analytics.spike import alternatives, live, picture
from analytics.spike.course import Course
from analytics.spike.run import Result
from analytics.spike.sampling import ConnectionCount, HealthAnswers
from analytics.spike.scan_requests import Kind, ScanRequest, scan_requests
from analytics.spike.tally import Tally
from benchmarks.spike import systems
from config.tests.service import free_port

NOON = datetime(2026, 7, 4, 12, tzinfo=UTC)


def result(*, most: int = 30, outcomes: int = 1, **faults: int) -> Result:
    course = Course("Turnstile", 30)
    course.total.outcomes["admitted"] = outcomes
    course.total.faults.update(faults)
    connections = ConnectionCount()
    connections.most = most
    health = HealthAnswers("http://127.0.0.1:8000")
    return Result(course=course, connections=connections, health=health)


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
        tally = Tally()
        for milliseconds in range(1, 101):
            tally.note(milliseconds / 1000)

        found = [tally.percentile(percent) for percent in (50, 99, 100)]

        assert found == [pytest.approx(each, rel=0.05) for each in (50, 99, 100)]

    def test_is_the_same_in_another_process(self) -> None:
        tally = Tally()
        tally.outcomes["admitted"] += 2
        tally.note(0.003)

        assert Tally.from_json(json.loads(json.dumps(tally.as_json()))) == tally

    def test_no_answers_have_no_latency(self) -> None:
        assert Tally().percentile(99) == 0.0


class TestACourse:
    def test_has_a_moment_for_each_half_second(self) -> None:
        course = Course("Turnstile", 30)
        for number in range(1, 9):
            seen = Tally()
            seen.outcomes["admitted"] = 10
            seen.note(0.010)
            course.add(seen, at=number / 4, connections=number)

        assert [moment.at for moment in course.moments] == [0.5, 1.0, 1.5, 2.0]
        assert [moment.rate for moment in course.moments] == [40.0] * 4
        assert [moment.connections for moment in course.moments] == [2, 4, 6, 8]
        assert (course.rate, course.most_connections) == (40.0, 8)
        assert course.moments[0].p99 == pytest.approx(10, rel=0.05)

    def test_shows_in_a_terminal_what_failed(self) -> None:
        course, console = Course("engine-per-write", 100), Console(file=io.StringIO(), width=140)
        seen = Tally()
        seen.faults["status 500"] = 7
        course.add(seen, at=1.0, connections=99)

        console.print(live.table([course], clients=2000))

        shown = console.file.getvalue()  # type: ignore[attr-defined]
        assert "2,000 scanners" in shown
        assert re.search(r"engine-per-write .* 7 .* 99 .* 100", shown)

    @pytest.mark.parametrize("answered", [0, 7])
    def test_is_drawn(self, tmp_path: Path, answered: int) -> None:
        pytest.importorskip("matplotlib", reason="needs matplotlib (make .venv/bin/bench-ready)")
        course, tally = Course("Turnstile", 30), Tally()
        for _ in range(answered):
            tally.note(0.01)
        course.add(tally, at=1.0, connections=2)

        picture.draw([course], tmp_path / "spike.png")

        assert (tmp_path / "spike.png").read_bytes().startswith(b"\x89PNG")


class TestAlternatives:
    def test_are_those_that_the_benchmark_compares(self) -> None:
        known = set(systems.SYSTEMS) - {systems.TURNSTILE, systems.NO_DATABASE}

        assert set(demo_spike.ALTERNATIVES) == known

    def test_that_do_not_start_are_told_so(self) -> None:
        with (
            pytest.raises(alternatives.NoAlternative, match="nonsense did not start"),
            alternatives.started("nonsense"),
        ):
            pass


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
