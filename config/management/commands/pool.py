"""`manage.py pool`: who holds what, in a terminal."""

from argparse import ArgumentParser
from typing import IO, Any, cast

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from config.service_key import HEADER
from core import db
from core.activity import Backend
from health.holders import BACKEND_HEADERS, OWN_HEADERS

TIMEOUT_SECONDS = 5.0


class Command(BaseCommand):
    help = "List the connections of a running service, and all that the server sees."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default=f"http://127.0.0.1:{settings.PORT}", help="of the service")

    def handle(self, *arguments: Any, **options: Any) -> None:
        console = Console(file=cast("IO[str]", self.stdout), width=None if self.stdout.isatty() else 200)
        backends = db.server_connections()
        console.print(_server_table(backends))
        console.print(_process_table(_ask(options["url"]), {b.backend_pid: b.first_words for b in backends}))


def _ask(url: str) -> dict[str, Any]:
    try:
        response = httpx.get(
            f"{url}/health/pool", headers={HEADER: settings.SERVICE_API_KEY}, timeout=TIMEOUT_SECONDS
        )
        response.raise_for_status()
    except httpx.HTTPError as error:
        raise CommandError(
            f"the service at {url} did not answer ({error}): is it running there, with this key?"
        ) from None
    answer: dict[str, Any] = response.json()
    return answer


def _process_table(answer: dict[str, Any], first_words: dict[int, str]) -> Table:
    pool = answer["pool"]
    table = Table(
        title=f"Process {answer['process_id']}: {pool['checked_out']} of {pool['max']} in use, "
        f"{pool['checked_in']} idle, {pool['connecting']} connecting, {pool['waiting']} waiting"
    )
    table.caption = "; ".join(
        f"{name}: {each['checked_out']} of {each['places']} in use, {each['waiting']} waiting"
        for name, each in pool["classes"].items()
    )
    for name in OWN_HEADERS:
        table.add_column(name)
    for each in answer["connections"]:
        table.add_row(
            each["state"],
            each["borrower"],
            each["borrower_class"],
            each["thread"],
            f"{each['held_seconds']:.1f} s" if each["borrower"] else "",
            f"{each['age_seconds']:.0f} s",
            str(each["backend_pid"]),
            each["borrowed_at"],
            first_words.get(each["backend_pid"], ""),
        )
    return table


def _server_table(backends: list[Backend]) -> Table:
    table = Table(title="Connections to this database, as the server sees them")
    for name in BACKEND_HEADERS:
        table.add_column(name)
    for each in backends:
        table.add_row(
            each.application_name,
            str(each.backend_pid),
            each.state,
            f"{each.in_state_seconds:.1f} s",
            f"{each.age_seconds:.0f} s",
            each.first_words,
        )
    return table
