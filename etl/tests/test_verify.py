"""Verify finds what is not exact, rebuild heals it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from etl.maintenance.rebuild import rebuild
from etl.maintenance.verify import KEPT, verify
from etl.models import DailyTicketSales, EventSalesSummary, RawSale
from etl.tests.cast import (
    BERLIN,
    MATINEE,
    MONDAY,
    NOON,
    TONIGHT,
    days,
    event,
    load,
    sale,
    totals,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def loaded() -> None:
    load(event(TONIGHT, BERLIN), event(MATINEE, BERLIN))
    load(sale(), sale("S-2", event_id=MATINEE), sale("S-3", currency="USD"))


class TestVerify:
    def test_finds_nothing_in_exact_summaries(self) -> None:
        found = verify()

        assert (found, found.total) == ([], 0)

    def test_finds_a_wrong_sum_a_missing_row_and_one_too_many(self) -> None:
        DailyTicketSales.objects.filter(event_id=TONIGHT, currency="EUR").update(revenue=Decimal("39.99"))
        DailyTicketSales.objects.filter(event_id=MATINEE).delete()
        EventSalesSummary.objects.filter(currency="USD").update(currency="NZD")

        found = [(each.table, each.row_key, each.stored, each.expected) for each in verify()]

        assert found == [
            ("daily_ticket_sales", "matinee 2026-01-05 EUR", "", "2 / 40.0000 / 1"),
            ("daily_ticket_sales", "tonight 2026-01-05 EUR", "2 / 39.9900 / 1", "2 / 40.0000 / 1"),
            ("event_sales_summary", "tonight NZD", "2 / 40.0000 / 1 / Tonight", ""),
            ("event_sales_summary", "tonight USD", "", "2 / 40.0000 / 1 / Tonight"),
        ]

    def test_finds_a_sale_under_another_day_than_its_events(self) -> None:
        RawSale.objects.filter(sale_id="S-1").update(sale_date=date(2026, 1, 9))

        assert ("raw_sales", "upstream S-1", "2026-01-09", "2026-01-05") in [
            (each.table, each.row_key, each.stored, each.expected) for each in verify()
        ]

    def test_keeps_the_first_and_counts_all(self) -> None:
        load(*(sale(f"S-{n}", sold_at=NOON + timedelta(days=n)) for n in range(150)))
        DailyTicketSales.objects.update(tickets_sold=-7)

        found = verify()

        assert len(found) == KEPT
        assert found.total == DailyTicketSales.objects.count() > KEPT


class TestRebuild:
    def test_of_exact_summaries_writes_nothing(self) -> None:
        result = rebuild()

        assert (result.sale_count, result.day_count, result.total_count) == (0, 0, 0)

    def test_heals_whatever_verify_finds(self) -> None:
        DailyTicketSales.objects.filter(event_id=TONIGHT, currency="EUR").update(revenue=Decimal("39.99"))
        DailyTicketSales.objects.filter(event_id=MATINEE).delete()
        EventSalesSummary.objects.filter(currency="USD").update(currency="NZD")
        RawSale.objects.filter(sale_id="S-1").update(sale_date=date(2026, 1, 9))

        result = rebuild()

        assert (result.sale_count, result.day_count, result.total_count) == (1, 2, 2)
        assert verify() == []

    def test_of_one_event_leaves_the_others(self) -> None:
        DailyTicketSales.objects.update(tickets_sold=-7)

        rebuild(event_id=TONIGHT)

        assert days()[MONDAY, "EUR"] == (2, Decimal(40))
        assert days(MATINEE)[MONDAY, "EUR"] == (-7, Decimal(40))

    def test_of_a_period_leaves_the_days_outside(self) -> None:
        load(sale("S-4", sold_at=NOON + timedelta(days=1)))
        DailyTicketSales.objects.update(tickets_sold=-7)

        rebuild(start=MONDAY, end=MONDAY + timedelta(days=1))

        assert days()[MONDAY, "EUR"] == (2, Decimal(40))
        assert days()[MONDAY + timedelta(days=1), "EUR"] == (-7, Decimal(40))

    def test_of_a_period_heals_the_totals_of_all_days(self) -> None:
        EventSalesSummary.objects.update(total_tickets=-7)

        rebuild(start=MONDAY + timedelta(days=9))

        assert totals() == {"EUR": (2, Decimal(40)), "USD": (2, Decimal(40))}
