"""Whatever is read in whatever order, the summaries are what the raw rows add up to."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.pool import SharedPool
from core.tests.fixtures import Crowd
from etl.maintenance.rebuild import rebuild
from etl.maintenance.verify import verify
from etl.models import RawSale
from etl.rows import SaleRow
from etl.tests.cast import (
    AUCKLAND,
    BERLIN,
    LATE_SHOW,
    LOS_ANGELES,
    MATINEE,
    NOON,
    TONIGHT,
    event,
    load,
    sales_in_a_row,
)

hours = st.integers(-50, 50).map(lambda number: NOON + timedelta(hours=number))
sales = st.builds(
    SaleRow,
    # Few: some pages lie apart from all that is stored, some among it, some meet it.
    sale_id=st.sampled_from(["S-1", "S-2", "S-3", "S-4"]),
    event_id=st.sampled_from([TONIGHT, MATINEE]),
    kind=st.sampled_from(["sale", "refund", "cancelled"]),
    quantity=st.integers(0, 5),
    amount=st.decimals(0, 100, places=4),
    currency=st.sampled_from(["EUR", "NZD"]),
    sold_at=hours,
    sold_on=st.none(),
    updated_at=hours,
    ticket_id=st.just("TKT-1"),
    # A source either keeps the time of a sale's last change or does not.
).map(lambda row: row._replace(updated_at=None) if row.sale_id == "S-4" else row)
events = st.builds(
    event, st.sampled_from([TONIGHT, MATINEE]), st.sampled_from([BERLIN, AUCKLAND, LOS_ANGELES])
)
pages = st.lists(sales, min_size=1, max_size=6) | st.lists(events, min_size=1, max_size=2)


def latest(rows: list[SaleRow]) -> dict[str, SaleRow]:
    """Return what should be stored of `rows`, read one after the other."""
    kept: dict[str, SaleRow] = {}
    for row in rows:
        known = kept.get(row.sale_id)
        is_older = known and row.updated_at and known.updated_at and row.updated_at < known.updated_at
        if not is_older:
            kept[row.sale_id] = row
    return kept


@pytest.mark.django_db
class TestAnySequenceOfPages:
    @settings(
        max_examples=50,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(read=st.lists(pages, min_size=1, max_size=6))
    def test_leaves_exact_summaries_of_the_latest_versions(self, read: list[list[Any]]) -> None:
        RawSale.objects.all().delete()
        rebuild()

        for page in read:
            load(*page)

        expected = latest([row for page in read for row in page if isinstance(row, SaleRow)])
        found = {row.sale_id: (row.quantity, row.amount, row.kind) for row in RawSale.objects.all()}
        assert found == {row.sale_id: (row.quantity, row.amount, row.kind) for row in expected.values()}
        assert verify() == []


@pytest.mark.real_pool
class TestTwoSourcesOfOneEvent:
    def test_that_load_at_once_end_exact(self, django_pool: SharedPool) -> None:
        rows = sales_in_a_row(60)

        def load_in_some_order(number: int) -> None:
            chance = random.Random(number)
            for turn in range(15):
                part = [
                    row._replace(
                        quantity=chance.randrange(5),
                        event_id=chance.choice([TONIGHT, MATINEE, LATE_SHOW]),
                        amount=Decimal(chance.randrange(100)),
                        updated_at=NOON + timedelta(days=1, minutes=turn),
                    )
                    for row in chance.sample(rows, 30)
                ]
                load(*part, source=f"source {number}")
                load(event(MATINEE, chance.choice([BERLIN, AUCKLAND])), source=f"source {number}")

        crowd = Crowd(3, load_in_some_order).run()

        assert not crowd.errors
        assert verify() == []
