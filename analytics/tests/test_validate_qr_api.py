"""POST /validate-qr: the wire format of the gate scanners (S1, S2, S5, S6)."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from analytics import qr
from analytics.models import Admission, InvalidAttempt, Scan
from analytics.tests.conftest import NORTH, SOUTH, TONIGHT, Call, forged, ticket


@pytest.mark.usefixtures("tonight")
class TestALegacyScanner:
    def test_sends_only_the_text_and_reads_is_valid_and_metadata(self, post: Call) -> None:
        answer = post("/validate-qr", qr_text=ticket())

        assert answer.status_code == 200
        assert answer.json()["isValid"] is True
        assert answer.json()["metadata"] == {"ticket_id": "TKT-001", "event": TONIGHT, "user": "ada"}

    def test_reads_no_metadata_of_a_forged_ticket(self, post: Call) -> None:
        answer = post("/validate-qr", qr_text=forged())

        assert answer.status_code == 200
        assert (answer.json()["isValid"], answer.json()["metadata"]) == (False, None)

    def test_may_send_fields_that_nobody_knows(self, post: Call) -> None:
        assert post("/validate-qr", qr_text=ticket(), firmware="1.0").status_code == 200


@pytest.mark.usefixtures("tonight")
class TestADecision:
    def test_admits_a_genuine_ticket(self, post: Call) -> None:
        before = timezone.now()

        answer = post("/validate-qr", qr_text=ticket(), gate=NORTH, scanner_id="scanner 1").json()

        assert (answer["outcome"], answer["reason"]) == ("admitted", None)
        assert (answer["first_admitted_at"], answer["first_admitted_gate"]) == (None, None)
        assert uuid.UUID(answer["scan_id"]) == Scan.objects.get().pk
        assert before - timedelta(seconds=1) < datetime.fromisoformat(answer["received_at"]) <= timezone.now()

    def test_tells_a_duplicate_when_and_where_it_was_admitted(self, post: Call) -> None:
        first = post("/validate-qr", qr_text=ticket(), gate=NORTH).json()

        answer = post("/validate-qr", qr_text=ticket(), gate=SOUTH).json()

        assert (answer["isValid"], answer["outcome"]) == (True, "duplicate")
        assert (answer["first_admitted_at"], answer["first_admitted_gate"]) == (first["received_at"], NORTH)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (forged(), "invalid_signature"),
            ('{"ticket_id":"TKT-001"}', "unsigned"),
            ("https://example.org", "malformed"),
            ("", "malformed"),
            ("a\x00b", "malformed"),
            ("\ud83c", "malformed"),
            ("[" * 4000, "malformed"),
            ("x" * 5000, "too_long"),
        ],
        ids=lambda text: ascii(text[:20]),
    )
    def test_refuses_with_a_reason_what_is_no_ticket(self, post: Call, text: str, reason: str) -> None:
        answer = post("/validate-qr", qr_text=text)

        assert answer.status_code == 200
        assert (answer.json()["outcome"], answer.json()["reason"]) == ("refused", reason)
        assert InvalidAttempt.objects.get().reason == reason

    def test_is_genuine_and_refused_when_the_payload_names_no_ticket(self, post: Call) -> None:
        answer = post("/validate-qr", qr_text=qr.sign({"user": "half \ud83c"})).json()

        assert (answer["isValid"], answer["outcome"], answer["reason"]) == (True, "refused", "malformed")
        assert answer["metadata"] == {"user": "half \ud83c"}

    def test_is_replayed_for_the_same_scan_id(self, post: Call) -> None:
        scan_id = str(uuid.uuid4())
        first = post("/validate-qr", qr_text=ticket(), scan_id=scan_id)

        again = post("/validate-qr", qr_text=ticket(), scan_id=scan_id)

        assert (again.status_code, again.json()) == (200, first.json())
        assert Scan.objects.count() == 1

    @pytest.mark.parametrize("device_time", ["1970-01-01T00:00:00Z", "2999-12-31T23:59:59+01:00"])
    def test_keeps_the_devices_time_however_wrong(self, post: Call, device_time: str) -> None:
        post("/validate-qr", qr_text=ticket(), scanned_at=device_time)

        assert Scan.objects.get().scanned_at == datetime.fromisoformat(device_time)


@pytest.mark.usefixtures("tonight")
class TestACallersMistake:
    @pytest.mark.parametrize(
        ("body", "field", "cure"),
        [
            ({}, "qr_text", "Field required"),
            ({"qr_text": 1}, "qr_text", "valid string"),
            ({"scan_id": "1"}, "scan_id", "valid UUID"),
            ({"gate": "x" * 65}, "gate", "at most 64 characters"),
            ({"gate": "a\x00b"}, "gate", "match pattern"),
            ({"scanner_id": "x" * 65}, "scanner_id", "at most 64 characters"),
            ({"scanned_at": "2025-06-01T20:00:00"}, "scanned_at", "has no time zone: add Z"),
            ({"scanned_at": "tonight"}, "scanned_at", "not an ISO 8601 instant"),
            ({"scanned_at": 1748808000}, "scanned_at", "is not text"),
            ({"scanned_at": "9999-12-31T23:59:59-01:00"}, "scanned_at", "outside the years"),
        ],
        ids=str,
    )
    def test_in_the_body_is_422_with_the_cure(self, post: Call, body: Any, field: str, cure: str) -> None:
        answer = post("/validate-qr", **({"qr_text": ticket(), **body} if body else {}))

        assert answer.status_code == 422
        problem = answer.json()["detail"][0]
        assert problem["loc"][-1] == field
        assert cure in problem["msg"]
        assert not Scan.objects.exists()

    @pytest.mark.parametrize(
        "body", ["", "{", "[" * 60_000, '"text"', "\x00"], ids=lambda text: ascii(text[:5])
    )
    def test_that_is_no_json_object_is_4xx(self, device: Client, body: str) -> None:
        answer = device.post("/validate-qr", body, content_type="application/json")

        assert answer.status_code in {400, 422}
        assert answer.json()["detail"]

    def test_that_is_larger_than_any_ticket_is_413(self, device: Client) -> None:
        answer = device.post("/validate-qr", b" " * 65_537, content_type="application/json")

        assert answer.status_code == 413
        assert "send at most 65,536 bytes" in answer.json()["detail"]

    def test_without_the_key_is_401_however_large_it_is(self) -> None:
        assert Client().post("/validate-qr", b" " * 65_537, content_type="text/plain").status_code == 401

    def test_without_a_length_is_411_where_the_server_needs_one(self, device: Client) -> None:
        answer = device.generic("POST", "/validate-qr", b"", headers={"transfer-encoding": "chunked"})

        assert answer.status_code == 411
        assert "Content-Length" in answer.json()["detail"]

    def test_of_one_scan_id_for_two_tickets_is_409_with_the_cure(self, post: Call) -> None:
        scan_id = str(uuid.uuid4())
        post("/validate-qr", qr_text=ticket(), scan_id=scan_id)

        answer = post("/validate-qr", qr_text=ticket("TKT-002"), scan_id=scan_id)

        assert answer.status_code == 409
        assert "send a new id" in answer.json()["detail"]
        assert Admission.objects.count() == 1


@pytest.mark.usefixtures("tonight")
class TestAGateThatNamesItsEvent:
    @pytest.mark.parametrize("event", [TONIGHT, ["another", TONIGHT]])
    def test_admits_its_tickets(self, post: Call, event: Any) -> None:
        assert post("/validate-qr", qr_text=ticket(), event=event).json()["outcome"] == "admitted"

    @pytest.mark.parametrize("event", ["another", ["another", "a third"]])
    def test_refuses_a_genuine_ticket_of_another_event_and_admits_nobody(
        self, post: Call, event: Any
    ) -> None:
        answer = post("/validate-qr", qr_text=ticket(), event=event).json()

        assert (answer["isValid"], answer["outcome"], answer["reason"]) == (True, "refused", "wrong_event")
        assert answer["metadata"]["event"] == TONIGHT
        assert not Admission.objects.exists()
        assert InvalidAttempt.objects.get().reason == "wrong_event"
        assert post("/validate-qr", qr_text=ticket(), event=TONIGHT).json()["outcome"] == "admitted"

    def test_says_what_a_forged_ticket_is(self, post: Call) -> None:
        forged = ticket().replace("TKT", "XXX")

        assert post("/validate-qr", qr_text=forged, event="another").json()["reason"] == "invalid_signature"

    @pytest.mark.parametrize("event", ["", [], [""], 7, ["a"] * 101])
    def test_is_told_what_is_no_event(self, post: Call, event: Any) -> None:
        assert post("/validate-qr", qr_text=ticket(), event=event).status_code == 422


@pytest.mark.usefixtures("tonight")
class TestTheSameScanId:
    @pytest.mark.parametrize("other", [{"gate": "south"}, {"scanner_id": "handheld 2"}])
    def test_of_another_scanner_is_refused(self, post: Call, other: dict[str, str]) -> None:
        scanner = {"gate": "north", "scanner_id": "handheld 1"}
        scan = {"qr_text": ticket(), "scan_id": str(uuid.uuid4()), **scanner}

        assert post("/validate-qr", **scan).json()["outcome"] == "admitted"
        assert post("/validate-qr", **{**scan, **other}).status_code == 409
        assert post("/validate-qr", **scan).json()["outcome"] == "admitted"
