"""Every page of the evening: live, on a phone, for everybody, and without a hidden fault."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.utils import timezone

from analytics import qr, services
from analytics.models import Event
from analytics.tests.conftest import ticket
from reports import services as report_services
from reports.catalogue import Parameters
from reports.models import EventAccess, FileFormat
from reports.tests.browser.conftest import NARROW, Open
from reports.tests.browser.evening import make_evening
from reports.tests.browser.watching import asks_no_more
from reports.tests.staff import member
from reports.worker import run_queue

if TYPE_CHECKING:
    from playwright.sync_api import Page

LIST = "/admin/reports/generatedreport/"


@pytest.fixture
def addresses(boss: User, storage_folder: Path) -> dict[str, str]:
    """Every page that staff use, with something on it."""
    now = timezone.now()
    make_evening(now, is_short=True)
    asked = Parameters(start=now.date().replace(day=1), end=now.date().replace(year=now.year + 1, day=1))
    made, waiting = (
        report_services.request_report(
            user=boss, slug=slug, parameters=asked, file_format=FileFormat.XLSX, now=now
        )
        for slug in ("daily-sales", "transfers")
    )
    run_queue(now=now)
    waiting = report_services.make_again(user=boss, generated=waiting, now=now)
    return {
        "dashboard": "/admin/",
        "event": "/admin/events/afrobeats-live/live/",
        "ticket": "/admin/tickets/?ticket_id=afrobeats-live-0001",
        "list": LIST,
        "form": f"{LIST}add/",
        "made": f"{LIST}{made.pk}/change/",
        "waiting": f"{LIST}{waiting.pk}/change/",
        "schedules": "/admin/reports/schedule/",
        "schedule": "/admin/reports/schedule/add/",
        "downloads": "/admin/reports/download/",
    }


@contextmanager
def every(addresses: dict[str, str], page: "Page") -> Iterator[Iterator[str]]:
    """Lead `page` from address to address."""

    def visits() -> Iterator[str]:
        for name, address in addresses.items():
            page.goto(address)
            page.wait_for_load_state("networkidle")
            yield name

    yield visits()


class TestLogin:
    def test_leads_to_the_dashboard(self, open_page: Open, boss: User) -> None:
        with open_page() as page:
            page.goto("/")
            page.get_by_label("Username").fill("boss")
            page.locator("input[name=password]").fill("boss-of-the-tests")
            page.keyboard.press("Enter")

            page.get_by_role("heading", name="Tonight's events").wait_for()
            assert page.title().startswith("Tonight")


class TestDashboard:
    def test_shows_a_scan_without_a_reload(self, open_page: Open, boss: User, tonight: Event) -> None:
        with open_page(boss) as page:
            page.goto("/admin/")
            page.evaluate("window.isTheSamePage = true")
            assert page.locator("[data-total=admitted_count]").inner_text() == "0"

            let_in("T-1", tonight)

            page.locator("[data-total=admitted_count]", has_text="1").wait_for()
            assert page.evaluate("window.isTheSamePage === true")


class TestAnEventsPage:
    def test_of_an_event_that_was_taken_from_its_reader_says_so_and_asks_no_more(
        self, open_page: Open, tonight: Event
    ) -> None:
        other = Event.objects.create(event_id="other", name="Another")
        usher = member("usher", events=(tonight,))
        with open_page(usher, refused=404) as page:
            page.clock.install()
            page.goto("/admin/events/tonight/live/")
            page.get_by_role("status").filter(has_text="Live").wait_for()

            EventAccess.objects.update(event=other)
            page.clock.run_for(5_000)

            said = page.get_by_role("status").filter(has_text="This event is gone, or you may not see it")
            said.wait_for()
            assert asks_no_more(page, "live.json")
            said.get_by_role("link", name="Load the page again").click()
            page.get_by_text("Not Found").first.wait_for()


class TestEveryPage:
    @pytest.mark.slow
    def test_fits_a_phone(self, open_page: Open, boss: User, addresses: dict[str, str]) -> None:
        with open_page(boss, viewport=NARROW) as page, every(addresses, page) as visits:
            too_wide = {name: page.evaluate(WIDTH_BEYOND) for name in visits}

        assert {name: beyond for name, beyond in too_wide.items() if beyond} == {}

    def test_asks_for_an_icon_that_exists(self, open_page: Open, boss: User) -> None:
        with open_page(boss) as page:
            page.goto("/admin/")
            icon = page.locator("link[rel=icon]").get_attribute("href")

            assert page.request.get(str(icon)).ok
            assert page.request.get("/favicon.ico").ok

    @pytest.mark.slow
    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_has_no_serious_fault_of_accessibility(
        self, open_page: Open, boss: User, addresses: dict[str, str], theme: str
    ) -> None:
        with open_page(boss, color_scheme=theme) as page, every(addresses, page) as visits:
            found = {name: serious_faults(page) for name in visits}

        assert {name: faults for name, faults in found.items() if faults} == {}

    def test_of_the_login_has_none_either(self, open_page: Open) -> None:
        with open_page() as page:
            page.goto("/admin/login/")

            assert serious_faults(page) == []


WIDTH_BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def serious_faults(page: "Page") -> list[str]:
    """Return what axe finds serious or critical, each with where."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:160]} ({node['failureSummary'][:200]})"
        for violation in violations
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


def let_in(ticket_id: str, event: Event) -> None:
    now = timezone.now()
    services.record_scan(
        reading=qr.read(ticket(ticket_id, event=event.event_id)),
        scan_id=uuid.uuid4(),
        gate="north",
        scanner_id="scanner 1",
        scanned_at=now,
        received_at=now,
    )
