"""`manage.py demo_spike`: send signed validations to the running service, and show what Postgres saw."""

import http.client
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from analytics import demo
from analytics.models import Event
from analytics.spike import run as spike
from analytics.spike.clients import Connection
from core import db

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Command(BaseCommand):
    help = "A spike at the gates of the demo event, against the service of this machine only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--clients", type=int, default=200, help="scanners that send at the same time")
        parser.add_argument("--seconds", type=float, default=10.0)
        parser.add_argument("--url", default=f"http://127.0.0.1:{settings.PORT}")

    def handle(self, *, clients: int, seconds: float, url: str, **options: Any) -> None:
        refuse_other_hosts(url)
        refuse_absent_service(url)
        refuse_absent_event()
        result = spike.run(
            url=url,
            service_key=settings.SERVICE_API_KEY,
            client_count=clients,
            seconds=seconds,
            # Each serving process has a pool like this one's.
            bound=settings.WEB_WORKERS * db.pool_stats().max,
        )
        Console(file=self.stdout).print(table(result, client_count=clients))  # type: ignore[arg-type]
        if faults := result.faults():
            raise CommandError("the spike failed: " + "; ".join(faults))


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
        connection.ask("GET", "/health")
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


def table(result: spike.Result, *, client_count: int) -> Table:
    """Return the result as rows of name and value."""
    tally = result.tally
    shown = Table(title=f"{client_count} clients, {result.seconds:.1f} s", show_header=False)
    percentiles = " / ".join(f"{tally.percentile(percent):.0f}" for percent in (50, 95, 99, 100))
    for name, value in (
        ("requests", f"{tally.request_count:,}"),
        ("requests per second", f"{tally.request_count / result.seconds:,.0f}"),
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
