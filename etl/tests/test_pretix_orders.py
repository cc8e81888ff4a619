"""How an order of pretix counts: what was sold, what was cancelled, and what was given back."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from etl.rows import Rejection, SaleRow
from etl.sources.pretix.events import read_event
from etl.sources.pretix.orders import read_order
from etl.tests.pretix_server import event, fee, order, payment, position, refund

LATEST = datetime(2026, 7, 4, tzinfo=UTC)
CANCELED: dict[str, Any] = {"canceled": True}


def rows(payload: dict[str, Any]) -> list[SaleRow]:
    read = read_order(payload, currency="EUR", latest_at=LATEST)
    assert isinstance(read, list), read
    return read


def rejection(payload: dict[str, Any], currency: str = "EUR") -> Rejection:
    read = read_order(payload, currency=currency, latest_at=LATEST)
    assert isinstance(read, Rejection), read
    return read


def revenue(payload: dict[str, Any]) -> Decimal:
    """What the summaries make of the rows."""
    sign = {"sale": 1, "refund": -1, "cancelled": 0}
    return sum((sign[row.kind] * row.amount for row in rows(payload)), Decimal(0))


class TestPosition:
    def test_is_a_sale_of_one_ticket_at_the_time_of_its_order(self) -> None:
        assert rows(order()) == [
            SaleRow(
                sale_id="P23442",
                event_id="sampleconf",
                kind="sale",
                quantity=1,
                amount=Decimal("23.00"),
                currency="EUR",
                sold_at=datetime(2026, 1, 1, 10, 0, 0, 596934, UTC),
                sold_on=None,
                updated_at=datetime(2026, 1, 2, 10, 0, 0, 596934, UTC),
                ticket_id="",
            )
        ]

    @pytest.mark.parametrize("status", ["n", "e", "c"])
    def test_of_an_order_that_is_not_paid_counts_as_nothing(self, status: str) -> None:
        assert [row.kind for row in rows(order(status=status))] == ["cancelled"]

    def test_that_was_cancelled_counts_as_nothing(self) -> None:
        payload = order(positions=[position(1), position(2, **CANCELED)])

        assert [(row.sale_id, row.kind) for row in rows(payload)] == [("P1", "sale"), ("P2", "cancelled")]

    def test_keeps_its_id_when_the_order_is_split(self) -> None:
        before = rows(order("ABC12", positions=[position(1), position(2)]))
        after = rows(order("XYZ99", positions=[position(2)]))

        assert before[1].sale_id == after[0].sale_id


class TestFee:
    def test_is_revenue_without_a_ticket(self) -> None:
        row = rows(order(fees=[fee(7, "2.50")]))[1]

        assert (row.sale_id, row.kind, row.quantity, row.amount) == ("F7", "sale", 0, Decimal("2.50"))

    def test_that_was_cancelled_counts_as_nothing(self) -> None:
        assert rows(order(fees=[fee(7, "2.50", **CANCELED)]))[1].kind == "cancelled"

    def test_below_zero_lowers_what_was_paid(self) -> None:
        payload = order(fees=[fee(7, "-3.00")], payments=[payment("20.00")])

        assert revenue(payload) == Decimal("20.00")


class TestRefund:
    """Each case is an order that cost 23.00 or 46.00, and the revenue that is left of it."""

    def test_of_what_stays_sold_lowers_revenue_on_its_own_day(self) -> None:
        payload = order(refunds=[refund(1, "5.00")])

        row = rows(payload)[1]
        assert (row.sale_id, row.kind, row.quantity, row.amount) == ("ABC12-R1", "refund", 0, Decimal("5.00"))
        assert row.sold_at == datetime(2026, 2, 1, 12, tzinfo=UTC)
        assert revenue(payload) == Decimal("18.00")

    def test_of_a_cancelled_position_is_not_subtracted_twice(self) -> None:
        payload = order(
            positions=[position(1), position(2, **CANCELED)],
            payments=[payment("46.00")],
            refunds=[refund(1, "23.00")],
        )

        assert rows(payload)[2].amount == 0
        assert revenue(payload) == Decimal("23.00")

    def test_of_all_but_a_cancellation_fee_leaves_the_fee(self) -> None:
        payload = order(
            positions=[position(1, **CANCELED)],
            fees=[fee(7, "5.00", fee_type="cancellation")],
            refunds=[refund(1, "18.00")],
        )

        assert revenue(payload) == Decimal("5.00")

    def test_uses_up_what_was_cancelled_in_the_order_of_time(self) -> None:
        payload = order(
            positions=[position(1), position(2, **CANCELED)],
            payments=[payment("46.00")],
            refunds=[refund(2, "10.00"), refund(1, "20.00")],
        )

        refunded = {row.sale_id: row.amount for row in rows(payload)[2:]}
        assert refunded == {"ABC12-R1": Decimal(0), "ABC12-R2": Decimal("7.00")}

    def test_of_a_lowered_price_is_not_subtracted_twice(self) -> None:
        payload = order(positions=[position(1, "20.00")], refunds=[refund(1, "3.00")])

        assert revenue(payload) == Decimal("20.00")

    def test_of_an_overpayment_was_never_revenue(self) -> None:
        payload = order(payments=[payment("30.00")], refunds=[refund(1, "7.00")])

        assert revenue(payload) == Decimal("23.00")

    def test_that_offsets_a_split_order_is_not_subtracted_twice(self) -> None:
        payload = order(positions=[position(1)], payments=[payment("46.00")], refunds=[refund(1, "23.00")])

        assert revenue(payload) == Decimal("23.00")

    def test_of_a_payment_that_was_refunded_in_whole_is_known_by_its_state(self) -> None:
        payload = order(payments=[payment("23.00", "refunded")], refunds=[refund(1, "23.00")])

        assert revenue(payload) == 0

    @pytest.mark.parametrize("state", ["created", "transit", "external", "canceled", "failed"])
    def test_that_was_not_carried_out_does_not_count(self, state: str) -> None:
        assert len(rows(order(refunds=[refund(1, "5.00", state)]))) == 1

    def test_of_a_cancelled_order_is_nothing(self) -> None:
        refunded = rows(order(status="c", refunds=[refund(1, "23.00")]))[1]

        assert refunded.amount == 0

    def test_without_a_time_of_execution_is_dated_by_its_creation(self) -> None:
        payload = order(refunds=[refund(1, "5.00", execution_date=None)])

        assert rows(payload)[1].sold_at == datetime(2026, 2, 1, 10, tzinfo=UTC)


class TestRejection:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"status": "r"}, "status"),
            ({"datetime": "yesterday"}, "datetime"),
            ({"datetime": "2026-01-01T10:00:00"}, "datetime"),
            ({"datetime": "2031-01-01T10:00:00Z"}, "datetime"),
            ({"last_modified": None}, "last_modified"),
            ({"event": None}, "event"),
            ({"code": ""}, "code"),
            ({"positions": None}, "positions"),
            ({"payments": ["23.00"]}, "payments"),
            ({"positions": [position(23442, "free")]}, "positions.price"),
            ({"positions": [position(23442, "-1.00")]}, "positions.price"),
            ({"fees": [fee(7, "1.00001")]}, "fees.value"),
            ({"refunds": [refund(1, "NaN")]}, "refunds.amount"),
            ({"refunds": [refund(1, "1.00", execution_date="soon")]}, "refunds.execution_date"),
        ],
    )
    def test_names_the_field_and_keeps_the_order_whole(self, changes: dict[str, Any], field: str) -> None:
        payload = order(**changes)

        found = rejection(payload)

        assert (found.field, found.payload) == (field, payload)
        assert found.reason

    def test_has_the_id_by_which_a_corrected_order_resolves_it(self) -> None:
        assert rejection(order(status="?")).upstream_id == rows(order())[0].sale_id

    def test_of_an_order_without_positions_has_its_code(self) -> None:
        assert rejection(order(positions=[], status="?")).upstream_id == "ABC12"

    def test_of_an_event_without_a_currency_says_so(self) -> None:
        assert rejection(order(), currency="").field == "currency"


class TestEvent:
    def test_has_its_english_name_its_zone_and_its_time(self) -> None:
        row = read_event(event())

        assert not isinstance(row, Rejection)
        assert (row.event_id, row.name, row.timezone) == ("sampleconf", "Sample Conference", "Europe/Berlin")
        assert (row.starts_at, row.ends_at) == (datetime(2026, 12, 27, 9, tzinfo=UTC), None)

    @pytest.mark.parametrize(
        ("name", "read"), [({"de": "", "fr": "Salon"}, "Salon"), ({}, ""), (None, ""), ("Plain", "Plain")]
    )
    def test_without_an_english_name_has_the_first(self, name: object, read: str) -> None:
        assert read_event(event(name=name))[1] == read

    def test_without_a_zone_has_none(self) -> None:
        row = read_event(event(timezone=None))

        assert not isinstance(row, Rejection)
        assert row.timezone == ""

    @pytest.mark.parametrize(
        "changes", [{"slug": ""}, {"timezone": "Mars/North"}, {"date_from": "2026-12-27"}]
    )
    def test_that_cannot_be_read_is_rejected(self, changes: dict[str, Any]) -> None:
        found = read_event(event(**changes))

        assert isinstance(found, Rejection)
        assert [found.field] != [""]
