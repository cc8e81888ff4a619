"""
What is tried: each attack, what it does for how long, and whether Postgres is of use meanwhile.
"""

import asyncio
import os
import random
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import psycopg

from benchmarks.costs import report_data
from benchmarks.siege import clients
from benchmarks.siege.stage import Stage

Run = Callable[[Stage, float], Awaitable[None]]
# A table that every scan writes; one that only staff and batches read.
GATES, OTHERS = "admissions", "daily_ticket_sales"
SLEEP = "pg_sleep(3600)"
# What an administrator's own statement waits for a lock.
PATIENCE = "SET lock_timeout = '3s'"


class Attack(NamedTuple):
    """
    One row of the siege.

    Attributes:
        run: does it for so many seconds, and undoes what lasts.
        is_usable: Postgres serves scans meanwhile: none may fail.
        needs_disk: a small one for the server, which only root may mount.
    """

    title: str
    run: Run
    is_usable: bool = True
    needs_disk: bool = False


async def nothing(_: Stage, seconds: float) -> None:
    """Let the scanners be."""
    await asyncio.sleep(seconds)


def many(count: int, client: clients.Client) -> Run:
    """Return an attack by so many clients."""

    async def run(stage: Stage, seconds: float) -> None:
        await clients.crowd(stage, seconds, count, client)

    return run


async def locked_table(stage: Stage, seconds: float) -> None:
    """Hold a lock on a table that every scan writes, as a forgotten session of psql does."""
    async with locked(stage, GATES):
        await asyncio.sleep(seconds)


@asynccontextmanager
async def locked(stage: Stage, table: str) -> AsyncIterator[None]:
    """Lock a table while the block runs."""
    connection: psycopg.Connection[Any] = await asyncio.to_thread(lambda: psycopg.connect(stage.url))
    try:
        await asyncio.to_thread(connection.execute, f"LOCK TABLE {table}")
        yield
    finally:
        await asyncio.to_thread(connection.close)


async def endless_statements(stage: Stage, seconds: float) -> None:
    """Let a transfer, a page of the admin and a report each run a statement that never ends."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_endless_transfers(stage))
        await stack.enter_async_context(_endless_reading(stage))
        await stack.enter_async_context(commands(stage, *[_sales_report()] * 2))
        await asyncio.gather(
            clients.crowd(stage, seconds, 2, clients.transfer),
            clients.crowd(stage, seconds, 4, clients.staff_page),
        )


@asynccontextmanager
async def _endless_transfers(stage: Stage) -> AsyncIterator[None]:
    sleeping = (
        f"CREATE FUNCTION sleeping() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$BEGIN PERFORM {SLEEP}; RETURN NEW; END$$"
    )
    trigger = (
        "CREATE TRIGGER sleeping BEFORE INSERT ON ticket_transfers FOR EACH ROW EXECUTE FUNCTION sleeping()"
    )
    await asyncio.to_thread(stage.ask, f"{PATIENCE}; {sleeping}; {trigger}")
    try:
        yield
    finally:
        await _undo(stage, "DROP FUNCTION sleeping() CASCADE")


@asynccontextmanager
async def _endless_reading(stage: Stage) -> AsyncIterator[None]:
    rename = f"ALTER TABLE {OTHERS} RENAME TO kept"
    view = f"CREATE VIEW {OTHERS} AS SELECT kept.* FROM (SELECT {SLEEP}) AS sleeping LEFT JOIN kept ON true"
    await asyncio.to_thread(stage.ask, f"{PATIENCE}; {rename}; {view}")
    try:
        yield
    finally:
        await _undo(stage, f"DROP VIEW {OTHERS}; ALTER TABLE kept RENAME TO {OTHERS}")


async def _undo(stage: Stage, statement: str) -> None:
    # Whatever still sleeps holds a lock on what it reads.
    sleepers = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE wait_event = 'PgSleep' AND datname = current_database()"
    )
    for _ in range(20):
        with suppress(psycopg.errors.LockNotAvailable):
            await asyncio.to_thread(stage.ask, sleepers)
            await asyncio.to_thread(stage.ask, f"{PATIENCE}; {statement}")
            return
    raise TimeoutError(f"could not undo: {statement}")


async def stuck_pages_and_jobs(stage: Stage, seconds: float) -> None:
    """Let 15 pages of the admin and 4 batch jobs wait for a table that only they read."""
    async with locked(stage, OTHERS), commands(stage, *[_sales_report()] * 4):
        await clients.crowd(stage, seconds, 15, clients.staff_page)


async def full_speed_batches(stage: Stage, seconds: float) -> None:
    """Run the ETL over and over, and make four reports of a million rows."""
    etl = ("etl", "run", "--full")
    async with commands(stage, etl, *[_million_rows()] * 4):
        await asyncio.sleep(seconds)


def _sales_report() -> tuple[str, ...]:
    return ("report", "daily-sales", "--from", "2025-01-01", "--to", "2025-12-31", "--output", "-")


def _million_rows() -> tuple[str, ...]:
    days = report_data.parameters(report_data.ROWS)
    period = ("--from", str(days.start), "--to", str(days.end))
    return ("report", "transfers", *period, "--format", "csv", "--output", "-")


@asynccontextmanager
async def commands(stage: Stage, *each: tuple[str, ...]) -> AsyncIterator[None]:
    """Run commands of the service beside the block, each again when it ends; they end with it."""
    tasks = [asyncio.ensure_future(_again_and_again(stage, arguments)) for arguments in each]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _again_and_again(stage: Stage, arguments: tuple[str, ...]) -> None:
    while True:
        process = stage.command(*arguments)
        try:
            await asyncio.to_thread(process.wait)
        finally:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


async def full_disk(stage: Stage, seconds: float) -> None:
    """Write until the server's disk, a small one, takes no more."""
    filler = stage.postgres.data_dir / "filler"
    await asyncio.to_thread(_fill, filler)
    try:
        await asyncio.sleep(seconds)
    finally:
        filler.unlink()
        # It may have given up; on a disk with room it starts again, as its supervisor would see to.
        await asyncio.to_thread(stage.postgres.start)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(64 * 1024))


async def killed_workers(stage: Stage, seconds: float) -> None:
    """Kill a worker of the service every three seconds."""
    until = monotonic() + seconds
    while monotonic() < until:
        if workers := stage.workers():
            random.choice(workers).kill()
        await asyncio.sleep(min(3.0, max(0.0, until - monotonic())))


async def restarted_server(stage: Stage, seconds: float) -> None:
    """Restart Postgres at once, and again half-way."""
    for _ in range(2):
        await asyncio.to_thread(stage.postgres.restart)
        await asyncio.sleep(seconds / 2)


ATTACKS = {
    "nothing": Attack("Nothing else", nothing),
    "slow_bodies": Attack("400 bodies, a byte a second, without a key", many(400, clients.slow_body)),
    "slow_bodies_key": Attack(
        "200 bodies, a byte a second, with the key", many(200, clients.slow_body_with_the_key)
    ),
    "logins_50": Attack("50 wrong logins at a time", many(50, clients.login)),
    "logins_400": Attack("400 wrong logins at a time", many(400, clients.login)),
    "silent": Attack("2,000 connections that say nothing", many(2000, clients.silent)),
    "slow_headers": Attack("2,000 heads, a byte a second", many(2000, clients.slow_headers)),
    "idle": Attack("2,000 connections that are kept alive and idle", many(2000, clients.idle)),
    "locked": Attack("A table that scans write is locked", locked_table, is_usable=False),
    "endless": Attack("Statements that never end, of each class", endless_statements),
    "stuck": Attack("15 pages and 4 batch jobs stuck at a lock", stuck_pages_and_jobs),
    "batches": Attack("ETL at full speed, and 4 reports of a million rows", full_speed_batches),
    "downloads": Attack("50 slow downloads of 50 MB", many(50, clients.slow_download)),
    "disk_full": Attack("Postgres' disk is full", full_disk, is_usable=False, needs_disk=True),
    "killed": Attack("A worker killed every 3 s", killed_workers),
    "restarted": Attack("Postgres restarted, twice", restarted_server, is_usable=False),
    "flood": Attack("A flood: 1,200 more gates, a ticket a second each", partial(clients.flood, count=1200)),
}
