"""Loading sales: replaced, subtracted, moved, never counted twice."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from analytics.models import Event
from etl.loading.load import Counts
from etl.maintenance.verify import verify
from etl.models import DailyTicketSales, EventSalesSummary, RawSale
from etl.tests.cast import (
    LATE_SHOW,
    MATINEE,
    MONDAY,
    NOON,
    TONIGHT,
    days,
    load,
    sale,
    sales_in_a_row,
    stored,
    totals,
)

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def versions() -> list[tuple[str, int]]:
    """Return each raw row with the transaction that wrote it: equal lists mean that nothing was written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sale_id, CAST(CAST(xmin AS text) AS bigint) FROM raw_sales ORDER BY sale_id")
        return [(sale_id, xmin) for sale_id, xmin in cursor.fetchall()]


class TestASale:
    def test_is_stored_and_counted_on_its_day(self) -> None:
        counts = load(sale())

        assert counts == Counts(read=1, inserted=1)
        assert days() == {(MONDAY, "EUR"): (2, Decimal("40.00"))}
        assert totals() == {"EUR": (2, Decimal("40.00"))}

    def test_registers_an_event_that_nobody_registered(self) -> None:
        load(sale())

        assert Event.objects.values_list("event_id", "name", "timezone").get() == (TONIGHT, TONIGHT, "UTC")
        assert EventSalesSummary.objects.get().event_name == TONIGHT

    def test_that_is_read_again_writes_nothing(self) -> None:
        rows = sales_in_a_row(30)
        load(*rows)
        before, updated = versions(), DailyTicketSales.objects.latest("last_updated").last_updated

        counts = load(*rows)

        assert counts == Counts(read=30, unchanged=30)
        assert versions() == before
        assert DailyTicketSales.objects.latest("last_updated").last_updated == updated

    def test_that_is_new_lies_anywhere_among_those_that_are_stored(self) -> None:
        load(sale("S-2"), sale("S-4"))

        for ids in (["S-1"], ["S-5", "S-6"], ["S-3"], ["S-0", "S-2", "S-9"]):
            counts = load(*[sale(sale_id) for sale_id in ids])

            assert counts.inserted == len([each for each in ids if each != "S-2"])
        assert totals() == {"EUR": (16, Decimal("320.00"))}
        assert verify() == []

    @pytest.mark.parametrize("stored_id", ["S-1", "S-2", "S-3"])
    def test_is_found_at_both_ends_of_a_page_and_inside(self, stored_id: str) -> None:
        load(sale(stored_id))

        counts = load(sale("S-1", quantity=1), sale("S-2", quantity=1), sale("S-3", quantity=1))

        assert counts == Counts(read=3, inserted=2, updated=1)
        assert totals() == {"EUR": (3, Decimal("120.00"))}
        assert verify() == []

    def test_of_another_source_is_no_version_of_it(self) -> None:
        load(sale("S-1"), sale("S-2"), source="box office")

        counts = load(sale("S-1"), sale("S-2"))

        assert counts == Counts(read=2, inserted=2)
        assert totals() == {"EUR": (8, Decimal("160.00"))}

    def test_that_was_corrected_replaces_what_it_was(self) -> None:
        load(sale(), sale("S-2"))

        counts = load(sale(quantity=1, amount=Decimal("15.50"), updated_at=LATER))

        assert counts == Counts(read=1, updated=1)
        assert days() == {(MONDAY, "EUR"): (3, Decimal("55.50"))}
        assert totals() == {"EUR": (3, Decimal("55.50"))}

    def test_that_was_corrected_without_a_clock_replaces_what_it_was(self) -> None:
        load(sale(updated_at=None))

        load(sale(updated_at=None, quantity=5))

        assert totals() == {"EUR": (5, Decimal("40.00"))}

    def test_that_was_cancelled_counts_as_nothing_and_stays(self) -> None:
        load(sale(), sale("S-2"))

        load(sale("S-2", kind="cancelled", updated_at=LATER))

        assert totals() == {"EUR": (2, Decimal("40.00"))}
        assert RawSale.objects.count() == 2

    def test_of_nothing_stays_a_sale_of_nothing(self) -> None:
        load(sale(quantity=0, amount=Decimal(0)))

        assert (stored().quantity, days()) == (0, {(MONDAY, "EUR"): (0, Decimal(0))})

    def test_may_cost_what_no_binary_fraction_can_express(self) -> None:
        load(*(sale(f"S-{number}", amount=Decimal("0.1")) for number in range(10)))

        assert totals() == {"EUR": (20, Decimal("1.0000"))}

    def test_is_another_one_when_another_source_sends_it(self) -> None:
        load(sale())

        load(sale(), source="pretix")

        assert totals() == {"EUR": (4, Decimal("80.00"))}

    @pytest.mark.parametrize("name", ["tab\there", "line\nbreak", "back\\slash \\N", "Zürich 日本 🎫", '"'])
    def test_keeps_every_character_of_its_ids(self, name: str) -> None:
        load(sale(name, event_id=name, ticket_id=name))

        row = RawSale.objects.get()
        assert (row.sale_id, row.event_id, row.ticket_id) == (name, name, name)


class TestARefund:
    def test_subtracts(self) -> None:
        load(sale(), sale("R-1", kind="refund", quantity=1, amount=Decimal("20.00")))

        assert totals() == {"EUR": (1, Decimal("20.00"))}

    def test_on_another_day_makes_that_day_negative(self) -> None:
        load(sale(), sale("R-1", kind="refund", sold_at=NOON + timedelta(days=1)))

        assert days()[MONDAY + timedelta(days=1), "EUR"] == (-2, Decimal("-40.00"))
        assert totals() == {"EUR": (0, Decimal(0))}


class TestASaleThatMoves:
    def test_to_another_event_is_counted_there(self) -> None:
        load(sale())

        load(sale(event_id=MATINEE, updated_at=LATER))

        assert (days(TONIGHT), totals(TONIGHT)) == ({}, {})
        assert totals(MATINEE) == {"EUR": (2, Decimal("40.00"))}

    def test_to_another_day_is_counted_there(self) -> None:
        load(sale())

        load(sale(sold_at=NOON + timedelta(days=3), updated_at=LATER))

        assert days() == {(date(2026, 1, 8), "EUR"): (2, Decimal("40.00"))}

    def test_to_another_currency_is_counted_there(self) -> None:
        load(sale())

        load(sale(currency="NZD", updated_at=LATER))

        assert totals() == {"NZD": (2, Decimal("40.00"))}

    def test_leaves_no_group_without_rows(self) -> None:
        load(sale(), sale("S-2", event_id=LATE_SHOW))

        load(sale(event_id=LATE_SHOW, updated_at=LATER))

        assert not DailyTicketSales.objects.filter(event_id=TONIGHT).exists()
        assert not EventSalesSummary.objects.filter(row_count=0).exists()
        assert verify() == []


class TestCurrencies:
    def test_are_never_summed(self) -> None:
        load(sale(), sale("S-2", currency="USD"), sale("S-3", currency="EUR"))

        assert totals() == {"EUR": (4, Decimal("80.00")), "USD": (2, Decimal("40.00"))}


class TestAnOlderVersion:
    def test_never_overwrites_a_newer_one(self) -> None:
        load(sale(quantity=5, updated_at=LATER))

        counts = load(sale(quantity=2, updated_at=NOON))

        assert (counts, stored().quantity) == (Counts(read=1, unchanged=1), 5)
        assert verify() == []


class TestAPageThatRepeatsASale:
    def test_keeps_the_newest_version(self) -> None:
        counts = load(sale(quantity=5, updated_at=LATER), sale(quantity=2), sale("S-2"))

        assert (counts, stored().quantity) == (Counts(read=3, inserted=2, unchanged=1), 5)
        assert totals()["EUR"] == (7, Decimal("80.00"))

    def test_keeps_the_last_of_equally_new_versions(self) -> None:
        load(sale(quantity=5), sale(quantity=2))

        assert stored().quantity == 2

    def test_keeps_the_last_where_the_source_has_no_clock(self) -> None:
        load(sale(quantity=5), sale(quantity=2, updated_at=None))

        assert stored().quantity == 2
