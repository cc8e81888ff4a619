"""pretix as a source: which pages are asked for, over real HTTP, and what no page may do."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from etl.rows import Endpoint, Page
from etl.sources import Source, SourceFailed, SourceSpec, open_source
from etl.tests.pretix_server import PATH, TOKEN, Pretix, event, order, position, pretix_running


@pytest.fixture
def pretix() -> Iterator[Pretix]:
    with pretix_running() as server:
        yield server


@pytest.fixture
def source(pretix: Pretix) -> Iterator[Source]:
    opened = open_at(pretix, page_size=2)
    yield opened
    opened.close()


def open_at(pretix: Pretix, *, token: str = TOKEN, page_size: int | None = None) -> Source:
    return open_source(SourceSpec(address=f"pretix+{pretix.origin}{PATH}/", token=token, page_size=page_size))


def numbered(number: int, day: int | None = None) -> dict[str, object]:
    """Order `number`, changed on a day of January."""
    changed = f"2026-01-{day or number:02}T10:00:00Z"
    return order(f"N{number}", positions=[position(number)], last_modified=changed)


def sale_ids(pages: list[Page]) -> set[str]:
    return {row[0] for page in pages for row in page.rows}


class TestOrders:
    def test_are_read_to_the_end_in_the_order_of_their_last_change(
        self, pretix: Pretix, source: Source
    ) -> None:
        pretix.orders = [numbered(number) for number in (5, 3, 1, 4, 2)]

        pages = list(source.pages(Endpoint.SALES))

        assert sale_ids(pages) == {f"P{number}" for number in range(1, 6)}
        assert [page.cursor_at for page in pages] == [
            datetime(2026, 1, day, 10, tzinfo=UTC) for day in (2, 3, 4, 5)
        ]

    def test_that_change_while_they_are_read_hide_no_other(self, pretix: Pretix, source: Source) -> None:
        pretix.orders = [numbered(number) for number in range(1, 7)]

        def buyer_changes_the_first_order() -> None:
            pretix.orders[0] = numbered(1, day=20)

        pretix.change = buyer_changes_the_first_order

        assert sale_ids(list(source.pages(Endpoint.SALES))) == {f"P{number}" for number in range(1, 7)}

    def test_that_changed_at_one_instant_are_followed_by_page_number(
        self, pretix: Pretix, source: Source
    ) -> None:
        pretix.orders = [numbered(number, day=7) for number in range(1, 8)]

        assert len(sale_ids(list(source.pages(Endpoint.SALES)))) == 7

    def test_are_those_that_changed_since(self, pretix: Pretix, source: Source) -> None:
        pretix.orders = [numbered(number) for number in range(1, 6)]

        pages = list(source.pages(Endpoint.SALES, since=datetime(2026, 1, 4, 10, tzinfo=UTC)))

        assert sale_ids(pages) == {"P4", "P5"}
        assert "modified_since=2026-01-04T10%3A00%3A00Z" in pretix.requests[0]

    def test_in_test_mode_are_not_sales(self, pretix: Pretix, source: Source) -> None:
        pretix.orders = [numbered(1) | {"testmode": True}]

        page = next(source.pages(Endpoint.SALES))

        assert (page.rows, page.rejections, page.cursor_at) == ([], [], None)
        assert "testmode=false" in pretix.requests[0]

    def test_sell_in_the_currency_of_their_event(self, pretix: Pretix, source: Source) -> None:
        pretix.events = [event(), event("rodeo", currency="USD")]
        pretix.orders = [numbered(1), numbered(2) | {"event": "rodeo"}]

        page = next(source.pages(Endpoint.SALES))

        assert [row[5] for row in page.rows] == ["EUR", "USD"]

    def test_ask_for_no_event_that_was_read_before(self, pretix: Pretix, source: Source) -> None:
        pretix.orders = [numbered(number) for number in range(1, 6)]

        list(source.pages(Endpoint.EVENTS))
        list(source.pages(Endpoint.SALES))

        assert not [path for path in pretix.requests if "/events/sampleconf/" in path]

    def test_that_cannot_be_read_are_rejected_beside_the_others(self, pretix: Pretix, source: Source) -> None:
        pretix.orders = [numbered(1) | {"status": "?"}, numbered(2)]

        page = next(source.pages(Endpoint.SALES))

        assert ([row[0] for row in page.rows], [found.field for found in page.rejections]) == (
            ["P2"],
            ["status"],
        )

    def test_ask_for_nothing_that_names_the_buyer(self, pretix: Pretix, source: Source) -> None:
        next(source.pages(Endpoint.SALES))

        assert "include=positions.price" in pretix.requests[0]
        assert not [word for word in ("email", "secret", "name", "address") if word in pretix.requests[0]]

    def test_say_how_many_pages_there_are(self, pretix: Pretix, source: Source) -> None:
        pretix.orders = [numbered(number) for number in range(1, 6)]

        assert next(source.pages(Endpoint.SALES)).page_total == 3


class TestResume:
    def test_begins_with_the_page_of_the_reference(self, pretix: Pretix, source: Source) -> None:
        pretix.orders = [numbered(number) for number in range(1, 8)]
        pages = list(source.pages(Endpoint.SALES))

        resumed = list(source.pages(Endpoint.SALES, resume=pages[1].reference))

        assert [page.rows for page in resumed] == [page.rows for page in pages[1:]]
        assert pages[1].reference.startswith(f"{PATH}/orders/?")

    def test_with_the_page_of_another_organizer_is_refused(self, source: Source) -> None:
        with pytest.raises(SourceFailed, match="another organizer: begin with --full"):
            source.pages(Endpoint.SALES, resume="/api/v1/organizers/others/orders/?page=2")


class TestEvents:
    def test_are_read_by_the_links_to_the_next_page(self, pretix: Pretix, source: Source) -> None:
        pretix.events = [event(f"event-{number}") for number in range(5)]

        pages = list(source.pages(Endpoint.EVENTS))

        assert [len(page.rows) for page in pages] == [2, 2, 1]
        assert {page.page_total for page in pages} == {3}


class TestLinks:
    def test_to_another_origin_are_refused_and_not_followed(self, pretix: Pretix, source: Source) -> None:
        pretix.events = [event(f"event-{number}") for number in range(5)]
        pretix.next_link = lambda link: link.replace("127.0.0.1", "localhost")

        with pytest.raises(SourceFailed, match="another origin"):
            list(source.pages(Endpoint.EVENTS))
        assert len(pretix.requests) == 1

    def test_that_lead_back_are_noticed(self, pretix: Pretix, source: Source) -> None:
        pretix.events = [event(f"event-{number}") for number in range(5)]
        pretix.next_link = lambda link: link.replace("page=3", "page=2")

        with pytest.raises(SourceFailed, match="leads back to itself"):
            list(source.pages(Endpoint.EVENTS))

    def test_between_orders_in_another_order_are_not_trusted(self, pretix: Pretix, source: Source) -> None:
        pretix.orders = [numbered(number, day=10 - number) for number in range(1, 6)]
        pretix.heeds_ordering = False

        with pytest.raises(SourceFailed, match="not in the order of their last change"):
            list(source.pages(Endpoint.SALES))


class TestCheck:
    def test_says_what_it_found(self, pretix: Pretix, source: Source) -> None:
        pretix.orders = [numbered(number) for number in range(1, 6)]

        assert [line.rpartition(": ")[2] for line in source.check()] == ["1 events", "5 orders"]

    def test_sends_the_token_as_pretix_wants_it(self, pretix: Pretix, source: Source) -> None:
        next(source.check())

        assert pretix.headers["Authorization"] == f"Token {TOKEN}"

    def test_names_the_cure_of_a_wrong_token_and_not_the_token(self, pretix: Pretix) -> None:
        wrong = "wrong-token-of-somebody"

        with pytest.raises(SourceFailed, match=r"401: .*ETL_SOURCE_TOKEN.*team of the organizer") as failed:
            next(open_at(pretix, token=wrong).check())
        assert wrong not in str(failed.value)

    def test_names_the_version_that_lists_all_orders(self, pretix: Pretix, source: Source) -> None:
        pretix.knows_all_orders = False

        with pytest.raises(SourceFailed, match=r"404.*a pretix before 2023\.8"):
            list(source.check())


class TestOpening:
    @pytest.mark.parametrize("path", ["", "/api/v1/", "/api/v1/organizers/", "/api/v1/organizers/a/b"])
    def test_without_an_organizer_is_refused_with_an_example(self, path: str) -> None:
        with pytest.raises(SourceFailed, match=r"use pretix\+https://pretix.example/api/v1/organizers/ORG"):
            open_source(SourceSpec(address=f"pretix+https://pretix.example{path}"))

    def test_is_called_pretix_unless_it_has_a_name(self) -> None:
        address = f"pretix+https://pretix.example{PATH}"

        names = [open_source(SourceSpec(address=address, name=name)).name for name in ("", "shop")]

        assert names == ["pretix", "shop"]

    def test_reads_pages_that_are_none_as_a_failure(self, pretix: Pretix, source: Source) -> None:
        pretix.says = {"detail": "hello"}

        with pytest.raises(SourceFailed, match="is this the REST API of pretix"):
            list(source.pages(Endpoint.EVENTS))
