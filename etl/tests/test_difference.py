"""What a run would do, without doing it."""

from datetime import timedelta
from typing import Any

import pytest

from analytics.models import Event
from core import db
from core.pool import SharedPool
from etl.maintenance.difference import TableDifference, difference
from etl.models import Cursor, Lease, RawEvent, RawSale, RejectedRow, Run
from etl.runs.options import RunOptions
from etl.tests.cast import (
    MATINEE,
    NOON,
    TONIGHT,
    ListSource,
    event,
    load,
    rejection,
    run,
    sale,
    sales_in_a_row,
)

NOTHING = TableDifference()


def differ(source: ListSource, **options: Any) -> dict[str, TableDifference]:
    return difference(source, options=RunOptions(**options))


@pytest.mark.django_db
class TestTheDifference:
    def test_is_what_a_run_then_does(self) -> None:
        load(event(TONIGHT), event(MATINEE))
        load(*sales_in_a_row(30))
        later = NOON + timedelta(days=9)
        changed = [row._replace(quantity=9, updated_at=later) for row in sales_in_a_row(5)]
        # The last rows come twice, in pages of their own and in another version.
        again = [row._replace(quantity=1, updated_at=later) for row in sales_in_a_row(3)]
        rows: list[Any] = [*sales_in_a_row(50), *changed, rejection(), *again, *again]
        source = ListSource(rows, events=[event(TONIGHT), event(MATINEE, "UTC"), event("gala")])

        found = differ(source)
        ended = run(source)

        assert found["raw_events"] == TableDifference(insert=1, update=1, unchanged=1)
        total = [sum(getattr(table, name) for table in found.values()) for name in vars(NOTHING)]
        done = [ended.inserted_count, ended.updated_count, ended.unchanged_count, ended.rejected_count]
        assert (total, sum(done)) == (done, ended.read_count)

    def test_leaves_no_trace(self) -> None:
        differ(ListSource([*sales_in_a_row(50), rejection()], events=[event()]))

        for model in (RawSale, RawEvent, Event, RejectedRow, Run, Lease, Cursor):
            assert not model.objects.exists()

    def test_begins_where_a_run_would(self) -> None:
        rows = sales_in_a_row(50)
        run(ListSource(rows))

        assert differ(ListSource(rows)) == {"raw_sales": TableDifference(unchanged=1)}
        assert differ(ListSource(rows), is_full=True) == {"raw_sales": TableDifference(unchanged=50)}

    def test_counts_an_older_version_as_unchanged(self) -> None:
        load(sale(quantity=5, updated_at=NOON + timedelta(days=1)))

        assert differ(ListSource([sale()])) == {"raw_sales": TableDifference(unchanged=1)}


@pytest.mark.real_pool
class TestTheConnectionsOfADifference:
    def test_are_none_while_the_source_is_waited_for(self, django_pool: SharedPool) -> None:
        lent: list[int] = []

        differ(ListSource(sales_in_a_row(30), before_page=lambda _: lent.append(db.pool_stats().checked_out)))

        assert lent == [0, 0, 0]
        assert django_pool.stats().open == 1
