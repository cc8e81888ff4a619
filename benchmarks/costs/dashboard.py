"""
The admin's dashboard over years of evenings: how many statements, how long, and does any read all scans?

DASHBOARD_SCANS makes it smaller, for a look while developing.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.costs.row import Row, plain
from benchmarks.rig.server import DATABASE, Server

SCANS = int(os.environ.get("DASHBOARD_SCANS", "10000000"))
SALES = SCANS // 10
EVENTS = 500
ROUNDS = 20
TITLE = "The dashboard, with 10 million scans and 1 million sales"
PAGES = {"the page": ("/admin/", 12), "the live numbers": ("/admin/live.json", 6)}
LARGE = {"ticket_scans", "raw_sales", "invalid_attempts", "admissions"}

# An event every day, the last one tonight; each with its scans within four hours, stored in their order.
# The ids of scans count upwards: random ones would take minutes to index, and nobody asks for them here.
_SCANS = f"""
INSERT INTO events (event_id, name, starts_at)
    SELECT 'event-' || n, 'Event ' || n, now() - n * interval '1 day' FROM generate_series(0, {EVENTS - 1}) n;
INSERT INTO ticket_scans
    (scan_id, event_id, ticket_id, outcome, reason, is_genuine, gate, scanner_id, scanned_at, received_at)
    SELECT lpad(to_hex(n), 32, '0')::uuid, 'event-' || e, 'T-' || n,
        CASE WHEN n % 50 = 0 THEN 'refused' WHEN n % 50 = 1 THEN 'duplicate' ELSE 'admitted' END,
        CASE WHEN n % 50 = 0 THEN 'malformed' ELSE '' END, true, 'gate ' || n % 7, 'scanner', at, at
    FROM generate_series(1, {SCANS}) n,
        LATERAL (SELECT {EVENTS - 1} - (n - 1) / {SCANS // EVENTS} AS e) event,
        LATERAL (SELECT now() - e * interval '1 day' - random() * interval '4 hours' AS at) instant;
INSERT INTO invalid_attempts
    (attempt_id, event_id, ticket_id, reason, detail, gate, scanner_id, scan_id, attempted_at, received_at)
    SELECT scan_id, event_id, ticket_id, reason, '', gate, scanner_id, scan_id, received_at, received_at
    FROM ticket_scans WHERE outcome = 'refused';
INSERT INTO analytics_stats
    (event_id, day, shard, last_updated, scan_count, admitted_count, duplicate_count, refused_count)
    SELECT event_id, (received_at AT TIME ZONE 'UTC')::date, 0, max(received_at), count(*),
        count(*) FILTER (WHERE outcome = 'admitted'), count(*) FILTER (WHERE outcome = 'duplicate'),
        count(*) FILTER (WHERE outcome = 'refused')
    FROM ticket_scans GROUP BY 1, 2"""
_SALES = f"""
INSERT INTO raw_sales
    (source, sale_id, event_id, kind, quantity, amount, currency, sold_at, ticket_id, sale_date)
    SELECT 'shop', 'S-' || n, 'event-' || n % {EVENTS}, 'sale', 1, 20, 'EUR', now(), 'T-' || n,
        current_date - n % 60
    FROM generate_series(1, {SALES}) n;
INSERT INTO daily_ticket_sales
    (event_id, sale_date, currency, tickets_sold, revenue, row_count, last_updated)
    SELECT event_id, sale_date, currency, sum(quantity), sum(amount), count(*), now()
    FROM raw_sales GROUP BY 1, 2, 3;
INSERT INTO event_sales_summary
    (event_id, event_name, currency, total_tickets, total_revenue, row_count, last_updated)
    SELECT event_id, event_id, currency, sum(tickets_sold), sum(revenue), sum(row_count), now()
    FROM daily_ticket_sales GROUP BY 1, 3"""


def run(server: Server) -> Sequence[Row]:
    """Return the statements and the milliseconds of the page and of its refresh."""
    _set_up(server.postgres.url(DATABASE))
    from django.test import Client

    _fill()
    client = Client(SERVER_NAME="localhost")
    client.force_login(_superuser())
    rows = [plain("scans, sales", f"{_count('ticket_scans'):,}, {_count('raw_sales'):,}")]
    for name, (address, limit) in PAGES.items():
        rows += _measure(name, partial(client.get, address), limit)
    return [*rows, *_statistics(client)]


def _statistics(client: Any) -> list[Row]:
    """Return how long the totals take that the API gives, and how long it takes to count instead."""
    from django.conf import settings
    from django.db import connection

    headers = {"X-Service-Key": settings.SERVICE_API_KEY}

    def ask(query: str) -> None:
        assert client.get(f"/stats{query}", headers=headers).status_code == HTTPStatus.OK

    def count(condition: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT event_id, outcome, count(*) FROM ticket_scans {condition} GROUP BY 1, 2")
            cursor.fetchall()

    rows = []
    for what, query, condition in (
        ("an event", "?event_id=event-7", "WHERE event_id = 'event-7'"),
        (f"all {EVENTS} events", "", ""),
    ):
        # And now they are warm.
        ask(query)
        count(condition)
        asked = median(_milliseconds(partial(ask, query)) for _ in range(ROUNDS))
        counted = median(_milliseconds(partial(count, condition)) for _ in range(3))
        rows.append(
            plain(
                f"/stats of {what}: median of {ROUNDS}, and counting its scans",
                f"{asked:.1f} ms, {counted:,.0f} ms",
            )
        )
    return rows


def _set_up(url: str) -> None:
    keys = ("SECRET_KEY", "QR_SIGNING_KEY", "SERVICE_API_KEY")
    os.environ.update({key: secrets.token_hex(32) for key in keys})
    os.environ.update({"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"})
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


def _fill() -> None:
    """Store the facts; the indexes of scans are made once the rows are there, in a third of the time."""
    from django.db import connection

    from analytics.models import Scan

    with connection.schema_editor() as editor:
        for index in Scan._meta.indexes:
            editor.remove_index(Scan, index)
    # The foreign keys hold by themselves here; checking each row would take ten times as long.
    _execute("SET session_replication_role = replica", "SET maintenance_work_mem = '512MB'")
    _execute(*_SCANS.split(";"), *_SALES.split(";"))
    with connection.schema_editor() as editor:
        for index in Scan._meta.indexes:
            editor.add_index(Scan, index)
    # A connection of before would keep the settings.
    connection.close_pool()  # type: ignore[attr-defined]
    _execute("VACUUM ANALYZE")


def _execute(*statements: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _count(table: str) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


def _superuser() -> Any:
    from django.contrib.auth.models import User

    return User.objects.create(username="staff", is_staff=True, is_superuser=True)


def _measure(name: str, ask: Callable[[], Any], limit: int) -> list[Row]:
    assert ask().status_code == HTTPStatus.OK  # and now it is warm
    with _recorded() as (own, orm):
        ask()
    count = len(own) + len(orm)
    scanned = {node["Relation Name"] for node in _nodes(own) if node["Node Type"] == "Seq Scan"} & LARGE
    return [
        Row(f"{name}: statements", str(count), f"at most {limit}", count <= limit),
        plain(f"{name}: median of {ROUNDS}", f"{median(_milliseconds(ask) for _ in range(ROUNDS)):.1f} ms"),
        Row(f"{name}: large tables read as a whole", ", ".join(scanned) or "none", "none", not scanned),
    ]


def _milliseconds(ask: Callable[[], Any]) -> float:
    start = perf_counter()
    ask()
    return (perf_counter() - start) * 1000


@contextmanager
def _recorded() -> Iterator[tuple[list[tuple[str, Any]], Any]]:
    """Record what SQLAlchemy sends, with its values, and what the ORM sends, while the block runs."""
    import sqlalchemy as sa
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from core.db import get_engine

    own: list[tuple[str, Any]] = []

    def note(conn: Any, cursor: Any, statement: str, values: Any, *rest: Any) -> None:
        own.append((statement, values))

    sa.event.listen(get_engine(), "before_cursor_execute", note)
    with CaptureQueriesContext(connection) as orm:
        yield own, orm
    sa.event.remove(get_engine(), "before_cursor_execute", note)


def _nodes(statements: Sequence[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    from core.db import get_engine

    for statement, values in statements:
        with get_engine().connect() as connection:
            explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one()
        plan = json.loads(explained) if isinstance(explained, str) else explained
        yield from _below(plan[0]["Plan"])


def _below(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _below(each)
