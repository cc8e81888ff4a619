"""The demo's upstream: a year of sales, the same each time, and an API that lists them page by page."""

import http.client
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import available_timezones

import psutil
import pytest

from analytics import tonight
from core.tests.fixtures import eventually
from etl.demo.listing import Listings
from etl.demo.process import UpstreamProcess
from etl.demo.upstream import Upstream, listen

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 7, 4, 12, tzinfo=UTC)
TOKEN = "of-the-demo"
PARENT = """
from etl.demo.process import UpstreamProcess
print(UpstreamProcess(token="t").pid, flush=True)
input()
"""


@pytest.fixture(scope="module")
def year() -> Listings:
    return Listings(NOON)


def all_sales(listings: Listings, now: datetime = NOON) -> list[dict[str, Any]]:
    """Every page, as a client reads them."""
    rows: list[dict[str, Any]] = []
    page, page_total = 1, 1
    while page <= page_total:
        answer = listings.sales(since=None, page=page, limit=1000, now=now)
        rows += answer["data"]
        page, page_total = page + 1, answer["pagination"]["total_pages"]
    return rows


@pytest.fixture(scope="module")
def sales(year: Listings) -> list[dict[str, Any]]:
    return all_sales(year)


class TestYear:
    def test_has_sales_enough_to_show(self, sales: list[dict[str, Any]]) -> None:
        assert 20_000 < len(sales) < 30_000
        assert len({sale["sale_id"] for sale in sales}) == len(sales)

    def test_has_cancellations_refunds_and_corrections(self, sales: list[dict[str, Any]]) -> None:
        statuses = Counter(sale["status"] for sale in sales)
        refunds = [sale for sale in sales if sale.get("type") == "refund"]
        corrected = [
            sale
            for sale in sales
            if sale["status"] == "completed"
            and sale["updated_at"] > sale["sale_date"]
            and "ticket_id" not in sale
        ]

        assert set(statuses) == {"completed", "cancelled"}
        assert min(statuses["cancelled"], len(refunds), len(corrected)) > 300

    def test_ends_today_and_begins_a_year_ago(self, sales: list[dict[str, Any]]) -> None:
        days = sorted({sale["updated_at"][:10] for sale in sales})

        assert (days[0], days[-1], len(days)) == ("2025-07-04", "2026-07-04", 366)
        assert sales[-1]["updated_at"] <= "2026-07-04T12:00:00Z"

    def test_is_listed_in_the_order_of_its_changes(self, sales: list[dict[str, Any]]) -> None:
        changes = [sale["updated_at"] for sale in sales]

        assert changes == sorted(changes)

    def test_has_one_mistake_of_each_kind(self, sales: list[dict[str, Any]]) -> None:
        wrong = [sale for sale in sales if sale["sale_id"].endswith("mistake")]

        assert len(wrong) == 5
        assert sum(sale["quantity"] < 0 for sale in wrong) == 1
        assert sum("event_id" not in sale for sale in wrong) == 1
        assert sum("currency" not in sale for sale in wrong) == 1
        assert sum("noon" in sale["sale_date"] for sale in wrong) == 1
        assert sum("2030" < sale["sale_date"] < "2040" for sale in wrong) == 1

    def test_sells_every_signed_ticket_of_tonight_once(self, sales: list[dict[str, Any]]) -> None:
        tickets = [sale["ticket_id"] for sale in sales if sale.get("event_id") == tonight.EVENT_ID]

        assert sorted(tickets) == [tonight.ticket_id(number) for number in range(1, tonight.TICKET_COUNT + 1)]

    def test_is_the_same_each_time(self, sales: list[dict[str, Any]]) -> None:
        assert all_sales(Listings(NOON)) == sales

    def test_continues_the_next_day_where_it_was(self, sales: list[dict[str, Any]]) -> None:
        tomorrow = NOON + timedelta(days=1)

        later = {sale["sale_id"]: sale for sale in all_sales(Listings(tomorrow), tomorrow)}

        common = [sale for sale in sales if sale["sale_id"] in later]
        changed = [sale for sale in common if later[sale["sale_id"]] != sale]
        assert len(common) > 20_000
        # What differs is what changed since, so that an incremental run reads it.
        assert all(later[sale["sale_id"]]["updated_at"] > "2026-07-04T12:00:00Z" for sale in changed)

    def test_has_what_is_new_when_it_is_asked_again(self, year: Listings) -> None:
        later = NOON + timedelta(hours=6)

        fresh = year.sales(since=NOON, page=1, limit=1000, now=later)

        assert 5 < fresh["pagination"]["total"] < 60
        assert all(row["updated_at"] >= "2026-07-04T12:00:00Z" for row in fresh["data"])


class TestEvents:
    def test_are_twenty_in_three_currencies_and_several_zones(
        self, year: Listings, sales: list[dict[str, Any]]
    ) -> None:
        events = year.events(since=None, page=1, limit=100)["data"]

        zones = {event["timezone"] for event in events}
        assert len({event["id"] for event in events}) == 20
        assert len(zones) > 10
        assert zones <= available_timezones()
        assert {sale["currency"] for sale in sales if "currency" in sale} == {"EUR", "GBP", "USD"}

    def test_tonight_is_the_event_that_the_demo_seeds(self, year: Listings) -> None:
        event = year.events(since=None, page=1, limit=1)["data"][0]

        listed = (event["id"], event["name"], datetime.fromisoformat(event["starts_at"]))
        assert listed == (tonight.EVENT_ID, tonight.NAME, tonight.evening(NOON)[0])


@pytest.fixture(scope="module")
def port(year: Listings) -> Iterator[int]:
    with listen() as listener, Upstream(listener, listings=year, token=TOKEN) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield listener.getsockname()[1]
        server.shutdown()
        serving.join()


def ask(port: int, path: str, token: str = TOKEN, **query: object) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", f"{path}?{urlencode(query)}", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


class TestApi:
    def test_answers_the_page_that_was_asked_for(self, port: int) -> None:
        status, answer = ask(port, "/ticket-sales", page=3, limit=100)

        assert (status, len(answer["data"]), answer["pagination"]["page"]) == (200, 100, 3)
        assert answer["pagination"]["total_pages"] > 200

    def test_answers_what_changed_since(self, port: int) -> None:
        since = "2026-07-01T00:00:00+00:00"

        _, answer = ask(port, "/ticket-sales", since=since, limit=1000)

        assert answer["data"][0]["updated_at"].startswith("2026-07-01T00")

    @pytest.mark.parametrize("token", ["", "another", "of-the-demö"])
    def test_refuses_another_token(self, port: int, token: str) -> None:
        assert ask(port, "/events", token=token)[0] == 401

    @pytest.mark.parametrize(
        "query",
        [{"page": "0"}, {"page": "two"}, {"limit": "1001"}, {"since": "2026-07-01"}, {"since": "July"}],
    )
    def test_says_what_is_wrong_with_a_question(self, port: int, query: dict[str, str]) -> None:
        status, answer = ask(port, "/ticket-sales", **query)

        assert status == 400
        assert answer["error"]

    def test_knows_two_lists(self, port: int) -> None:
        assert ask(port, "/orders")[0] == 404


class TestProcess:
    def test_answers_as_soon_as_it_was_started_and_ends_when_it_is_stopped(self) -> None:
        process = UpstreamProcess(token=TOKEN)
        port = int(process.url.rpartition(":")[2])

        status, answer = ask(port, "/events")
        process.stop()
        process.stop()

        assert (status, len(answer["data"])) == (200, 20)
        assert not psutil.pid_exists(process.pid)

    def test_ends_with_its_parent_even_a_killed_one(self) -> None:
        parent = psutil.Popen(
            [sys.executable, "-c", PARENT],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        child = psutil.Process(int(parent.stdout.readline()))

        parent.kill()
        parent.communicate()

        eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)

    def test_shows_its_token_to_nobody_who_lists_processes(self) -> None:
        process = UpstreamProcess(token=TOKEN)

        arguments = psutil.Process(process.pid).cmdline()
        process.stop()

        assert TOKEN not in " ".join(arguments)
