"""What an upstream sends is read completely and without a guess, or sales are lost."""

from decimal import Decimal

import pytest

from etl.rows import Endpoint
from etl.sources import SourceSpec, open_source
from etl.sources.contract import SourceFailed
from etl.tests.upstream import Answer, Asked, in_turn, upstream
from etl.tests.upstream_rows import read, rejected, sent


class TestSalesOfAnUpstream:
    """Who reads the first page only, or has no way to say that a sale was undone, reports wrong totals."""

    def test_ticket_sales_are_paged(self) -> None:
        def script(asked: Asked) -> Answer:
            page = int(asked.parameters["page"])
            return Answer({"data": [sent(sale_id=page)], "has_more": page < 3})

        with upstream(script) as server:
            pages = list(open_source(SourceSpec(address=server.url)).pages(Endpoint.SALES))

        assert [row[0] for page in pages for row in page.rows] == ["1", "2", "3"]

    def test_a_refund_and_a_cancelled_sale_are_read_as_such(self) -> None:
        assert read(type="refund").kind == "refund"
        assert read(status="cancelled").kind == "cancelled"


class TestAnUnusualValue:
    """A guess is a wrong total that nobody notices: a float, today for a bad date, one ticket for none."""

    def test_money_is_decimal_and_has_its_currency(self) -> None:
        row = read(total_amount=Decimal("0.10"), currency="NGN")

        assert (row.amount, row.currency) == (Decimal("0.10"), "NGN")
        assert rejected(currency=None).field == "currency"

    def test_an_unreadable_date_is_rejected_and_not_today(self) -> None:
        assert rejected(sale_date="31/05/2026").reason.startswith("'31/05/2026' is not an ISO-8601 date")

    def test_quantity_zero_stays_zero(self) -> None:
        assert (read(quantity=0).quantity, read(quantity=None).quantity) == (0, 1)


class TestAnUpstreamInTrouble:
    """A busy server gets the time that it asks for, and paging in circles does not run for ever."""

    def test_retry_after_is_honoured(self, caplog: pytest.LogCaptureFixture) -> None:
        busy = Answer(status=429, headers={"Retry-After": "1"})

        with upstream(in_turn(busy, Answer([sent()]))) as server:
            pages = list(open_source(SourceSpec(address=server.url)).pages(Endpoint.SALES))

        assert len(pages) == 1
        assert "trying again in 1.0 s" in caplog.text

    def test_a_page_that_leads_to_itself_ends_the_run(self) -> None:
        answers = in_turn(*(Answer({"data": [sent(sale_id=n)], "next_page": 1}) for n in range(3)))

        with upstream(answers) as server, pytest.raises(SourceFailed, match="page 1 comes again"):
            list(open_source(SourceSpec(address=server.url)).pages(Endpoint.SALES))

    def test_a_source_that_ignores_the_page_ends_the_run(self) -> None:
        with (
            upstream(lambda _: Answer({"data": [sent()], "has_more": True})) as server,
            pytest.raises(SourceFailed, match="page 2 has the content of a page before it"),
        ):
            list(open_source(SourceSpec(address=server.url)).pages(Endpoint.SALES))
