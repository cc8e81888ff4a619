"""A sale is read under each of its names; what cannot be read is rejected with field, value and cure."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from etl import limits
from etl.parsing import Dialect
from etl.parsing.pages import read_row
from etl.parsing.sales import read_sale
from etl.rows import Endpoint, Rejection, SaleRow
from etl.tests.upstream_rows import NOW, TONIGHT, read, rejected, sent

BERLIN = Dialect(now=NOW, timezone="Europe/Berlin")


class TestSale:
    def test_is_read_whole(self) -> None:
        row = read(ticket_id="TKT-7", status="paid", updated_at="2026-05-31T21:00:00+02:00")

        assert row == SaleRow(
            sale_id="S-1",
            event_id=TONIGHT,
            kind="sale",
            quantity=2,
            amount=Decimal("50.00"),
            currency="EUR",
            sold_at=datetime(2026, 5, 31, 19, 30, tzinfo=UTC),
            sold_on=None,
            updated_at=datetime(2026, 5, 31, 19, tzinfo=UTC),
            ticket_id="TKT-7",
        )

    @pytest.mark.parametrize(
        ("known", "alias"),
        [
            *(("sale_id", name) for name in ("id", "order_id", "transaction_id")),
            *(("event_id", name) for name in ("eventId", "event")),
            ("quantity", "qty"),
            ("currency", "currency_code"),
            *(("sale_date", name) for name in ("created_at", "timestamp")),
        ],
    )
    def test_has_the_same_row_under_every_alias(self, known: str, alias: str) -> None:
        payload = sent()
        payload[alias] = payload.pop(known)

        assert read_sale(payload, Dialect(now=NOW)) == read()

    @pytest.mark.parametrize("alias", ["updated_at", "modified_at", "last_modified"])
    def test_is_as_new_as_it_says(self, alias: str) -> None:
        changed: dict[str, Any] = {alias: "2026-06-01T08:00:00Z"}

        assert read(**changed).updated_at == datetime(2026, 6, 1, 8, tzinfo=UTC)

    def test_without_a_change_has_no_time_of_one(self) -> None:
        assert read().updated_at is None
        assert read(sale_date=None, timestamp="2026-05-31T19:30:00Z").updated_at is None
        assert read(sale_date="", created_at="2026-05-31T19:30:00Z", updated_at="").updated_at is None

    def test_may_be_as_new_as_its_sale(self) -> None:
        row = read(updated_at="2026-05-31T19:30:00Z")

        assert row.updated_at == row.sold_at

    @pytest.mark.parametrize("alias", ["ticket_id", "ticketId"])
    def test_names_its_ticket(self, alias: str) -> None:
        ticket: dict[str, Any] = {alias: 7}

        assert read(**ticket).ticket_id == "7"

    def test_takes_the_first_alias_with_a_value(self) -> None:
        assert read(sale_id="", id="S-9").sale_id == "S-9"
        assert read(sale_id=0, id="S-9").sale_id == "0"
        assert read(event={"not": "read"}).event_id == TONIGHT

    def test_has_numbers_for_ids_as_text(self) -> None:
        assert read(sale_id=12345678901234567890).sale_id == "12345678901234567890"

    def test_without_an_id_is_known_by_all_its_fields(self) -> None:
        first, again = read(sale_id=None), read(sale_id=None)
        reordered = read_sale(dict(reversed(sent(sale_id=None).items())), Dialect(now=NOW))
        other = read(sale_id=None, quantity=3)

        assert first.sale_id == again.sale_id
        assert isinstance(reordered, SaleRow)
        assert reordered.sale_id == first.sale_id != other.sale_id
        assert first.sale_id.startswith("sha256:")
        assert len(first.sale_id) <= limits.SALE_ID

    def test_without_an_id_keeps_its_hash_however_its_numbers_are_written(self) -> None:
        ids = {read(sale_id=None, total_amount=Decimal(text)).sale_id for text in ("50", "50.00", "5E+1")}

        assert len(ids) == 1

    def test_of_an_event_without_id_is_rejected(self) -> None:
        assert rejected(event_id=None).field == "event_id"

    def test_is_kept_whole_in_its_rejection(self) -> None:
        row = rejected(quantity=-1, note="kept")

        assert (row.payload, row.upstream_id) == (sent(quantity=-1, note="kept"), "S-1")

    @pytest.mark.parametrize(
        ("field", "value", "reason"),
        [
            ("sale_id", "S" * 201, "has 201 characters: 200 are allowed"),
            ("sale_id", "S\x00", "cannot be stored, such as NUL"),
            ("sale_id", "S\ud800", "cannot be stored"),
            ("sale_id", True, "true is neither text nor a whole number"),
            ("sale_id", Decimal("1.5"), "1.5 is neither text"),
            ("event_id", {"id": 1}, "an object is neither text"),
            ("ticket_id", ["TKT"], "a list is neither text"),
        ],
    )
    def test_has_text_that_can_be_stored(self, field: str, value: Any, reason: str) -> None:
        row = rejected(**{field: value})

        assert row.field == field
        assert reason in row.reason

    def test_has_a_reason_of_bounded_length(self) -> None:
        assert len(rejected(sale_date="x" * 100_000).reason) <= limits.REASON


class TestQuantity:
    def test_is_one_when_it_is_missing(self) -> None:
        assert read(quantity=None).quantity == 1

    @pytest.mark.parametrize(("value", "quantity"), [("3", 3), (Decimal("3.0"), 3), (0, 0), ("0", 0)])
    def test_is_a_whole_number(self, value: Any, quantity: int) -> None:
        assert read(quantity=value).quantity == quantity

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (-1, "-1 is negative: a refund is a row of its own"),
            (Decimal("1.5"), "1.5 is not a whole number of tickets"),
            (2_000_000_000, "too large"),
            (Decimal("1E+999999999"), "too large"),
            (True, "true is not a whole number"),
            ("two", "'two' is not a whole number"),
            ([2], "a list is not a whole number"),
        ],
    )
    def test_is_never_guessed(self, value: Any, reason: str) -> None:
        row = rejected(quantity=value)

        assert row.field == "quantity"
        assert reason in row.reason


class TestAmount:
    @pytest.mark.parametrize(
        "amount_fields",
        [
            {"total_amount": "50.00"},
            {"total_amount": 50},
            {"total_amount": Decimal("50.0000000")},
            {"total_amount": None, "price": "25.00"},
            {"total_amount": None, "unit_price": Decimal("25.0")},
            {"total_amount": None, "amount": 25},
        ],
    )
    def test_is_the_total_or_quantity_times_price(self, amount_fields: dict[str, Any]) -> None:
        assert read(**amount_fields).amount == Decimal(50)

    def test_keeps_every_digit(self) -> None:
        assert read(total_amount=Decimal("123456789012345.6789")).amount == Decimal("123456789012345.6789")

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("12,50", "'12,50' is not a decimal number such as 12.50"),
            ("1_000", "is not a decimal number"),
            ("١٢", "is not a decimal number"),
            (" 12", "is not a decimal number"),
            (Decimal("NaN"), "is not a decimal number"),
            (False, "false is not a decimal number"),
            ("-3.00", "is negative"),
            (Decimal("0.00001"), "has more than 4 decimals"),
            (Decimal(1000000000000000), "15 digits before the point"),
            (Decimal("1E+999999999"), "15 digits before the point"),
            (0.1 + 0.2, "went through a binary float"),
        ],
    )
    def test_is_never_guessed_and_never_rounded(self, value: Any, reason: str) -> None:
        row = rejected(total_amount=value)

        assert row.field == "total_amount"
        assert reason in row.reason

    def test_is_not_rounded_in_a_product_either(self) -> None:
        row = rejected(total_amount=None, price=Decimal("1.0000000000000000000000000000001"))

        assert row.field == "price"

    def test_is_asked_for_when_both_total_and_price_are_missing(self) -> None:
        assert "send one of them" in rejected(total_amount=None).reason


class TestCurrency:
    def test_is_in_upper_case(self) -> None:
        assert read(currency="ngn").currency == "NGN"

    def test_is_that_of_the_settings_when_it_is_missing(self) -> None:
        assert read(dialect=replace(BERLIN, currency="usd"), currency=None).currency == "USD"

    def test_is_not_guessed(self) -> None:
        missing, wrong = rejected(currency=None), rejected(currency="€")

        assert (missing.field, wrong.field) == ("currency", "currency")
        assert "ETL_CURRENCY" in missing.reason
        assert "such as EUR" in wrong.reason


class TestKind:
    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({}, "sale"),
            ({"status": "Confirmed"}, "sale"),
            ({"status": "", "type": "sale"}, "sale"),
            ({"state": "canceled"}, "cancelled"),
            ({"status": "refunded"}, "cancelled"),
            ({"type": "refund"}, "refund"),
            ({"kind": "Refund", "status": "completed"}, "refund"),
            ({"type": "refund", "status": "void"}, "cancelled"),
        ],
    )
    def test_depends_on_status_and_type(self, changes: dict[str, Any], kind: str) -> None:
        assert read(**changes).kind == kind

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"status": "pending"}, "status"),
            ({"state": 3}, "state"),
            ({"type": "gift"}, "type"),
            ({"type": "refund", "status": "refunded"}, "status"),
        ],
    )
    def test_is_not_guessed_from_another_word(self, changes: dict[str, Any], field: str) -> None:
        assert rejected(**changes).field == field


class TestSaleDate:
    @pytest.mark.parametrize(
        "text",
        ["2026-05-31T19:30:00Z", "2026-05-31T21:30:00+02:00", "2026-05-31 19:30:00+00", "2026-05-31T1930Z"],
    )
    def test_is_an_instant_in_utc(self, text: str) -> None:
        row = read(sale_date=text)

        assert (row.sold_at, row.sold_on) == (datetime(2026, 5, 31, 19, 30, tzinfo=UTC), None)
        assert row.sold_at is not None
        assert row.sold_at.tzinfo is UTC

    def test_is_a_day_when_it_has_no_time(self) -> None:
        row = read(sale_date="2026-05-31")

        assert (row.sold_at, row.sold_on) == (None, date(2026, 5, 31))

    def test_without_an_offset_is_in_the_settings_zone(self) -> None:
        row = read(dialect=BERLIN, sale_date="2026-05-31T21:30:00")

        assert row.sold_at == datetime(2026, 5, 31, 19, 30, tzinfo=UTC)

    @pytest.mark.parametrize("text", ["2025-10-26T02:30:00", "2026-03-29T02:30:00"])
    def test_at_an_hour_that_clocks_show_twice_or_never_is_rejected(self, text: str) -> None:
        assert "twice or never" in rejected(dialect=BERLIN, sale_date=text).reason

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("31/12/2026", "'31/12/2026' is not an ISO-8601 date"),
            ("2026-02-30", "'2026-02-30' is not an ISO-8601 date"),
            ("20260531", "is not an ISO-8601 date"),
            ("2026-W22-7", "is not an ISO-8601 date"),
            ("2026-W22", "is not an ISO-8601 date"),
            ("2026-05-31x19:30:00Z", "is not an ISO-8601 date"),
            ("yesterday", "is not an ISO-8601 date"),
            ("0001-01-01T00:00:00+14:00", "is not an ISO-8601 date"),
            (1780255800, "1780255800 is not an ISO-8601 date"),
            (True, "true is not an ISO-8601 date"),
            ("2026-05-31T19:30:00", "set ETL_TIMEZONE"),
            ("2026-06-02T12:00:01Z", "more than a day in the future"),
            ("2026-06-04", "more than a day in the future"),
        ],
    )
    def test_is_never_guessed(self, value: Any, reason: str) -> None:
        row = rejected(sale_date=value)

        assert row.field == "sale_date"
        assert reason in row.reason

    def test_may_be_a_day_ahead_of_the_readers_clock(self) -> None:
        assert read(sale_date="2026-06-02T12:00:00Z").sold_at == datetime(2026, 6, 2, 12, tzinfo=UTC)
        assert read(sale_date="2026-06-03").sold_on == date(2026, 6, 3)

    def test_is_asked_for(self) -> None:
        assert rejected(sale_date=None).reason.startswith("is missing")

    def test_of_an_update_needs_a_time(self) -> None:
        assert rejected(updated_at="2026-05-31").field == "updated_at"


class TestWhatIsNoRow:
    @pytest.mark.parametrize("payload", [None, 7, "row", ["row"]])
    def test_is_rejected_as_it_is(self, payload: Any) -> None:
        row = read_row(payload, Endpoint.SALES, Dialect(now=NOW))

        assert isinstance(row, Rejection)
        assert (row.payload, row.field) == (payload, "")
