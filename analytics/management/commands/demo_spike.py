"""`manage.py demo_spike`: send signed validations to the running service, and show what Postgres saw."""

import http.client
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.live import Live
from rich.table import Table

from analytics import demo
from analytics.models import Event
from analytics.spike import alternatives, live, picture
from analytics.spike.connection import Connection
from analytics.spike.course import Course
from analytics.spike.run import Result, Spike
from core import db

LOOPBACK = ("127.0.0.1", "localhost", "::1")


ALTERNATIVES = (
    "one-statement",
    "engine-per-write",
    "queuepool",
    "persistent",
    "django-pool",
    "django-db-connection-pool",
    "pgbouncer",
)


class Command(BaseCommand):
    help = "A spike at the gates of the demo event, against the service of this machine only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--clients", type=int, default=200, help="scanners that send at the same time")
        parser.add_argument("--seconds", type=float, default=10.0)
        parser.add_argument("--url", default=f"http://127.0.0.1:{settings.PORT}")
        parser.add_argument(
            "--system",
            action="append",
            default=[],
            choices=[*ALTERNATIVES, "all"],
            help="afterwards against this, on a Postgres of its own; may be given several times",
        )
        parser.add_argument("--png", type=Path, help="draw what happened into this file")

    def handle(
        self, *, clients: int, seconds: float, url: str, system: list[str], png: Path | None, **options: Any
    ) -> None:
        others = list(dict.fromkeys(ALTERNATIVES if "all" in system else system))
        refuse_other_hosts(url)
        refuse_absent_service(url)
        refuse_absent_event()
        if others:
            alternatives.refuse_absent_module()
        key = settings.SERVICE_API_KEY
        # The alternatives decide nothing: they are shown only tickets that are right.
        spike = Spike(service_key=key, client_count=clients, seconds=seconds, is_mixed=not others)
        console = Console(file=self.stdout)  # type: ignore[arg-type]
        # Each serving process has a pool like this one's.
        bound = settings.WEB_WORKERS * db.pool_stats().max
        courses: list[Course] = []
        with Live(console=console, auto_refresh=False, transient=True) as screen:

            def follow(course: Course) -> None:
                if course not in courses:
                    courses.append(course)
                screen.update(live.table(courses, clients=clients), refresh=screen.console.is_terminal)

            result = spike.on_the_service(url, bound=bound, follow=follow)
            for name in others:
                with alternatives.started(name) as other:
                    spike.on_another(name, other, follow)
        if others:
            console.print(live.table(courses, clients=clients, is_over=True))
        console.print(table(result, client_count=clients, seconds=seconds))
        if png is not None:
            draw(courses, png)
            console.print(f"drew {png}")
        if faults := result.faults():
            raise CommandError("the spike failed: " + "; ".join(faults))


def draw(courses: Sequence[Course], path: Path) -> None:
    """
    Draw the courses.

    Raises:
        CommandError: that is not possible; the message says why.
    """
    try:
        picture.draw(courses, path)
    except (picture.NoPicture, OSError) as error:
        raise CommandError(str(error)) from None


def refuse_other_hosts(url: str) -> None:
    """
    Make sure that the spike goes to no other machine.

    Raises:
        CommandError: `url` is not one of this machine's loopback addresses.

    """
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK:
        raise CommandError(f"--url {url} is not this machine: use http:// and one of {', '.join(LOOPBACK)}")


def refuse_absent_service(url: str) -> None:
    """
    Make sure that the service answers, before hundreds of clients send.

    Raises:
        CommandError: it does not.

    """
    connection = Connection(url, timeout=5.0)
    try:
        connection.ask("/health")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CommandError(
            f"no service at {url} ({error}): start it with `make run` in another terminal"
        ) from None
    finally:
        connection.close()


def refuse_absent_event() -> None:
    """
    Make sure that the database is a demo's: the spike leaves scans behind.

    Raises:
        CommandError: the demo event is not there.

    """
    if not Event.objects.filter(event_id=demo.EVENT_ID).exists():
        raise CommandError(f'no event "{demo.EVENT_ID}" in this database: `make run` seeds it')


def table(result: Result, *, client_count: int, seconds: float) -> Table:
    """Return the result as rows of name and value."""
    tally = result.tally
    shown = Table(title=f"{client_count} clients, {seconds:.1f} s", show_header=False)
    percentiles = " / ".join(f"{tally.percentile(percent):.0f}" for percent in (50, 95, 99, 100))
    for name, value in (
        ("requests", f"{tally.request_count:,}"),
        ("requests per second", f"{tally.request_count / seconds:,.0f}"),
        *((f"  {outcome}", f"{count:,}") for outcome, count in tally.outcomes.most_common()),
        ("failed", f"{tally.faults.total():,}"),
        ("latency ms, p50 / p95 / p99 / max", percentiles),
        ("most connections seen, of the bound", f"{result.connections.most} of {result.bound}"),
        ("  times counted", f"{result.connections.sample_count:,}"),
        *((f"/health/db: {answer}", f"{count:,}") for answer, count in result.health.answers.most_common()),
        ("  slowest, ms", f"{result.health.slowest:.0f}"),
    ):
        shown.add_row(name, value)
    return shown
