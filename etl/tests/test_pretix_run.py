"""pretix through a whole run: what was loaded, and what a change of an order makes of it."""

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from etl.models import DailyTicketSales, EventSalesSummary, RawSale, RejectedRow
from etl.tests.pretix_server import PATH, TOKEN, Pretix, fee, order, payment, position, pretix_running, refund


@pytest.fixture
def pretix(settings: Any) -> Iterator[Pretix]:
    settings.ETL_SOURCE_TOKEN = TOKEN
    with pretix_running() as server:
        yield server


def load(pretix: Pretix) -> None:
    call_command(
        "etl", "run", "--source", f"pretix+{pretix.origin}{PATH}", "--max-rejects", "9", stdout=io.StringIO()
    )


def total() -> tuple[int, Decimal]:
    summary = EventSalesSummary.objects.get()
    return summary.total_tickets, summary.total_revenue


@pytest.mark.django_db(transaction=True)
class TestRunOverPretix:
    def test_counts_an_order_as_it_stands_after_each_of_its_changes(self, pretix: Pretix) -> None:
        lines = [position(1), position(2)]
        paid = [payment("48.00")]
        pretix.orders = [order(positions=lines, fees=[fee(7, "2.00")], payments=paid)]
        load(pretix)
        assert total() == (2, Decimal("48.00"))

        lines[1]["canceled"] = True
        pretix.orders = [
            order(
                positions=lines,
                fees=[fee(7, "2.00")],
                payments=paid,
                refunds=[refund(1, "25.00")],
                last_modified="2026-02-02T10:00:00Z",
            )
        ]
        load(pretix)
        assert total() == (1, Decimal("23.00"))
        assert DailyTicketSales.objects.count() == 2

        pretix.orders = [pretix.orders[0] | {"status": "c", "last_modified": "2026-02-03T10:00:00Z"}]
        load(pretix)
        assert total() == (0, Decimal(0))
        assert RawSale.objects.count() == 4

    def test_a_rejected_order_is_resolved_by_its_corrected_version(self, pretix: Pretix) -> None:
        pretix.orders = [order(status="?")]
        load(pretix)
        assert RejectedRow.objects.get().resolved_at is None

        pretix.orders = [order()]
        load(pretix)

        assert RejectedRow.objects.get().resolved_at is not None
