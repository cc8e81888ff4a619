"""CSV: what is written can be read, and nothing in it is a formula."""

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.models import Event
from core import db
from reports.catalogue import Column, Kind
from reports.formats.csv import Csv, defused
from reports.formats.csv_lines import FORMULA_STARTS
from reports.making.rows import BATCH
from reports.models import FileFormat
from reports.tests.conftest import JUNE, TONIGHT, Make, sell, sell_on_many_days

pytestmark = pytest.mark.django_db

# Postgres holds neither NUL nor half a surrogate pair.
storable = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
awkward = st.text(st.sampled_from("=+-@\t\r\n,;\"' aŁ\uff1d"))


def line_of(*cells: Any, kind: Kind = Kind.TEXT) -> str:
    """Return the line that Postgres makes of the cells."""
    columns = [Column(f"cell_{number}", "", kind) for number in range(len(cells))]
    row = sa.select(
        *(sa.literal(cell).label(column.name) for column, cell in zip(columns, cells, strict=True))
    )
    with db.get_engine().connect() as connection:
        return str(connection.execute(Csv().shaped(columns, row)).scalar_one())


class TestCells:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(cells=st.lists(storable | awkward, min_size=2, max_size=6))
    def test_come_back_as_they_were_but_for_the_apostrophe_before_a_formula(self, cells: list[str]) -> None:
        line = line_of(*cells)

        expected = [defused(cell) for cell in cells]
        assert list(csv.reader([line])) == [expected]
        assert Csv().texts(line.encode()) == expected

    def test_may_be_longer_than_pythons_own_reader_takes(self) -> None:
        cells = ['"' * 200_000, "x" * 200_000]

        assert Csv().texts(line_of(*cells).encode()) == cells

    @pytest.mark.parametrize("start", FORMULA_STARTS)
    def test_never_begin_a_formula(self, start: str) -> None:
        assert line_of(f"{start}HYPERLINK(1)", "x") == f'"\'{start}HYPERLINK(1)",x'

    def test_keep_a_minus_inside_an_identifier_without_quotes(self) -> None:
        assert line_of("TKT-001", "north gate") == "TKT-001,north gate"

    def test_of_null_are_empty(self) -> None:
        assert line_of(None, "x", None) == ",x,"

    def test_of_numbers_are_plain_and_never_defused(self) -> None:
        assert line_of(-1234567, 0, kind=Kind.INTEGER) == "-1234567,0"
        assert line_of(Decimal("-1234567.5000"), kind=Kind.MONEY) == "-1234567.5000"

    def test_of_instants_are_utc_whatever_their_zone(self) -> None:
        in_lagos = datetime(2025, 6, 1, 21, 0, tzinfo=timezone(timedelta(hours=1)))

        assert line_of(in_lagos, kind=Kind.INSTANT) == "2025-06-01T20:00:00.000000Z"

    def test_of_days_have_no_time(self) -> None:
        assert line_of(datetime(2025, 6, 1, tzinfo=UTC).date(), kind=Kind.DATE) == "2025-06-01"


class TestFile:
    @pytest.mark.parametrize(("file_format", "mark"), [("csv", b""), ("csv-bom", b"\xef\xbb\xbf")])
    def test_begins_with_a_mark_only_where_asked(
        self, tonight: Event, make: Make, file_format: str, mark: bytes
    ) -> None:
        sell(TONIGHT, 1, "1")

        content = make("daily-sales", FileFormat(file_format)).path.read_bytes()

        assert content.startswith(mark + b"Daily Sales Report\r\n")
        assert content.count(b"\n") == content.count(b"\r\n")

    def test_keeps_its_order_whether_or_not_a_row_needs_care(self, tonight: Event, make: Make) -> None:
        for days, currency in enumerate(("EUR", '"', "NGN", "=1", "USD", "a,b")):
            sell(TONIGHT, 1, "1", currency=currency, days=days)

        with make("daily-sales").path.open(newline="") as file:
            rows = list(csv.reader(file))[-6:]

        assert [row[5] for row in rows] == ["EUR", '"', "NGN", "'=1", "USD", "a,b"]
        assert [row[2] for row in rows] == [f"2025-06-0{day}" for day in range(1, 7)]

    def test_has_a_line_for_each_row_in_order_over_several_batches(self, tonight: Event, make: Make) -> None:
        count = 2 * BATCH + 1
        sell_on_many_days(count)
        end = JUNE.start + timedelta(days=count)

        path = make("daily-sales", parameters=replace(JUNE, end=end)).path

        lines = path.read_bytes().split(b"\r\n")
        days = [JUNE.start + timedelta(days=number) for number in range(count)]
        assert [line.decode() for line in lines[-count - 1 :]] == [
            *(f"tonight,Afrobeats Live 2025,{day},1,1.0000,EUR" for day in days),
            "",
        ]
