"""Reports as staff meet them: asked for in a form, watched, looked at, downloaded."""

import csv
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from reports import permissions
from reports.models import GeneratedReport, ReportState
from reports.tests.browser.conftest import Open, working
from reports.tests.browser.evening import make_evening
from reports.tests.browser.watching import asks_no_more
from reports.tests.staff import forbid

if TYPE_CHECKING:
    from playwright.sync_api import Page

LIST = "/admin/reports/generatedreport/"


@pytest.fixture
def _evening(transactional_db: None, storage_folder: Path) -> None:
    make_evening(timezone.now(), is_short=True)


@pytest.fixture
def ask(transactional_db: None) -> Callable[..., list[Any]]:
    """Runs a statement beside the page."""

    def run(statement: str, *values: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            rows: list[Any] = cursor.fetchall()
            return rows

    return run


def make(page: "Page", report: str, file_format: str = "CSV", *, preset: str = "This month") -> None:
    """Ask for a report, from the list on; end on its page."""
    page.goto(LIST)
    page.get_by_role("link", name="New report").click()
    # Its script fills in a preset's days: pressed before it runs, the button does nothing.
    page.wait_for_url("**/add/", wait_until="load")
    page.get_by_role("radio", name=report).check()
    page.get_by_role("button", name=preset).click()
    page.get_by_role("radio", name=file_format, exact=False).first.check()
    page.get_by_role("button", name="Make the report").click()
    page.locator("#what-title", has_text=report).wait_for()


def wait_until_made(page: "Page") -> None:
    page.locator('#report[data-state="made"]').wait_for()


def mark(page: "Page") -> None:
    """Leave a mark that a reload would wipe out."""
    page.evaluate("window.isTheSamePage = true")


def is_the_same_page(page: "Page") -> bool:
    return bool(page.evaluate("window.isTheSamePage === true"))


@pytest.mark.usefixtures("_evening")
class TestAReport:
    def test_is_asked_for_watched_looked_at_and_downloaded(
        self, open_page: Open, seller: User, ask: Callable[..., list[Any]], tmp_path: Path
    ) -> None:
        with open_page(seller) as page:
            make(page, "Daily sales")
            mark(page)
            assert page.locator("[data-sentence]").inner_text() == "Waiting for a worker"

            with working():
                wait_until_made(page)

            assert is_the_same_page(page)
            shown = page.locator("table.preview tbody tr").all_inner_texts()
            with page.expect_download() as download:
                page.get_by_role("link", name=re.compile("^Download")).click()
            path = tmp_path / download.value.suggested_filename
            download.value.save_as(path)

        rows = rows_of(path)
        today = timezone.now().date()
        [(tickets, gbp)] = ask(
            "SELECT sum(tickets_sold), sum(revenue) FILTER (WHERE currency = 'GBP') FROM daily_ticket_sales "
            "WHERE sale_date BETWEEN %s AND %s",
            today.replace(day=1),
            today,
        )
        assert sum(int(row["Tickets Sold"]) for row in rows) == tickets
        assert sum(float(row["Revenue"]) for row in rows if row["Currency"] == "GBP") == float(gbp)
        assert [line.split("\t") for line in shown] == [list(row.values()) for row in rows[: len(shown)]]
        assert GeneratedReport.objects.get().sha256

    def test_of_unchanged_data_is_served_from_store(self, open_page: Open, seller: User) -> None:
        with open_page(seller) as page, working():
            make(page, "Daily sales")
            wait_until_made(page)
            first = page.url

            make(page, "Daily sales")

            assert page.url == first
            assert page.get_by_text("Served from store: made").is_visible()

    def test_shows_the_rows_written_so_far(self, open_page: Open, seller: User) -> None:
        with open_page(seller) as page:
            make(page, "Transfers", "XLSX")
            mark(page)

            for rows in (30_000, 90_000):
                be_making(rows, total=120_000)
                page.get_by_text(f"{rows:,} of 120,000 rows").wait_for()
                assert page.locator("[data-bar]").evaluate("bar => bar.value / bar.max") == rows / 120_000
            GeneratedReport.objects.update(state=ReportState.QUEUED)
            with working():
                wait_until_made(page)

            assert is_the_same_page(page)

    def test_that_no_worker_takes_up_says_so(self, open_page: Open, seller: User) -> None:
        with open_page(seller) as page:
            make(page, "Daily sales")
            GeneratedReport.objects.update(requested_at=timezone.now() - timedelta(seconds=40))

            page.get_by_text("is `manage.py report_worker` running?").wait_for()

    def test_that_fails_says_why(self, open_page: Open, seller: User) -> None:
        with open_page(seller) as page:
            make(page, "Daily sales")
            GeneratedReport.objects.update(state=ReportState.FAILED, error="The disk said: full. Make room.")

            page.get_by_text("The disk said: full. Make room.").wait_for()
            assert page.get_by_role("button", name="Make again").is_visible()

    def test_that_may_not_be_seen_any_more_says_so_and_asks_no_more(
        self, open_page: Open, seller: User
    ) -> None:
        with open_page(seller, refused=403) as page:
            page.clock.install()
            make(page, "Daily sales")

            forbid(seller, permissions.VIEW)

            page.locator("[data-hint]", has_text="You may not see this any more.").wait_for()
            assert page.locator("[data-announcement]").inner_text() == "You may not see this any more."
            assert asks_no_more(page, "progress.json")
            page.get_by_role("link", name="Load the page again").click()
            page.get_by_text("403 Forbidden").wait_for()

    def test_whose_reader_was_logged_out_leads_to_the_login(self, open_page: Open, seller: User) -> None:
        with open_page(seller) as page:
            page.clock.install()
            make(page, "Daily sales")
            address = page.url

            Session.objects.all().delete()

            page.locator("[data-hint]", has_text="You are logged out.").wait_for()
            assert asks_no_more(page, "progress.json")
            page.get_by_role("link", name="Log in").click()
            page.get_by_label("Username").wait_for()
            assert address.removeprefix(page.url.partition("/admin")[0]) in unquote(page.url)

    def test_is_deleted_after_a_question(self, open_page: Open, boss: User) -> None:
        with open_page(boss) as page, working():
            make(page, "Daily sales")
            wait_until_made(page)
            page.get_by_role("link", name="Delete").click()
            page.get_by_role("button", name=re.compile("Yes")).click()
            page.wait_for_url(f"**{LIST}")

        assert not GeneratedReport.objects.exists()


@pytest.mark.usefixtures("_evening")
class TestTheForm:
    def test_puts_the_reader_at_what_went_wrong(self, open_page: Open, seller: User) -> None:
        with open_page(seller) as page:
            page.goto(f"{LIST}add/")
            page.get_by_role("button", name="Make the report").click()

            page.get_by_text("Choose a report.").wait_for()
            assert page.evaluate("document.activeElement.id") == "problem"

    def test_finds_events_by_their_name(self, open_page: Open, seller: User) -> None:
        with open_page(seller) as page:
            page.goto(f"{LIST}add/")
            page.get_by_role("checkbox", name="Late Comedy").check()

            page.get_by_role("searchbox", name="Find an event").fill("jazz łodz")

            # What is chosen stays in sight.
            assert page.locator(".event:visible").count() == 2
            assert page.get_by_text("1 chosen.").is_visible()

    def test_has_no_events_for_a_report_without(self, open_page: Open, boss: User) -> None:
        with open_page(boss) as page:
            page.goto(f"{LIST}add/")
            page.get_by_role("radio", name="ETL runs and rejects").check()

            assert not page.get_by_role("searchbox", name="Find an event").is_visible()
            assert page.get_by_text("This report is about sources").is_visible()

    def test_is_filled_in_and_sent_with_the_keyboard_alone(self, open_page: Open, seller: User) -> None:
        with open_page(seller) as page, working():
            page.goto(LIST)
            tab_to(page, "New report")
            page.keyboard.press("Enter")
            page.get_by_role("button", name="Make the report").wait_for()
            tab_to(page, "Daily sales")
            page.keyboard.press("Space")
            tab_to(page, "Today")
            page.keyboard.press("Enter")
            tab_to(page, "Find an event")
            page.keyboard.type("afrobeats")
            tab_to(page, "Afrobeats Live")
            page.keyboard.press("Space")
            tab_to(page, "XLSX")
            page.keyboard.press("ArrowDown")
            tab_to(page, "Make the report")
            page.keyboard.press("Enter")
            wait_until_made(page)
            tab_to(page, "Download PDF")

        generated = GeneratedReport.objects.get()
        assert (generated.format, generated.parameters["event_ids"]) == ("pdf", ["afrobeats-live"])


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file, below its sections of the legacy layout."""
    lines = list(csv.reader(path.read_text().splitlines()))
    heading = next(number for number, line in enumerate(lines) if "Tickets Sold" in line)
    return [dict(zip(lines[heading], line, strict=True)) for line in lines[heading + 1 :]]


def be_making(rows: int, *, total: int) -> None:
    """Let the report be as far as a worker would say in its heartbeat."""
    now = timezone.now()
    GeneratedReport.objects.update(
        state=ReportState.MAKING, row_count=rows, row_total=total, started_at=now, heartbeat_at=now, attempt=1
    )


def tab_to(page: "Page", name: str) -> None:
    """Press Tab until what has the focus is called `name` at its beginning, as a screen reader would say."""
    seen = []
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(NAME_OF_THE_FOCUS))
        if seen[-1].startswith(name):
            return
    raise AssertionError(f"Tab never led to {name!r}, but to {seen}")


NAME_OF_THE_FOCUS = """() => {
  const at = document.activeElement;
  const name = at.labels?.[0]?.innerText ?? at.ariaLabel ?? at.innerText ?? "";
  // The icon's own text comes before a link's.
  return name.replace(/^add\\s+/, "").trim();
}"""
