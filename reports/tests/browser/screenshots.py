"""
`make screenshots`: takes the pictures in docs/screenshots, of pages that show an invented evening.

Not among the tests: its name does not begin with test_, so only that command runs it.
"""

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from PIL import Image

from reports import services
from reports.catalogue import Parameters
from reports.models import Cadence, Delivery, FileFormat, GeneratedReport, ReportState, Schedule
from reports.tests.browser.conftest import NARROW, Open
from reports.tests.browser.evening import make_evening
from reports.worker import run_queue

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "screenshots"
FORM = "/admin/reports/generatedreport/add/"


@pytest.fixture
def _evening(transactional_db: None, boss: User, storage_folder: Path) -> None:
    now = timezone.now()
    make_evening(now)
    first, end = now.date() - timedelta(days=6), now.date() + timedelta(days=1)
    for slug, file_format, event_ids in (
        ("refused-scans", FileFormat.PDF, None),
        ("gate-activity", FileFormat.CSV, ("afrobeats-live",)),
        ("daily-sales", FileFormat.XLSX, None),
        ("reconciliation", FileFormat.PDF, None),
    ):
        asked = Parameters(start=first, end=end, event_ids=event_ids)
        services.request_report(
            user=boss, slug=slug, parameters=asked, file_format=file_format, now=timezone.now()
        )
    run_queue(now=timezone.now())
    _schedule(boss)


def _schedule(owner: User) -> None:
    common = {"owner": owner, "delivery": Delivery.EMAIL, "next_run_at": timezone.now() + timedelta(hours=9)}
    Schedule.objects.create(
        report="daily-sales",
        format=FileFormat.XLSX,
        cadence=Cadence.DAILY,
        timezone="Europe/London",
        recipients="organiser@example.org",
        last_run_at=timezone.now() - timedelta(hours=15),
        **common,
    )
    Schedule.objects.create(
        report="reconciliation",
        format=FileFormat.PDF,
        cadence=Cadence.WEEKLY,
        timezone="Europe/Warsaw",
        recipients="venue@example.org",
        **common,
    )


def _take(page: "Page", name: str, *, height: int = 2_000) -> None:
    """Save the page as it is, as high as it is but for `height` pixels at most."""
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    width = page.viewport_size["width"] if page.viewport_size else 0
    needed = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": min(needed, height)})
    # The charts grow into place.
    page.wait_for_timeout(900)
    FOLDER.mkdir(exist_ok=True)
    _save(page.screenshot(), FOLDER / f"{name}.png")
    page.set_viewport_size({"width": width, "height": 768})


def _save(picture: bytes, path: Path) -> None:
    """Save a third of the bytes: 256 colours are as many as these pages have."""
    with Image.open(BytesIO(picture)) as full:
        full.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


@pytest.mark.usefixtures("_evening")
class TestScreenshots:
    def test_of_every_page(self, open_page: Open, boss: User) -> None:
        made = GeneratedReport.objects.get(report="daily-sales", state=ReportState.MADE)
        pages = {
            "dashboard": "/admin/",
            "event": "/admin/events/afrobeats-live/live/",
            "ticket": "/admin/tickets/?ticket_id=afrobeats-live-0001",
            "reports": "/admin/reports/generatedreport/",
            "new-report": f"{FORM}?report=daily-sales&events=afrobeats-live",
            "report": f"/admin/reports/generatedreport/{made.pk}/change/",
            "schedules": "/admin/reports/schedule/",
            "schedule": "/admin/reports/schedule/add/",
            "pool": "/admin/pool/",
        }
        with open_page(boss) as page:
            for name, address in pages.items():
                page.goto(address)
                _take(page, name)

    def test_of_the_login(self, open_page: Open) -> None:
        with open_page() as page:
            page.goto("/admin/login/")
            _take(page, "login")

    def test_in_the_dark(self, open_page: Open, boss: User) -> None:
        with open_page(boss, color_scheme="dark") as page:
            page.goto("/admin/")
            _take(page, "dashboard-dark")
            made = GeneratedReport.objects.get(report="daily-sales")
            page.goto(f"/admin/reports/generatedreport/{made.pk}/change/")
            _take(page, "report-dark")

    def test_on_a_phone(self, open_page: Open, boss: User) -> None:
        with open_page(boss, viewport=NARROW) as page:
            page.goto("/admin/")
            _take(page, "dashboard-phone", height=1400)
            page.goto(FORM)
            _take(page, "new-report-phone", height=1400)
