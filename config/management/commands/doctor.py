"""`manage.py doctor`: is this deployment in order? One line for each question, with the cure if it is not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import django
import sqlalchemy
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config import checks
from core import db
from core.budget import ConnectionBudget

Verdict = Literal["ok", "warn", "fail"]

MINIMUM_SERVER = 14
SLOW_PING_MILLISECONDS = 20.0
PING_SECONDS = 5.0
_LIMITS = """
    SELECT current_setting('server_version') AS version,
           current_setting('server_version_num')::int / 10000 AS major,
           current_setting('max_connections')::int AS max_connections,
           current_setting('superuser_reserved_connections')::int
             + coalesce(current_setting('reserved_connections', true), '0')::int AS reserved
"""


@dataclass(frozen=True)
class Finding:
    """The answer to one question; `cure` says what to type or change."""

    verdict: Verdict
    text: str
    cure: str = ""


class Command(BaseCommand):
    help = "Check keys, database, connection budget and migrations; exit 1 when something must be changed."
    # It reports the system checks itself, as findings.
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        failure_count = 0
        for finding in examine():
            self._tell(finding)
            failure_count += finding.verdict == "fail"
        if failure_count:
            raise CommandError(f"{failure_count} checks failed: see the lines that begin with `fail`")

    def _tell(self, finding: Finding) -> None:
        style = {"ok": self.style.SUCCESS, "warn": self.style.WARNING, "fail": self.style.ERROR}
        cure = f"\n      -> {finding.cure}" if finding.cure else ""
        self.stdout.write(f"{style[finding.verdict](finding.verdict):<5} {finding.text}{cure}")


def examine() -> Iterator[Finding]:
    """Yield one finding for each question; those about the server only when it answers."""
    yield keys()
    yield from pool_settings()
    reached = database()
    yield reached
    if reached.verdict != "fail":
        yield from server()
        yield migrations()


def keys() -> Finding:
    """Are the three keys different? `config.env` has already refused to start with a short one."""
    names = ("SECRET_KEY", "QR_SIGNING_KEY", "SERVICE_API_KEY")
    values = [getattr(settings, name) for name in names]
    if len(set(values)) < len(values):
        return Finding("fail", f"two of {', '.join(names)} are the same", "make a key of its own for each")
    lengths = ", ".join(f"{name} {len(value)}" for name, value in zip(names, values, strict=True))
    return Finding("ok", f"keys are set and differ (characters: {lengths})")


def pool_settings() -> Iterator[Finding]:
    """Do the pool's settings fit together?"""
    messages = checks.check_pool_settings()
    for message in messages:
        yield Finding("warn", str(message.msg), str(message.hint))
    if not messages:
        pool = checks.pool_options()
        yield Finding(
            "ok", f"pool of {pool['min_size']} to {pool['max_size']} connections, wait {pool['timeout']:g} s"
        )


def database() -> Finding:
    """Does the database answer through the pool?"""
    cure = "start it, or correct DATABASE_URL; `make run` starts one of its own"
    milliseconds = _asked(lambda: db.ping(PING_SECONDS))
    if isinstance(milliseconds, Exception):
        return Finding("fail", f"the database does not answer: {milliseconds}", cure)
    if milliseconds > SLOW_PING_MILLISECONDS:
        return Finding(
            "warn", f"SELECT 1 took {milliseconds:.1f} ms", "bring the service nearer to its database"
        )
    return Finding("ok", f"the database answers: SELECT 1 took {milliseconds:.1f} ms")


def server() -> Iterator[Finding]:
    """Is the server recent enough, and does it grant as many connections as a spike may need?"""
    with db.get_engine().connect() as engine_connection:
        row = engine_connection.execute(sqlalchemy.text(_LIMITS)).one()
    yield version(row.version, row.major)
    yield budget(
        ConnectionBudget(
            workers=settings.WEB_WORKERS,
            pool_bound=checks.pool_options()["max_size"],
            max_connections=row.max_connections,
            reserved=row.reserved,
        )
    )


def version(found: str, major: int) -> Finding:
    """Is the server's version one that Django supports?"""
    text = f"PostgreSQL {found}, Django {django.get_version()}"
    if major < MINIMUM_SERVER:
        return Finding("fail", text, f"use PostgreSQL {MINIMUM_SERVER} or newer")
    return Finding("ok", text)


def budget(needed: ConnectionBudget) -> Finding:
    """Does what all workers may open fit into what the server grants?"""
    text = f"connections: WEB_WORKERS x (POOL_SIZE + POOL_MAX_OVERFLOW) + commands = {needed}"
    if needed.fits:
        return Finding("ok", text)
    excess = needed.needed - needed.available
    return Finding(
        "fail", text, f"{excess} too many: lower WEB_WORKERS or POOL_MAX_OVERFLOW, or raise max_connections"
    )


def migrations() -> Finding:
    """Is the schema the one that the code expects?"""
    executor = MigrationExecutor(connection)
    count = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if count:
        return Finding("fail", f"{count} migrations are not applied", "run `python manage.py migrate`")
    return Finding("ok", "all migrations are applied")


def _asked(question: Callable[[], float]) -> float | Exception:
    try:
        return question()
    except Exception as error:
        if db.is_unavailable(error):
            return error
        raise
