"""
`manage.py doctor`: is each database of `core.backend` in order? A line for each question, with its cure.

It asks for nothing but DATABASES. A service adds questions, and its own names of settings, by a subclass.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import repeat
from time import monotonic
from typing import Any, Literal, NamedTuple

import django
import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.migrations.executor import MigrationExecutor

from core import checks
from core.budget import ConnectionBudget
from core.pool import SharedPool, liveness
from core.pool.classes import TIME_LIMITS, BorrowerClass

Verdict = Literal["ok", "warn", "fail"]

MINIMUM_SERVER = 14
SLOW_PING_MILLISECONDS = 20.0
PING_SECONDS = 5.0
_LIMITS = """
    SELECT current_setting('server_version'),
           current_setting('server_version_num')::int / 10000,
           current_setting('max_connections')::int,
           current_setting('superuser_reserved_connections')::int
             + coalesce(current_setting('reserved_connections', true), '0')::int
"""
_ROLE = """
    SELECT quote_ident(current_user), current_setting('lock_timeout'), current_setting('statement_timeout')
"""


class Server(NamedTuple):
    """What a server says of itself."""

    version: str
    major: int
    max_connections: int
    reserved: int


@dataclass(frozen=True)
class Finding:
    """The answer to one question; `cure` says what to type or change."""

    verdict: Verdict
    text: str
    cure: str = ""


class Command(BaseCommand):
    help = "Check pools, databases, servers and migrations; exit 1 when something must be changed."
    # It reports the system checks itself, as findings.
    requires_system_checks = ()
    unreachable_cure = "start it, or correct DATABASES"

    def handle(self, **options: Any) -> None:
        failure_count = 0
        for finding in self.examine():
            self._tell(finding)
            failure_count += finding.verdict == "fail"
        if failure_count:
            raise CommandError(f"{failure_count} checks failed: see the lines that begin with `fail`")

    def _tell(self, finding: Finding) -> None:
        style = {"ok": self.style.SUCCESS, "warn": self.style.WARNING, "fail": self.style.ERROR}
        cure = f"\n      -> {finding.cure}" if finding.cure else ""
        self.stdout.write(f"{style[finding.verdict](finding.verdict):<5} {finding.text}{cure}")

    def examine(self) -> Iterator[Finding]:
        """Yield one finding for each question; where there are several databases, it names its own."""
        aliases = checks.aliases()
        if not aliases:
            yield Finding("fail", f"no database uses {checks.ENGINE}", "set it as ENGINE in DATABASES")
        for alias in aliases:
            for finding in self.examine_database(alias):
                yield finding if len(aliases) == 1 else replace(finding, text=f"{alias}: {finding.text}")

    def examine_database(self, alias: str) -> Iterator[Finding]:
        """Yield the findings of one database; those about the server only when it answers."""
        pool = pool_of(alias)
        yield from self.pool_settings(alias)
        if pool is not None:
            yield from map(described_class, pool.classes, repeat(pool))
        reached = self.database(alias)
        yield reached
        if reached.verdict != "fail":
            server = limits(alias)
            yield version(server)
            if pool is not None:
                yield self.budget(connection_budget(server, self.processes(), pool_bound=pool.max_size))
                yield from unlimited_sessions(alias, pool)
            # Django migrates other databases as its routers have it.
            if alias == DEFAULT_DB_ALIAS:
                yield migrations()

    def pool_settings(self, alias: str) -> Iterator[Finding]:
        """Is there a pool, and do its settings fit together?"""
        pool = pool_of(alias)
        if pool is None:
            yield Finding("warn", "no pool: each thread opens a connection", 'set OPTIONS["pool"] = True')
            return
        messages = list(checks.check_database(alias))
        for message in messages:
            yield Finding("warn", str(message.msg), str(message.hint))
        if not messages:
            yield described(pool.min_size, pool.max_size, pool.timeout)

    def database(self, alias: str) -> Finding:
        """Does the database answer, through the pool where there is one?"""
        try:
            milliseconds = ping(alias)
        except (psycopg.OperationalError, OperationalError) as error:
            return Finding("fail", f"the database does not answer: {error}", self.unreachable_cure)
        if milliseconds > SLOW_PING_MILLISECONDS:
            return Finding(
                "warn", f"SELECT 1 took {milliseconds:.1f} ms", "bring the service nearer to its database"
            )
        return Finding("ok", f"the database answers: SELECT 1 took {milliseconds:.1f} ms")

    def processes(self) -> int:
        """How many processes have such a pool? It takes a subclass to know more than of this one."""
        return 1

    def budget(self, needed: ConnectionBudget) -> Finding:
        """Does what the processes may open fit into what the server grants?"""
        text = f"connections: processes x max_size + commands = {needed}"
        if needed.fits:
            return Finding("ok", f"{text}; there is room for {needed.room} processes")
        cure = "lower max_size, or raise the server's max_connections"
        return Finding("fail", text, f"{needed.excess} too many: {cure}")


def pool_of(alias: str) -> SharedPool | None:
    """Return the pool of a database, or None where there is none."""
    # django-stubs knows the generic connection only.
    pool: SharedPool | None = connections[alias].pool  # type: ignore[attr-defined]
    return pool


def described(min_size: int, max_size: int, timeout: float) -> Finding:
    """How large is the pool?"""
    return Finding("ok", f"pool of {min_size} to {max_size} connections, wait {timeout:g} s")


def described_class(each: BorrowerClass, pool: SharedPool) -> Finding:
    """What may a class of borrowers have, of the pool and of the server's time?"""
    places = pool.max_size if each.places is None else min(each.places, pool.max_size)
    wait = pool.timeout if each.timeout is None else min(each.timeout, pool.timeout)
    limits = [
        f"{name} {each.time_limits.get(name, 0):g} s" for name in TIME_LIMITS if each.time_limits.get(name)
    ]
    return Finding(
        "ok",
        f"class {each.name}: up to {places} of {pool.max_size} connections, wait {wait:g} s; "
        f"{', '.join(limits) or 'no time limits'}",
    )


def unlimited_sessions(alias: str, pool: SharedPool) -> Iterator[Finding]:
    """
    Where a pooler shares the sessions: does the server itself end a statement outside of a transaction?

    Such a statement takes no limit along; those of a role or a database hold behind any pooler.
    """
    if pool.keeps_session or not list(pool.classes):
        return
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT current_user, current_setting('lock_timeout'), current_setting('statement_timeout')"
        )
        role, *found = cursor.fetchone()
    if "0" in found:
        yield Finding(
            "warn",
            "behind the pooler, a single statement outside of a transaction has no time limits",
            f"ALTER ROLE {role} SET lock_timeout = '5s'; ALTER ROLE {role} SET statement_timeout = '30s'; "
            "each transaction sets those of its class over them",
        )


def ping(alias: str) -> float:
    """
    Return the milliseconds that SELECT 1 takes, once there is a connection.

    Raises:
        psycopg.OperationalError, django.db.OperationalError: no connection, or no answer.
    """
    pool = pool_of(alias)
    if pool is None:
        return _ping_without_pool(alias)
    pool.open()
    connection = pool.lend(borrower="health", timeout=PING_SECONDS)
    try:
        return liveness.ping(connection, timeout=PING_SECONDS)
    finally:
        connection.close()


def _ping_without_pool(alias: str) -> float:
    with connections[alias].cursor() as cursor:
        started = monotonic()
        cursor.execute("SELECT 1")
        return (monotonic() - started) * 1000


def limits(alias: str) -> Server:
    """Ask a server for its version and its limit of connections."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_LIMITS)
        return Server(*cursor.fetchone())


def connection_budget(server: Server, processes: int, *, pool_bound: int) -> ConnectionBudget:
    """Compare what so many processes may open, each with such a pool, with what the server grants."""
    return ConnectionBudget(
        workers=processes,
        pool_bound=pool_bound,
        max_connections=server.max_connections,
        reserved=server.reserved,
    )


def version(server: Server) -> Finding:
    """Is the server's version one that Django supports?"""
    text = f"PostgreSQL {server.version}, Django {django.get_version()}"
    if server.major < MINIMUM_SERVER:
        return Finding("fail", text, f"use PostgreSQL {MINIMUM_SERVER} or newer")
    return Finding("ok", text)


def migrations() -> Finding:
    """Is the schema the one that the code expects?"""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    count = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if count:
        return Finding("fail", f"{count} migrations are not applied", "run `python manage.py migrate`")
    return Finding("ok", "all migrations are applied")
