"""A sale's day is that of its event's time zone, also after the zone changed."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from analytics.models import Event
from etl.maintenance.verify import verify
from etl.models import EventSalesSummary
from etl.tests.cast import (
    AUCKLAND,
    BERLIN,
    LATE_SHOW,
    LOS_ANGELES,
    MATINEE,
    TONIGHT,
    days,
    event,
    load,
    sale,
    stored,
    totals,
)

pytestmark = pytest.mark.django_db


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestADay:
    @pytest.mark.parametrize(
        ("zone", "sold_at", "day"),
        [
            (AUCKLAND, "2026-01-05T10:59:59", date(2026, 1, 5)),
            (AUCKLAND, "2026-01-05T11:00:00", date(2026, 1, 6)),
            (LOS_ANGELES, "2026-01-05T07:59:59", date(2026, 1, 4)),
            (LOS_ANGELES, "2026-01-05T08:00:00", date(2026, 1, 5)),
            # The night in which Berlin's clocks go forward has 23 hours, the one in which they go back 25.
            (BERLIN, "2026-03-28T22:59:59", date(2026, 3, 28)),
            (BERLIN, "2026-03-28T23:00:00", date(2026, 3, 29)),
            (BERLIN, "2026-03-29T21:59:59", date(2026, 3, 29)),
            (BERLIN, "2026-03-29T22:00:00", date(2026, 3, 30)),
            (BERLIN, "2026-10-24T22:00:00", date(2026, 10, 25)),
            (BERLIN, "2026-10-25T22:59:59", date(2026, 10, 25)),
            (BERLIN, "2026-10-25T23:00:00", date(2026, 10, 26)),
        ],
    )
    def test_is_that_of_the_events_zone(self, zone: str, sold_at: str, day: date) -> None:
        load(event(MATINEE, zone))

        load(sale(event_id=MATINEE, sold_at=at(sold_at)))

        assert stored().sale_date == day
        assert set(days(MATINEE)) == {(day, "EUR")}

    def test_that_the_source_sends_itself_is_kept(self) -> None:
        load(event(MATINEE, AUCKLAND))

        load(sale(event_id=MATINEE, sold_at=None, sold_on=date(2026, 1, 5)))

        assert stored().sale_date == date(2026, 1, 5)


class TestAnEventWhoseZoneChanges:
    def test_in_the_source_has_its_days_recomputed(self) -> None:
        load(sale(event_id=LATE_SHOW, sold_at=at("2026-01-05T03:00:00")), sale("S-2", event_id=LATE_SHOW))

        load(event(LATE_SHOW, LOS_ANGELES))

        assert days(LATE_SHOW) == {
            (date(2026, 1, 4), "EUR"): (2, Decimal(40)),
            (date(2026, 1, 5), "EUR"): (2, Decimal(40)),
        }
        assert verify() == []

    def test_in_the_admin_has_its_days_recomputed(self) -> None:
        load(event(TONIGHT, BERLIN), sale_of_another := event(MATINEE, BERLIN))
        load(sale(sold_at=at("2026-01-05T23:30:00")), sale("S-2", event_id=sale_of_another.event_id))
        tonight = Event.objects.get(event_id=TONIGHT)

        tonight.timezone = "UTC"
        tonight.save()

        assert set(days(TONIGHT)) == {(date(2026, 1, 5), "EUR")}
        assert verify() == []

    def test_keeps_days_that_the_source_sent_itself(self) -> None:
        load(event(TONIGHT, "UTC"))
        load(sale(sold_at=None, sold_on=date(2026, 1, 5)))

        load(event(TONIGHT, AUCKLAND))

        assert set(days()) == {(date(2026, 1, 5), "EUR")}

    def test_keeps_its_totals(self) -> None:
        load(sale())

        load(event(TONIGHT, AUCKLAND))

        assert totals() == {"EUR": (2, Decimal(40))}


class TestAnEvent:
    def test_that_is_renamed_in_the_source_is_renamed_in_its_summary(self) -> None:
        load(sale())

        load(event(TONIGHT, name="Afrobeats Live"))

        assert EventSalesSummary.objects.get().event_name == "Afrobeats Live"

    def test_that_staff_rename_is_renamed_in_its_summary(self) -> None:
        load(sale())

        Event(event_id=TONIGHT, name="Afrobeats Live").save()

        assert EventSalesSummary.objects.get().event_name == "Afrobeats Live"

    def test_that_did_not_change_in_the_source_keeps_what_staff_wrote(self) -> None:
        load(event())
        Event.objects.filter(event_id=TONIGHT).update(name="Afrobeats Live")

        counts = load(event())

        assert (counts.unchanged, Event.objects.get().name) == (1, "Afrobeats Live")

    def test_keeps_what_the_source_does_not_send(self) -> None:
        load(event(starts_at=at("2026-01-05T20:00:00")))

        load(event(zone="", name="", ends_at=at("2026-01-05T23:00:00")))

        known = Event.objects.get()
        assert (known.name, known.timezone) == ("Tonight", BERLIN)
        assert (known.starts_at, known.ends_at) == (at("2026-01-05T20:00:00"), at("2026-01-05T23:00:00"))

    def test_in_an_older_version_changes_nothing(self) -> None:
        load(event(updated_at=at("2026-01-05T12:00:00")))

        load(event(name="Old name", updated_at=at("2026-01-05T11:00:00")))

        assert Event.objects.get().name == "Tonight"
