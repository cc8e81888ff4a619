"""
A browser in front of the real service: Debian's Chromium, Django's threaded server, the shared pool.

The browser lives for this package only: while it does, its event loop runs in the tests' thread.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import close_old_connections, connections
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from analytics.models import Event
from core.tests.fixtures import eventually
from reports import worker
from reports.tests.browser.watching import Watch
from reports.tests.staff import member

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without a sandbox it starts as root, too; without a network of its own it asks nobody but us.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


def _missing(what: str) -> NoReturn:
    """Skip on a developer's machine; CI installs it, so there it is a fault."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing: .ci/run installs it")
    pytest.skip(f"{what} is missing: see requirements-dev.txt and .ci/run")


@pytest.fixture(scope="package")
def chromium(django_db_setup: None) -> Iterator["Browser"]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        _missing("chromium")
    # With a loop running, Django knows this thread's connections by another name: none stays behind.
    connections.close_all()
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        # Playwright's loop runs in this thread, which fills the database, too: never while the other runs.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()
        connections.close_all()


@pytest.fixture(scope="package")
def server(django_db_setup: None) -> Iterator[LiveServer]:
    """The service, in threads of this process: its pages, its static files, its downloads."""
    started = LiveServer("127.0.0.1")
    yield started
    started.stop()


@contextmanager
def working() -> Iterator[None]:
    """Let a worker take up reports while the block runs."""
    is_over = threading.Event()

    def run() -> None:
        try:
            while not is_over.is_set():
                if not worker.run_next():
                    is_over.wait(0.05)
                close_old_connections()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, name="report-worker")
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(60)
        assert not thread.is_alive()


Open = Callable[..., AbstractContextManager["Page"]]


@pytest.fixture
def open_page(chromium: "Browser", server: LiveServer, transactional_db: None) -> Open:
    """Opens a page of the service as a user; at the end, nothing on it may have failed but with `refused`."""

    @contextmanager
    def opened(user: User | None = None, *, refused: int | None = None, **options: Any) -> Iterator["Page"]:
        context = chromium.new_context(base_url=server.url, **{"viewport": WIDE, **options})
        if user is not None:
            _log_in(context, user, server.url)
        page = context.new_page()
        page.set_default_timeout(15_000)
        watch = Watch(page, server.url, refused=refused)
        try:
            yield page
        finally:
            context.close()
        assert watch.faults == []

    return opened


def _log_in(context: "BrowserContext", user: User, url: str) -> None:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])


@pytest.fixture
def boss(transactional_db: None) -> User:
    return User.objects.create_superuser("boss", password="boss-of-the-tests")


@pytest.fixture
def seller(transactional_db: None) -> User:
    """A member of staff who may have daily sales and transfers, of every event."""
    return member("seller", "daily-sales", "transfers")


@pytest.fixture
def tonight(transactional_db: None) -> Event:
    """Tonight's concert, which began an hour ago."""
    starts_at = timezone.now() - timedelta(hours=1)
    return Event.objects.create(event_id="tonight", name="Afrobeats Live 2025", starts_at=starts_at)


@pytest.fixture(autouse=True)
def _quiet_server(transactional_db: None) -> Iterator[None]:
    """The tables are emptied only when the last request has given its connection back."""
    yield
    from core.engine.creator import shared_pool

    connections.close_all()
    eventually(lambda: shared_pool().stats().checked_out == 0)
