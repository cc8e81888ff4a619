"""POST /scans/batch: what devices decided while they were offline (S7)."""

import json
import uuid
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client

from analytics import limits
from analytics.models import Admission, Event, InvalidAttempt, Scan
from analytics.recorder import line
from analytics.recorder import scans as scan_recorder
from analytics.tests.conftest import EIGHT, NORTH, SOUTH, TONIGHT, counts, forged, ticket
from config import body_limits
from core.embedded import EmbeddedPostgres
from core.pool import SharedPool
from core.tests.fixtures import held

pytestmark = [pytest.mark.real_pool, pytest.mark.usefixtures("django_pool")]

Item = dict[str, Any]


def item(ticket_id: str = "TKT-001", **fields: Any) -> Item:
    return {
        "qr_text": ticket(ticket_id),
        "scan_id": str(uuid.uuid4()),
        "scanned_at": EIGHT.isoformat(),
        "gate": NORTH,
        "scanner_id": "handheld 3",
        **fields,
    }


def send(device: Client, *items: Any) -> Any:
    return device.post("/scans/batch", json.dumps({"scans": items}), content_type="application/json")


def answers(device: Client, *items: Any) -> list[Item]:
    response = send(device, *items)
    assert response.status_code == 200, response.content
    told: list[Item] = response.json()["scans"]
    return told


class TestAnUpload:
    def test_is_stored_with_the_time_at_which_it_happened(self, device: Client) -> None:
        given = item(forced=True)

        [told] = answers(device, given)

        scan = Scan.objects.get()
        assert told == {
            "scan_id": given["scan_id"],
            "outcome": "admitted",
            "reason": None,
            "conflict": False,
            "received_at": told["received_at"],
            "first_admitted_at": None,
            "first_admitted_gate": None,
            "problem": None,
            "send_again": False,
        }
        assert (scan.scanned_at, scan.gate, scan.scanner_id) == (EIGHT, NORTH, "handheld 3")
        assert (scan.is_offline, scan.is_forced) == (True, True)
        assert Admission.objects.get().scan_id == scan.scan_id

    def test_has_one_answer_for_each_in_order(self, device: Client) -> None:
        told = answers(
            device,
            item(gate=SOUTH),
            item(),
            item("TKT-002"),
            item(qr_text=forged("TKT-003")),
            item(qr_text="no ticket"),
        )

        assert [(each["outcome"], each["conflict"]) for each in told] == [
            ("admitted", False),
            ("duplicate", True),
            ("admitted", False),
            ("refused", True),
            ("refused", True),
        ]
        assert told[1]["first_admitted_gate"] == SOUTH
        assert [each["reason"] for each in told[3:]] == ["invalid_signature", "malformed"]
        assert InvalidAttempt.objects.count() == 2

    def test_knows_whom_a_gate_admitted_meanwhile(self, device: Client) -> None:
        device.post("/validate-qr", {"qr_text": ticket(), "gate": SOUTH}, content_type="application/json")

        [told] = answers(device, item())

        assert (told["outcome"], told["conflict"], told["first_admitted_gate"]) == ("duplicate", True, SOUTH)

    def test_that_is_sent_again_gets_its_first_answer(self, device: Client) -> None:
        given = [item(), item(), item(qr_text=forged())]
        first = answers(device, *given)

        again = answers(device, *reversed(given), item("TKT-002"))

        assert again[:3] == first[::-1]
        assert Scan.objects.count() == 4
        assert counts()["scan_count"] == 4

    def test_of_a_scan_whose_answer_was_lost_gets_that_answer(self, device: Client) -> None:
        given = item(gate=NORTH, scanner_id="")
        online = {name: given[name] for name in ("qr_text", "scan_id", "gate")}
        device.post("/validate-qr", online, content_type="application/json")

        [told] = answers(device, given)

        assert (told["outcome"], told["conflict"]) == ("admitted", False)
        assert Scan.objects.count() == 1

    def test_of_a_thousand_is_counted_once_each(self, device: Client) -> None:
        given = [item(f"TKT-{number % 900}") for number in range(limits.OFFLINE_SCANS)]

        told = answers(device, *given)

        assert [each["scan_id"] for each in told] == [each["scan_id"] for each in given]
        assert [each["outcome"] for each in told].count("admitted") == 900
        assert counts() == {
            "scan_count": 1000,
            "valid_scan_count": 1000,
            "admitted_count": 900,
            "duplicate_count": 100,
        }

    @pytest.mark.parametrize("count", [0, limits.OFFLINE_SCANS + 1])
    def test_of_none_or_too_many_is_422(self, device: Client, count: int) -> None:
        assert send(device, *[item()] * count).status_code == 422
        assert not Scan.objects.exists()

    def test_may_be_larger_than_a_scan_but_not_endless(self, device: Client) -> None:
        [told] = answers(device, item(qr_text="x" * body_limits.API_BYTES))
        assert told["reason"] == "too_long"

        assert send(device, item(qr_text="x" * body_limits.UPLOAD_BYTES)).status_code == 413

    def test_without_the_key_is_401(self, client: Client) -> None:
        assert send(client, item()).status_code == 401


class TestAnUploadThatMeetsTrouble:
    @pytest.mark.parametrize(
        ("wrong", "says"),
        [
            ({"scanned_at": "yesterday"}, "scanned_at"),
            ({"scanned_at": "2025-06-01T20:00:00"}, "time zone"),
            ({"gate": "x" * 65}, "gate"),
            ({"gate": "\0"}, "gate"),
            ({"forced": "yes"}, "forced"),
            ({"scan_id": "5"}, "scan_id"),
            ({"qr_text": None}, "qr_text"),
        ],
    )
    def test_names_what_is_wrong_and_stores_the_rest(self, device: Client, wrong: Item, says: str) -> None:
        first, bad, last = answers(device, item("TKT-1"), item(**wrong), item("TKT-2"))

        assert (first["outcome"], bad["outcome"], last["outcome"]) == ("admitted", None, "admitted")
        assert says in bad["problem"]
        assert not bad["send_again"]

    @pytest.mark.parametrize("odd", [None, 5, "text", [], {}, {"scan_id": 7}, {"scan_id": "\ud800" * 100}])
    def test_survives_what_is_no_scan(self, device: Client, odd: Any) -> None:
        bad, good = answers(device, odd, item())

        assert bad["problem"]
        assert good["outcome"] == "admitted"

    def test_says_which_id_belongs_to_another_scan(self, device: Client) -> None:
        taken = str(uuid.uuid4())
        answers(device, item("TKT-1", scan_id=taken))

        good, reused = answers(device, item("TKT-2"), item("TKT-3", scan_id=taken))

        assert good["outcome"] == "admitted"
        assert "used before" in reused["problem"]
        assert not reused["send_again"]
        assert not Admission.objects.filter(ticket_id="TKT-3").exists()

    def test_stores_all_but_the_one_whose_row_is_held(
        self, device: Client, postgres: EmbeddedPostgres
    ) -> None:
        Event.objects.create(event_id=TONIGHT, name=TONIGHT)
        with psycopg.connect(postgres.url(connection.settings_dict["NAME"])) as other:
            other.execute(
                "INSERT INTO admissions (event_id, ticket_id, scan_id, gate, scanner_id, admitted_at)"
                " VALUES (%s, 'TKT-7', gen_random_uuid(), '', '', now())",
                [TONIGHT],
            )
            given = [item(f"TKT-{number}") for number in range(20)]

            told = answers(device, *given)
            other.rollback()

        assert [each["send_again"] for each in told] == [number == 7 for number in range(20)]
        assert [each["outcome"] for each in answers(device, *given)] == ["admitted"] * 20
        assert Scan.objects.count() == 20

    def test_is_503_where_nothing_can_be_stored(self, device: Client, django_pool: SharedPool) -> None:
        with held(django_pool):
            response = send(device, item(), item("TKT-2"))

        assert response.status_code == 503
        assert response.headers["Retry-After"]
        assert not Scan.objects.exists()

    def test_is_503_where_too_many_wait(self, device: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(line, "LONGEST", 1)

        assert send(device, item(), item("TKT-2")).status_code == 503
        assert not scan_recorder.recorder._later
