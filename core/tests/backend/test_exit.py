"""Exit handlers that run after ours still reach the database (contract lines R6, R9)."""

import subprocess
import sys
import textwrap
from pathlib import Path

import psycopg
import pytest

from core.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[3]

# What is registered first runs last: `late` comes after our own exit handler.
BEGIN = """
import atexit, logging, logging.handlers, threading

def late():
    for use in uses:
        try:
            print("late:", use())
        except Exception as error:
            print("late:", type(error).__name__, error)

uses = []

atexit.register(late)

import django
from django.conf import settings

settings.configure(
    DATABASES={{
        "default": {{
            "ENGINE": "core.backend",
            "NAME": "postgres",
            "USER": "postgres",
            "HOST": {host!r},
            "OPTIONS": {{"pool": {{"min_size": 1, "max_size": 1, "timeout": 5, "lazy": True}}}},
        }}
    }}
)
django.setup()

from core import db
from core.backend import lifecycle
from core.engine.creator import shared_pool
from django.db import connection, transaction
from sqlalchemy import text
"""

ORM = """
    @uses.append
    def orm():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone()[0]
"""

ENGINE = """
    @uses.append
    def engine():
        with db.get_engine().connect() as borrowed:
            return borrowed.scalar(text("SELECT 1"))
"""

RAW = """
    @uses.append
    def raw():
        with shared_pool().connection() as borrowed:
            return borrowed.execute("SELECT 1").fetchone()[0]
"""

ATOMIC = """
    @uses.append
    def atomic():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            with db.get_engine().connect() as joined:
                return joined.scalar(text("SELECT 1"))
"""

END = """
    @uses.append
    def end():
        connection.close()
        db.ping(timeout=5)
        db.get_engine().dispose()
        return shared_pool().stats().open
"""


def run(postgres: EmbeddedPostgres, *parts: str) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, exit handlers included."""
    begin = BEGIN.format(host=str(postgres.socket_dir))
    program = "\n".join([begin, *map(textwrap.dedent, parts)])
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


class TestALateBorrower:
    @pytest.mark.parametrize("before", ["", "connection.ensure_connection()", "db.get_engine().connect()"])
    @pytest.mark.parametrize("uses", [[ORM, ENGINE, ATOMIC], [ENGINE, ORM, RAW]])
    def test_gets_a_connection(self, postgres: EmbeddedPostgres, uses: list[str], before: str) -> None:
        # The last one gives its connection back, where it still has it.
        ended = run(postgres, *uses[:2], END, uses[2], END, before)

        assert (ended.stdout.split("late: ")[1:], ended.stderr) == (["1\n", "1\n", "0\n", "1\n", "0\n"], "")

    def test_may_be_a_log_handler_that_is_flushed_at_the_end(
        self, postgres: EmbeddedPostgres, outside: psycopg.Connection[object]
    ) -> None:
        outside.execute("CREATE TABLE late_log (message text)")

        ended = run(
            postgres,
            """
            class IntoTheDatabase(logging.Handler):
                def emit(self, record):
                    with connection.cursor() as cursor:
                        cursor.execute("INSERT INTO late_log VALUES (%s)", [record.getMessage()])

            logging.getLogger("gates").addHandler(
                logging.handlers.MemoryHandler(100, target=IntoTheDatabase())
            )
            logging.getLogger("gates").warning("north gate closed")
            logging.getLogger("gates").warning("south gate closed")
            connection.ensure_connection()
            """,
        )

        rows = outside.execute("SELECT message FROM late_log ORDER BY 1").fetchall()
        outside.execute("DROP TABLE late_log")
        assert ended.stderr == ""
        assert rows == [("north gate closed",), ("south gate closed",)]

    def test_in_another_thread_learns_that_the_process_ends(self, postgres: EmbeddedPostgres) -> None:
        ended = run(
            postgres,
            ORM,
            """
            connection.ensure_connection()
            ask, has_asked, errors = threading.Event(), threading.Event(), []

            def use_in_a_thread():
                ask.wait()
                try:
                    orm()
                except Exception as error:
                    errors.append(f"{type(error).__name__}: {error}")
                has_asked.set()

            threading.Thread(target=use_in_a_thread, daemon=True).start()
            orm = uses.pop()

            @uses.append
            def from_a_thread():
                ask.set()
                has_asked.wait(10)
                return errors
            """,
        )

        assert ended.stdout == (
            """late: ["OperationalError: the pool 'default' is closed: this process is ending"]\n"""
        )

    def test_keeps_to_the_bound(self, postgres: EmbeddedPostgres) -> None:
        ended = run(
            postgres,
            ENGINE,
            """
            lifecycle.LONGEST_WAIT_SECONDS = 0.1
            is_held = threading.Event()

            def hold():
                held = shared_pool().lend(borrower="worker")
                is_held.set()
                threading.Event().wait()

            threading.Thread(target=hold, daemon=True).start()
            is_held.wait(10)
            """,
        )

        assert "this process is ending, and all 1 connections are still lent" in ended.stdout

    def test_is_not_held_up_by_a_server_that_is_away(self, postgres: EmbeddedPostgres) -> None:
        ended = run(postgres, ORM, 'connection.settings_dict["HOST"] = "/nonexistent"', "shared_pool()")

        assert "late: OperationalError the pool 'default' is closed: this process is ending" in ended.stdout
        assert "No such file or directory" in ended.stdout

    def test_whose_check_always_fails_gives_up_in_time(self, postgres: EmbeddedPostgres) -> None:
        ended = run(
            postgres,
            RAW,
            """
            def fail(_):
                raise LookupError("north gate")

            connection.settings_dict["OPTIONS"]["pool"] |= {"check": fail, "timeout": 0.3}
            """,
        )

        assert "late: ServerUnreachable" in ended.stdout
        assert "north gate" in ended.stdout
