"""A page is read at once or row by row, with the same rows and rejections."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.parsing import Dialect
from etl.parsing.pages import NotAPage, Reading, parse_json, read_page, read_row
from etl.rows import Endpoint, span_of
from etl.tests.upstream_rows import NOW, sent

DIALECT = Dialect(now=NOW, currency="EUR")

# Values that are right, nearly right and wrong, for any field.
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2**70),
    st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-10, max_value=10**6),
    st.sampled_from(
        ["", "0", "12.50", "12,50", "1_0", "EUR", "eur", "paid", "Refund", "refund", "2026-05-31"]
    ),
    st.sampled_from(["2026-05-31T19:30:00Z", "2026-05-31T19:30:00", "2027-01-01T00:00:00Z", "2026-W22-7"]),
    st.text("aZ0 -.é€\x00\u2028\U0001f3ab", max_size=12),
    st.lists(st.integers(), max_size=1),
    st.just({"a": 1}),
)
FIELDS = st.sampled_from(
    [
        *("sale_id", "id", "order_id", "event_id", "eventId", "status", "state", "type", "kind", "quantity"),
        *("qty", "price", "amount", "total_amount", "currency", "currency_code", "sale_date", "created_at"),
        *("updated_at", "modified_at", "ticket_id", "ticketId", "unknown"),
    ]
)
SALES = st.lists(st.dictionaries(FIELDS, ODD, max_size=6).map(lambda odd: {**sent(), **odd}), max_size=4)


def encoded(page: Any) -> bytes:
    return msgspec.json.Encoder(decimal_format="number").encode(page)


def row_by_row(rows: list[Any]) -> Reading:
    reading = Reading()
    for row in rows:
        reading.keep(read_row(row, Endpoint.SALES, DIALECT))
    return reading


class TestPage:
    @given(SALES)
    def test_at_once_is_the_same_as_row_by_row(self, rows: list[dict[str, Any]]) -> None:
        body = encoded({"data": rows})

        reading, _ = read_page(body, Endpoint.SALES, DIALECT)

        assert reading == row_by_row(parse_json(body)["data"])

    @given(SALES)
    def test_with_a_row_that_is_not_an_object_loses_no_other(self, rows: list[dict[str, Any]]) -> None:
        body = encoded([*rows, 7])

        reading, _ = read_page(body, Endpoint.SALES, DIALECT)

        expected = row_by_row(parse_json(encoded(rows)))
        assert reading.rows == expected.rows
        assert [row.payload for row in reading.rejections] == [*(r.payload for r in expected.rejections), 7]

    @pytest.mark.parametrize("name", ["data", "results", "items"])
    def test_is_a_list_or_an_object_around_one(self, name: str) -> None:
        plain, nothing = read_page(encoded([sent()]), Endpoint.SALES, DIALECT)
        wrapped, envelope = read_page(encoded({name: [sent()], "has_more": True}), Endpoint.SALES, DIALECT)

        assert plain == wrapped
        assert (nothing.get("has_more"), envelope["has_more"]) == (None, True)

    def test_keeps_money_digit_for_digit(self) -> None:
        body = encoded([sent()]).replace(b'"50.00"', b"123456789012345.67")

        reading, _ = read_page(body, Endpoint.SALES, DIALECT)

        assert reading.rows[0].amount == Decimal("123456789012345.67")

    def test_with_half_a_character_loses_that_row_alone(self) -> None:
        body = encoded([sent(), sent(sale_id="half")]).replace(b"half", b"\\ud800")

        reading, _ = read_page(body, Endpoint.SALES, DIALECT)

        assert (len(reading.rows), [row.field for row in reading.rejections]) == (1, ["sale_id"])

    def test_spans_the_timestamps_of_its_rows(self) -> None:
        rows = [
            sent(sale_date="2026-05-02"),
            sent(sale_date="2026-05-01T00:00:00Z", updated_at="2026-05-03T00:00:00Z"),
            sent(sale_date="2026-05-02T00:00:00Z"),
            sent(sale_date="rejected"),
        ]

        reading, _ = read_page(encoded(rows), Endpoint.SALES, DIALECT)

        assert span_of(reading.rows) == (
            datetime(2026, 5, 1, 10, tzinfo=UTC),
            datetime(2026, 5, 3, tzinfo=UTC),
        )
        assert span_of([]) == (None, None)

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"<html>", "not JSON"),
            (b"", "not JSON"),
            (b'"page"', "neither a list nor an object"),
            (b'{"rows": []}', "without a list under data, results, items"),
            (b'{"data": {}}', "without a list under data"),
            (b'[{"sale_id": "\xff"}]', "not UTF-8 from byte 15"),
            (b"[" * 100_000, "not JSON: nested too deeply"),
        ],
    )
    def test_is_refused_when_it_is_not_one(self, body: bytes, reason: str) -> None:
        with pytest.raises(NotAPage, match=reason):
            read_page(body, Endpoint.SALES, DIALECT)


class TestJson:
    @given(st.recursive(ODD, lambda inner: st.dictionaries(st.text("ab", max_size=3), inner, max_size=3)))
    def test_is_read_digit_for_digit(self, payload: Any) -> None:
        assert parse_json(encoded(payload)) == payload

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            (b'{"a": "\\ud800"}', {"a": "\ud800"}),
            (b"1E+999999", Decimal("1E+999999")),
            (b"NaN", "NaN"),
            (b"9" * 5000, Decimal("9" * 5000)),
        ],
    )
    def test_is_read_even_where_it_is_odd(self, text: bytes, value: Any) -> None:
        assert parse_json(text) == value
