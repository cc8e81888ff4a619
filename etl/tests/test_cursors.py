"""Where a run begins, and what each of its pages leaves for the next one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from etl.loading.cursors import Mark, Resume, Walk
from etl.rows import Endpoint, Page, SaleRow, timestamp_of
from etl.tests.cast import MONDAY, NOON, event, instant, page_of, sale, sales_in_a_row

LAG = timedelta(minutes=5)
ROWS = sales_in_a_row(40)


def walk(mark: Mark | None = None, **asked: Any) -> Walk:
    defaults = {"since": None, "is_full": False, "lag": LAG, "now": NOON + timedelta(days=1)}
    return Walk.begin(mark or Mark(endpoint=Endpoint.SALES), **{**defaults, **asked})


def mark(at: datetime | None, resume: Resume | None = None) -> Mark:
    return Mark(endpoint=Endpoint.SALES, cursor_at=at, resume=resume)


def page(rows: list[SaleRow], number: int = 0) -> Page:
    return page_of(rows, reference=f"page {number}")


class TestARun:
    def test_begins_with_everything_the_first_time(self) -> None:
        assert walk().since is None

    def test_begins_a_lag_before_the_cursor(self) -> None:
        assert walk(mark(NOON)).since == NOON - LAG

    def test_begins_with_everything_when_it_is_full(self) -> None:
        assert walk(mark(NOON), is_full=True).since is None

    def test_begins_where_it_is_asked_to(self) -> None:
        assert walk(mark(NOON), since=NOON - timedelta(days=9)).since == NOON - timedelta(days=9)

    def test_resumes_with_the_page_after_which_it_was_interrupted(self) -> None:
        resume = Resume(since=None, page="page 3", began_at=NOON, greatest_at=NOON)

        resumed = walk(mark(NOON, resume))

        assert (resumed.since, resumed.page, resumed.is_resumed) == (None, "page 3", True)

    def test_resumes_a_full_run_when_it_is_full_too(self) -> None:
        resume = Resume(since=None, page="page 3", began_at=NOON, greatest_at=NOON)

        assert walk(mark(NOON, resume), is_full=True).page == "page 3"

    def test_does_not_resume_a_run_for_something_else(self) -> None:
        resume = Resume(since=None, page="page 3", began_at=NOON, greatest_at=NOON)

        assert walk(mark(NOON, resume), since=NOON).page == ""

    def test_keeps_its_place_as_json(self) -> None:
        resume = Resume(since=None, page="page 3", began_at=NOON, greatest_at=NOON)

        assert Resume.from_json(resume.as_json()) == resume


class TestAnAscendingEndpoint:
    def test_moves_the_cursor_with_each_page(self) -> None:
        it = walk()

        marks = [it.after(page(ROWS[:20])), it.after(page(ROWS[20:]))]

        assert [each.cursor_at for each in marks] == [ROWS[19].updated_at, ROWS[39].updated_at]
        assert [each.resume for each in marks] == [None, None]

    def test_may_be_out_of_order_by_less_than_the_lag(self) -> None:
        late = sale(updated_at=instant(ROWS[19]) - LAG / 2)
        it = walk()
        it.after(page(ROWS[:20]))

        assert it.after(page([late, *ROWS[20:]])).resume is None

    def test_that_turns_out_to_be_unordered_goes_back_to_the_cursor_it_began_with(self) -> None:
        start = NOON - timedelta(days=1)
        it = walk(mark(start))
        it.after(page(ROWS[20:]))

        after = it.after(page(ROWS[:20], 2))

        assert after.cursor_at == start
        assert after.resume is not None
        assert after.resume.page == "page 2"


class TestAnUnorderedEndpoint:
    def test_keeps_the_cursor_and_the_place(self) -> None:
        after = walk().after(page(ROWS[::-1], 7))

        assert after.cursor_at is None
        assert after.resume == Resume(
            since=None, page="page 7", began_at=NOON + timedelta(days=1), greatest_at=ROWS[-1].updated_at
        )

    def test_is_not_taken_for_ascending_after_a_few_rows(self) -> None:
        assert walk().after(page(ROWS[30:35])).cursor_at is None

    def test_keeps_no_place_where_the_source_has_none(self) -> None:
        assert walk().after(page_of(ROWS[::-1])).resume is None

    def test_never_moves_the_cursor_past_the_beginning_of_its_first_part(self) -> None:
        began = instant(ROWS[10])
        resume = Resume(since=None, page="page 3", began_at=began, greatest_at=None)
        it = walk(mark(None, resume))
        it.after(page(ROWS[::-1]))

        assert it.at_end(until=None) == mark(began)


class TestTheEndOfAnEndpoint:
    def end(self, before: Mark | None = None, *, until: datetime | None = None, **asked: Any) -> Mark:
        it = walk(before, **asked)
        it.after(page(ROWS))
        return it.at_end(until=until)

    def test_moves_the_cursor_to_the_greatest_timestamp(self) -> None:
        assert self.end() == mark(ROWS[-1].updated_at)

    def test_never_moves_the_cursor_back(self) -> None:
        assert self.end(mark(NOON + timedelta(days=9)), is_full=True) == mark(NOON + timedelta(days=9))

    def test_never_moves_the_cursor_into_the_future(self) -> None:
        it = walk(now=datetime.now(UTC))
        it.after(page([*ROWS, sale("S-9", updated_at=datetime.now(UTC) + timedelta(hours=20))]))

        reached = it.at_end(until=None).cursor_at

        assert reached is not None
        assert reached <= datetime.now(UTC)

    def test_moves_the_cursor_to_the_end_of_the_period_at_most(self) -> None:
        assert self.end(until=NOON) == mark(NOON)

    def test_leaves_the_cursor_when_nothing_came(self) -> None:
        assert walk(mark(NOON)).at_end(until=None) == mark(NOON)

    @pytest.mark.parametrize("before", [None, NOON - timedelta(days=9)])
    def test_leaves_the_cursor_when_the_run_left_a_gap_after_it(self, before: datetime | None) -> None:
        assert self.end(mark(before), since=NOON) == mark(before)


class TestATimestamp:
    def test_is_that_of_the_last_change_else_of_the_sale(self) -> None:
        later = NOON + timedelta(hours=1)

        assert timestamp_of(sale(updated_at=later)) == later
        assert timestamp_of(sale(updated_at=None)) == NOON

    def test_of_a_day_is_where_that_day_begins_first(self) -> None:
        at = timestamp_of(sale(updated_at=None, sold_at=None, sold_on=MONDAY))

        assert at == datetime(2026, 1, 4, 10, tzinfo=UTC)

    def test_of_an_event_may_be_missing(self) -> None:
        assert timestamp_of(event()) is None
