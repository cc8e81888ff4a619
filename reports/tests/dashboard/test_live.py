"""The numbers that a page refreshes every few seconds."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.test import Client

from analytics.models import Event
from reports.tests.dashboard.conftest import JAZZ, NORTH, SOUTH, TONIGHT, recorded, refuse, scan, sell

OF_TONIGHT = "/admin/live.json"


def of_event(event_id: str) -> str:
    return f"/admin/events/{quote(event_id)}/live.json"


def live(client: Client, address: str = OF_TONIGHT) -> Any:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.json()


class TestTonightsNumbers:
    def test_have_this_shape(self, boss: Client, tonight: Event, now: datetime) -> None:
        scan("T-1", at=now)

        numbers = live(boss)

        assert set(numbers) == {"at", "events", "totals", "minutes", "refusals", "pool"}
        assert numbers["totals"] == {
            "sold_count": 0,
            "admitted_count": 1,
            "duplicate_count": 0,
            "refused_count": 0,
        }
        assert numbers["events"][0]["url"] == "/admin/events/tonight/live/"
        assert len(numbers["minutes"]["starts"]) == 60
        assert set(numbers["pool"]) == {"checked_out", "checked_in", "connecting", "waiting", "max"}

    def test_are_stored_by_nobody(self, boss: Client) -> None:
        assert boss.get(OF_TONIGHT)["Cache-Control"].startswith("no-store")

    def test_take_at_most_6_statements(self, boss: Client, usher: Client, jazz: Event, now: datetime) -> None:
        scan("T-1", at=now)
        for client in (boss, usher):
            for address in (OF_TONIGHT, of_event(TONIGHT)):
                with recorded() as statements:
                    live(client, address)

                assert statements.statement_count <= 6

    def test_are_those_of_the_readers_events(self, usher: Client, jazz: Event, now: datetime) -> None:
        scan("J-1", at=now, event=JAZZ)
        refuse("J-2", at=now, event=JAZZ)
        refuse("nobody knows", at=now, event="unknown")

        numbers = live(usher)

        assert [event["event_id"] for event in numbers["events"]] == [TONIGHT]
        assert numbers["refusals"] == []
        assert numbers["minutes"]["series"] == []

    def test_have_the_refusals_of_the_last_12_hours(
        self, boss: Client, tonight: Event, now: datetime
    ) -> None:
        refuse("T-1", at=now - timedelta(hours=11.9))
        refuse("T-1", at=now - timedelta(hours=12.1))

        assert [each["refused_count"] for each in live(boss)["refusals"]] == [1]

    def test_count_refusals_of_unknown_events_for_those_who_see_all(
        self, boss: Client, db: None, now: datetime
    ) -> None:
        refuse("nobody knows", at=now, event="unknown")

        assert [each["refused_count"] for each in live(boss)["refusals"]] == [1]

    def test_have_a_line_for_each_gate(self, boss: Client, tonight: Event, now: datetime) -> None:
        scan("T-1", at=now - timedelta(minutes=1))
        scan("T-2", at=now - timedelta(minutes=1))
        scan("T-3", at=now - timedelta(minutes=1), gate=SOUTH)

        minutes = live(boss)["minutes"]

        assert {line["label"]: sum(line["counts"]) for line in minutes["series"]} == {NORTH: 2, SOUTH: 1}

    def test_tell_gates_of_the_same_name_apart(
        self, boss: Client, tonight: Event, jazz: Event, now: datetime
    ) -> None:
        scan("T-1", at=now)
        scan("J-1", at=now, event=JAZZ)

        labels = [line["label"] for line in live(boss)["minutes"]["series"]]

        assert labels == ["north, Jazz night", "north, Tonight's concert"]

    def test_put_the_quieter_of_many_gates_into_one_line(
        self, boss: Client, tonight: Event, now: datetime
    ) -> None:
        for gate in range(8):
            for number in range(gate + 1):
                scan(f"T-{gate}-{number}", at=now, gate=f"gate {gate}")

        series = {line["label"]: sum(line["counts"]) for line in live(boss)["minutes"]["series"]}

        assert series == {f"gate {gate}": gate + 1 for gate in range(2, 8)} | {"Other gates": 1 + 2}


class TestOneEventsNumbers:
    def test_are_of_it_alone(self, boss: Client, tonight: Event, jazz: Event, now: datetime) -> None:
        scan("T-1", at=now)
        scan("J-1", at=now, event=JAZZ)
        sell("J-1", "J-2", day=now.date(), event=JAZZ)

        numbers = live(boss, of_event(JAZZ))

        assert [event["name"] for event in numbers["events"]] == ["Jazz night"]
        assert numbers["totals"]["sold_count"] == 2
        assert numbers["events"][0]["missing_count"] == 1
        assert [line["label"] for line in numbers["minutes"]["series"]] == [NORTH]

    def test_are_not_there_for_an_unknown_event(self, boss: Client) -> None:
        assert boss.get(of_event("nothing")).status_code == 404

    @pytest.mark.parametrize("address", [of_event(JAZZ), of_event("nothing")])
    def test_are_not_there_for_another_readers_event(self, usher: Client, jazz: Event, address: str) -> None:
        assert usher.get(address).status_code == 404
