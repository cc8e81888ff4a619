"""`manage.py etl` as the tests start it: in this process, or as a child that can be stopped."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from core.embedded import EmbeddedPostgres
from etl.models import DailyTicketSales, EventSalesSummary, RawSale
from etl.tests.held_upstream import TOKEN

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Ended:
    """How the command ended; `error` is its sentence on standard error."""

    code: int
    output: str
    error: str = ""

    @property
    def records(self) -> list[dict[str, Any]]:
        """The output's lines, each read as JSON."""
        return [json.loads(line) for line in self.output.splitlines()]


class Terminal(io.StringIO):
    """Standard output that a person watches."""

    def isatty(self) -> bool:
        return True


def etl(*arguments: object, stdout: io.StringIO | None = None) -> Ended:
    """Run the command here, to its end."""
    stdout = stdout or io.StringIO()
    try:
        call_command("etl", *map(str, arguments), stdout=stdout, no_color=True)
    except CommandError as error:
        return Ended(error.returncode, stdout.getvalue(), str(error))
    return Ended(0, stdout.getvalue())


@contextmanager
def child(postgres: EmbeddedPostgres, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """Start the command in a process of its own, on the test's database; it is gone after the block."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "etl", *map(str, arguments)],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": postgres.url(connection.settings_dict["NAME"]),
            "SECRET_KEY": settings.SECRET_KEY,
            "QR_SIGNING_KEY": settings.QR_SIGNING_KEY,
            "SERVICE_API_KEY": settings.SERVICE_API_KEY,
            # Set, so that nothing of a developer's `.env` reaches it.
            "DATABASE_PASSWORD_FILE": "",
            "DATABASE_PASSWORD_COMMAND": "",
            "ETL_SOURCE_URL": "",
            "ETL_SOURCE_TOKEN": TOKEN,
            "ETL_CURRENCY": "",
            "ETL_TIMEZONE": "",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def sales(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Return `count` sales of tonight's event, one minute after the other."""
    return [
        {
            "sale_id": f"sale {number}",
            "event_id": "tonight",
            "quantity": 2,
            "total_amount": "20.50",
            "currency": "NGN",
            "sale_date": iso(NOON + timedelta(minutes=number)),
            "updated_at": iso(NOON + timedelta(minutes=number)),
            **changes,
        }
        for number in range(1, count + 1)
    ]


def iso(at: datetime) -> str:
    """Write an instant as the upstream does."""
    return at.isoformat().replace("+00:00", "Z")


def json_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write `rows` as a file that `--source` takes."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def stored() -> tuple[list[Any], ...]:
    """Return the raw sales and the summaries, without the times at which they were written."""
    days = ("event", "sale_date", "currency", "tickets_sold", "revenue", "row_count")
    totals = ("event", "event_name", "currency", "total_tickets", "total_revenue", "row_count")
    return (
        list(RawSale.objects.order_by("source", "sale_id").values()),
        list(DailyTicketSales.objects.order_by(*days[:3]).values_list(*days)),
        list(EventSalesSummary.objects.order_by("event", "currency").values_list(*totals)),
    )
