"""
How Postgres answers the pages' questions, in a year's worth of evenings: by an index, never by reading all.

The kind of the plan is what matters here; benchmarks/costs/dashboard.py measures the time.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from django.db import connection as django_connection
from django.db import transaction
from django.test import Client
from pytest_django import DjangoDbBlocker

from core.db import get_engine
from core.tests.emptying import empty_tables
from reports.tests.dashboard.conftest import Statements, recorded

SIZES = {"events": 100, "scans": 60_000, "sales": 20_000}
LARGE = {"ticket_scans", "admissions", "raw_sales", "invalid_attempts", "ticket_transfers"}

# An event every three days or so, the last one tonight; each with its scans within six hours, in their order.
_A_YEAR = """
-- The foreign keys hold by themselves here; checking each row would take ten times as long.
SET LOCAL session_replication_role = replica;
INSERT INTO events (event_id, name, starts_at)
    SELECT 'event-' || n, 'Event ' || n, now() - n * interval '80 hours'
    FROM generate_series(0, %(events)s - 1) n;
INSERT INTO ticket_scans
    (scan_id, event_id, ticket_id, outcome, reason, is_genuine, gate, scanner_id, scanned_at, received_at)
    SELECT gen_random_uuid(), 'event-' || e, 'T-' || n,
        CASE WHEN n %% 20 = 0 THEN 'refused' ELSE 'admitted' END, '', true, 'gate ' || n %% 5, '', at, at
    FROM generate_series(1, %(scans)s) n,
        LATERAL (SELECT %(events)s - 1 - (n - 1) / (%(scans)s / %(events)s) AS e) event,
        LATERAL (SELECT now() - e * interval '80 hours' - random() * interval '6 hours' AS at) instant;
INSERT INTO admissions (event_id, ticket_id, scan_id, gate, scanner_id, admitted_at)
    SELECT event_id, ticket_id, scan_id, gate, '', received_at FROM ticket_scans WHERE outcome = 'admitted';
INSERT INTO invalid_attempts
    (attempt_id, event_id, ticket_id, reason, detail, gate, scanner_id, scan_id, attempted_at, received_at)
    SELECT gen_random_uuid(), event_id, ticket_id, 'malformed', '', gate, '', scan_id, received_at,
        received_at
    FROM ticket_scans WHERE outcome = 'refused';
INSERT INTO ticket_transfers
    (transfer_id, event_id, ticket_id, from_user, to_user, is_successful, reason, transferred_at, received_at)
    SELECT gen_random_uuid(), event_id, ticket_id, '', '', true, '', received_at, received_at
    FROM ticket_scans WHERE outcome = 'refused';
INSERT INTO raw_sales
    (source, sale_id, event_id, kind, quantity, amount, currency, sold_at, ticket_id, sale_date)
    SELECT 'shop', 'S-' || n, 'event-' || n %% %(events)s, 'sale', 1, 20, 'EUR', now(), 'T-' || n,
        current_date
    FROM generate_series(1, %(sales)s) n;
INSERT INTO analytics_stats (event_id, day, shard, last_updated, scan_count, admitted_count)
    SELECT event_id, (received_at AT TIME ZONE 'UTC')::date, 0, max(received_at), count(*), count(*)
    FROM ticket_scans GROUP BY 1, 2;
ANALYZE events, ticket_scans, admissions, invalid_attempts, ticket_transfers, raw_sales, analytics_stats;
"""


@pytest.fixture(scope="class")
def _year(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The year, for all tests of a class: to write it takes far longer than to ask about it."""
    with django_db_blocker.unblock(), transaction.atomic(), django_connection.cursor() as cursor:
        for statement in _A_YEAR.split(";\n"):
            if statement.strip():
                cursor.execute(statement, SIZES)
    yield
    with django_db_blocker.unblock():
        empty_tables()
        django_connection.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a plan's nodes, the outermost first, each with the kind of the node that it feeds."""
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes({**each, "Feeds": plan["Node Type"]})


def plans(statements: Statements) -> Iterator[dict[str, Any]]:
    """Yield the nodes of every statement's plan, as Postgres plans it with the values that were sent."""
    for statement, values in list(statements):
        with get_engine().connect() as connection:
            explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one()
        plan = json.loads(explained) if isinstance(explained, str) else explained
        yield from nodes(plan[0]["Plan"])


def read_whole(statements: Statements) -> set[str]:
    """Return the tables that are read from their beginning to their end."""
    return {node["Relation Name"] for node in plans(statements) if node["Node Type"] == "Seq Scan"}


def searched(statements: Statements, table: str) -> list[str]:
    """Return what an index of `table` is searched for; a bitmap's index is named without its table."""
    return [node.get("Index Cond", "") for node in _searches(statements, table) if not _is_one_step(node)]


def stepped_into(statements: Statements, table: str) -> list[str]:
    """Return what an index of `table` is entered for, to read its first row of that and no other."""
    return [node["Index Cond"] for node in _searches(statements, table) if _is_one_step(node)]


def _searches(statements: Statements, table: str) -> list[dict[str, Any]]:
    return [node for node in plans(statements) if node.get("Index Name", "").startswith(table)]


def _is_one_step(node: dict[str, Any]) -> bool:
    return node["Node Type"] == "Index Only Scan" and node.get("Feeds") == "Limit"


PAGES = (
    "/admin/",
    "/admin/live.json",
    "/admin/events/event-0/live/",
    "/admin/events/event-0/live.json",
    "/admin/tickets/?ticket_id=T-200",
)


@pytest.mark.usefixtures("_year")
class TestThePlans:
    def test_read_no_large_table_as_a_whole(self, boss: Client) -> None:
        for page in PAGES:
            with recorded() as statements:
                answer = boss.get(page)

            assert answer.status_code == 200
            assert read_whole(statements) & LARGE == set(), page

    def test_find_the_last_hours_by_their_index_of_time(self, boss: Client) -> None:
        for page in ("/admin/", "/admin/live.json", "/admin/events/event-0/live.json"):
            with recorded() as statements:
                boss.get(page)

            scans = searched(statements, "ticket_scans")
            assert scans, page
            assert all("event_id" in each and "received_at" in each for each in scans), page
            attempts = searched(statements, "invalid_attempts")
            assert attempts, page
            assert all("received_at" in each for each in attempts), page

    def test_find_the_newest_scan_of_an_event_in_one_step(self, boss: Client) -> None:
        for page in PAGES[:4]:
            with recorded() as statements:
                boss.get(page)

            (condition,) = stepped_into(statements, "ticket_scans")
            assert "event_id" in condition, page

    def test_find_everything_about_a_ticket_by_its_id(self, boss: Client) -> None:
        with recorded() as statements:
            boss.get(PAGES[-1])

        for table in ("ticket_scans", "ticket_transfers", "invalid_attempts", "raw_sales"):
            assert any("ticket_id" in each for each in searched(statements, table)), table


class TestThisTestItself:
    def test_would_show_a_table_that_is_read_as_a_whole(self, db: None) -> None:
        with recorded() as statements, get_engine().connect() as connection:
            connection.execute(sa.text("SELECT count(scanner_id) FROM ticket_scans WHERE gate = 'gate 1'"))

        assert read_whole(statements) == {"ticket_scans"}
