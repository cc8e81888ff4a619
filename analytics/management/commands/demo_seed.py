"""`manage.py demo_seed`: the demo event, its tickets and an admin user. `serve --demo` calls it."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from analytics import demo

SAMPLE = """Scan a ticket; the second time it is a duplicate:
  head -n 1 {tickets} | curl -s {url}/validate-qr -d @- \\
    -H 'Content-Type: application/json' -H 'X-Service-Key: {key}'
"""


class Command(BaseCommand):
    help = "Seed the event `tonight`, 200 signed tickets and the admin user; safe to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--url", default=f"http://127.0.0.1:{settings.PORT}", help="for the sample request"
        )

    def handle(self, *, url: str, **options: Any) -> None:
        tickets = settings.VAR_DIR / "tickets.jsonl"
        password = _admin_password()
        with transaction.atomic():
            event = demo.seed_event(now=timezone.now())
            is_login = demo.seed_admin(password=password)
        demo.write_tickets(tickets)

        self.stdout.write(
            f'Event "{event.event_id}" has {len(demo.GATES)} gates and {demo.TICKET_COUNT} tickets.'
        )
        login = password if is_login else "(the password that it already had)"
        self.stdout.write(
            f"Admin login: {demo.ADMIN} / {login}; all keys are in {_shown(settings.VAR_DIR)}/demo.env"
        )
        self.stdout.write(SAMPLE.format(tickets=_shown(tickets), url=url, key=settings.SERVICE_API_KEY))


def _admin_password() -> str:
    # No setting of the service: only the demo has an admin whose password stands in a file.
    password = os.environ.get("DEMO_ADMIN_PASSWORD", "")
    if not password:
        raise CommandError("DEMO_ADMIN_PASSWORD is not set: `make run` makes one, in var/demo.env")
    return password


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
