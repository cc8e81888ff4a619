"""A run: from the cursor to the end, recorded whatever happens to it."""

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from django.utils import timezone

from core import db
from core.pool import SharedPool
from etl.maintenance.verify import verify
from etl.models import Cursor, Lease, RawEvent, RawSale, RejectedRow, Run
from etl.rows import Endpoint
from etl.runs import pipeline
from etl.runs.options import Limit
from etl.sources.contract import SourceFailed
from etl.tests.cast import (
    AUCKLAND,
    MATINEE,
    NOON,
    TONIGHT,
    UPSTREAM,
    ListSource,
    Witness,
    event,
    instant,
    rejection,
    run,
    sale,
    sales_in_a_row,
)

ROWS = sales_in_a_row(100)


def cursor() -> Cursor:
    return Cursor.objects.get(source=UPSTREAM, endpoint=Endpoint.SALES)


@pytest.mark.django_db
class TestARun:
    def test_loads_every_page_and_is_recorded(self) -> None:
        ended = run(ListSource(ROWS, events=[event(MATINEE, AUCKLAND)]))

        recorded = Run.objects.get()
        assert (recorded.outcome, recorded.mode, recorded.error) == ("done", "incremental", "")
        assert (recorded.read_count, recorded.inserted_count, recorded.page_count) == (101, 101, 11)
        assert (recorded.cursor_before, recorded.cursor_after) == (None, ROWS[-1].updated_at)
        assert recorded.finished_at is not None
        assert (ended.pk, ended.outcome, ended.inserted_count) == (recorded.pk, "done", 101)
        assert verify() == []

    def test_reads_events_first_for_the_time_zones_of_sales(self) -> None:
        source = ListSource(ROWS, events=[event(TONIGHT)])

        run(source)

        assert [endpoint for endpoint, *_ in source.asked] == [Endpoint.EVENTS, Endpoint.SALES]

    def test_reads_from_the_cursor_the_next_time(self) -> None:
        run(ListSource(ROWS))
        source = ListSource([*ROWS, sale("S-new", updated_at=NOON + timedelta(days=2))])

        ended = run(source)

        assert (ended.read_count, ended.inserted_count, ended.unchanged_count) == (2, 1, 1)
        assert ended.cursor_before == ROWS[-1].updated_at

    def test_reads_only_what_is_before_the_end_of_its_period(self) -> None:
        run(ListSource(ROWS), until=ROWS[50].updated_at)

        assert RawSale.objects.count() == 50
        assert cursor().cursor_at == ROWS[49].updated_at

    def test_leaves_the_cursor_when_it_was_asked_to_begin_after_it(self) -> None:
        run(ListSource(ROWS[:50]))

        run(ListSource(ROWS), since=ROWS[70].updated_at)

        assert cursor().cursor_at == ROWS[49].updated_at
        assert run(ListSource(ROWS)).inserted_count == 20

    def test_shows_its_watcher_each_page(self) -> None:
        witness = Witness()

        run(ListSource(ROWS), watcher=witness)

        assert sum(counts.inserted for _, counts in witness.pages) == 100
        assert (len(witness.pages), witness.is_resumed) == (10, False)

    def test_marks_a_killed_run_of_its_source(self) -> None:
        killed = Run.objects.create(source=UPSTREAM, mode="full", started_at=NOON, outcome="running")
        other = Run.objects.create(source="pretix", mode="full", started_at=NOON, outcome="running")

        ended = run(ListSource(ROWS))

        killed.refresh_from_db()
        other.refresh_from_db()
        assert (killed.outcome, other.outcome) == ("killed", "running")
        assert f"found by run {ended.pk}" in killed.error

    def test_of_an_event_list_only_leaves_the_cursor_of_the_sales(self) -> None:
        run(ListSource(events=[event(updated_at=NOON)]))

        assert RawEvent.objects.get().event_id == TONIGHT
        assert not Cursor.objects.filter(endpoint=Endpoint.SALES).exists()


@pytest.mark.django_db
class TestARunWhoseSourceFails:
    def fail(self, page_number: int) -> None:
        if page_number == 3:
            raise SourceFailed("the upstream answered 502 for five minutes: is it up?")

    def test_is_recorded_with_its_counts_and_error(self) -> None:
        ended = run(ListSource(ROWS, before_page=self.fail))

        recorded = Run.objects.get()
        assert (ended.outcome, recorded.outcome) == ("failed", "failed")
        assert (recorded.inserted_count, recorded.page_count) == (30, 3)
        assert recorded.error == "the upstream answered 502 for five minutes: is it up?"
        assert not Lease.objects.exists()

    def test_resumes_from_its_last_page_where_pages_ascend(self) -> None:
        run(ListSource(ROWS, before_page=self.fail))
        source = ListSource(ROWS)

        run(source)

        assert source.asked[0][1] == instant(ROWS[29]) - timedelta(minutes=5)
        assert RawSale.objects.count() == 100

    def test_resumes_with_its_last_page_where_pages_are_unordered(self) -> None:
        run(ListSource(ROWS[::-1], before_page=self.fail))
        source, witness = ListSource(ROWS[::-1]), Witness()

        run(source, watcher=witness)

        assert (source.asked[0], witness.is_resumed) == ((Endpoint.SALES, None, "2"), True)
        assert (RawSale.objects.count(), cursor().resume) == (100, None)
        assert cursor().cursor_at == ROWS[-1].updated_at

    def test_by_what_nobody_foresaw_is_recorded_and_raised(self) -> None:
        def fail(page_number: int) -> None:
            raise ZeroDivisionError("by nought\nparameters: somebody's name")

        with pytest.raises(ZeroDivisionError):
            run(ListSource(ROWS, before_page=fail))

        recorded = Run.objects.get()
        assert (recorded.outcome, recorded.error) == ("failed", "ZeroDivisionError: by nought")
        assert not Lease.objects.exists()


@pytest.mark.django_db
class TestAPage:
    def test_and_its_cursor_are_committed_together_or_not_at_all(self) -> None:
        run(ListSource(ROWS[:50]))
        before = (RawSale.objects.count(), cursor().cursor_at, Run.objects.latest("id").pk)
        # An amount that the parser would have rejected: Postgres refuses the whole page.
        broken = [*ROWS[50:60], sale("S-broken", amount=Decimal("1e30"), updated_at=ROWS[59].updated_at)]

        with pytest.raises(db.DriverError):
            run(ListSource(broken, size=20))

        assert (RawSale.objects.count(), cursor().cursor_at) == before[:2]
        failed = Run.objects.latest("id")
        assert (failed.outcome, failed.page_count, failed.cursor_after) == ("failed", 0, before[1])
        assert verify() == []


@pytest.mark.django_db
class TestARunThatIsAskedToStop:
    def test_finishes_its_page_and_saves(self) -> None:
        stop = threading.Event()

        ended = run(
            ListSource(ROWS), stop=stop, watcher=Witness(lambda number: stop.set() if number == 4 else None)
        )

        assert (ended.outcome, ended.inserted_count, RawSale.objects.count()) == ("interrupted", 40, 40)
        assert cursor().cursor_at == ROWS[39].updated_at
        assert run(ListSource(ROWS)).inserted_count == 60

    def test_while_it_waits_for_its_source_does_not_wait_for_it(self) -> None:
        stop, never = threading.Event(), threading.Event()
        witness = Witness()
        witness.when_waiting = stop.set

        ended = run(ListSource(ROWS, before_page=lambda _: never.wait(30)), stop=stop, watcher=witness)

        never.set()
        assert (ended.outcome, ended.page_count) == ("interrupted", 0)


@pytest.mark.django_db
class TestTooManyRejects:
    def test_ends_the_run_at_the_page_that_exceeds_a_number(self) -> None:
        rows: list[Any] = [rejection(f"R-{number}") for number in range(25)] + ROWS

        ended = run(ListSource(rows), max_rejects=Limit.parse("15"))

        assert (ended.outcome, ended.rejected_count) == ("too_many_rejects", 20)
        assert "20 of 20 rows were rejected, the limit is 15 rows" in ended.error
        assert RejectedRow.objects.count() == 20

    def test_of_a_share_are_judged_once_a_hundred_rows_were_read(self) -> None:
        rows: list[Any] = [*(rejection(f"R-{number}") for number in range(9)), *sales_in_a_row(300)]

        assert run(ListSource(rows), max_rejects=Limit.parse("5%")).page_count == 10

    def test_of_a_share_are_judged_at_the_end_of_a_short_run(self) -> None:
        rows: list[Any] = [rejection(), *ROWS[:9]]

        assert run(ListSource(rows), max_rejects=Limit.parse("5%")).outcome == "too_many_rejects"
        assert RawSale.objects.count() == 9

    def test_are_not_as_many_as_the_limit(self) -> None:
        rows: list[Any] = [rejection(), *ROWS[:9]]

        assert run(ListSource(rows), max_rejects=Limit.parse("1")).outcome == "done"
        assert run(ListSource(rows), max_rejects=Limit.parse("10%"), is_full=True).outcome == "done"


class TestALimit:
    @pytest.mark.parametrize("text", ["", "-1", "1.5", "101%", "many", "5 %%"])
    def test_refuses_any_other_text(self, text: str) -> None:
        with pytest.raises(ValueError, match="is not a limit: write"):
            Limit.parse(text)


@pytest.mark.real_pool
class TestTheConnectionsOfARun:
    def test_are_one_and_none_while_the_source_is_waited_for(self, django_pool: SharedPool) -> None:
        waiting, lent = Witness(), []

        def look(page_number: int) -> None:
            # In the reader's thread, as soon as the run waits for this page.
            waiting.waited.clear()
            assert waiting.waited.wait(10)
            lent.append(db.pool_stats())

        run(ListSource(ROWS[:30], before_page=look), watcher=waiting)

        assert [stats.checked_out for stats in lent] == [0, 0, 0]
        assert max(stats.open for stats in lent) == 1
        assert django_pool.stats().open == 1

    def test_renew_the_lease_while_the_source_is_waited_for(
        self, django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pipeline, "RENEW_SECONDS", 0.0)
        witness, renewed = Witness(), []

        def look(page_number: int) -> None:
            with db.get_engine().begin() as connection:
                soon = timezone.now() + timedelta(seconds=5)
                connection.execute(sa.text("UPDATE etl_leases SET expires_at = :soon"), {"soon": soon})
            for _ in range(2):
                witness.waited.clear()
                assert witness.waited.wait(10)
            with db.get_engine().connect() as connection:
                expires_at = connection.execute(sa.text("SELECT expires_at FROM etl_leases")).scalar_one()
            renewed.append(expires_at > soon)

        run(ListSource(ROWS[:10], before_page=look), watcher=witness)

        assert renewed == [True]
