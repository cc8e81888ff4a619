"""The relay breaks what a command asks it to."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from benchmarks.rig.wire import Wire
from core.embedded import SUPERUSER, EmbeddedPostgres


@pytest.fixture
def wire(postgres: EmbeddedPostgres) -> Iterator[Wire]:
    with Wire(postgres.socket_dir / ".s.PGSQL.5432") as wire:
        yield wire


@pytest.fixture
def through(wire: Wire) -> Iterator[psycopg.Connection[object]]:
    address: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": wire.port,
        "sslmode": "disable",
        "gssencmode": "disable",
    }
    with psycopg.connect(user=SUPERUSER, dbname=SUPERUSER, autocommit=True, **address) as connection:
        yield connection


class TestWire:
    def test_forwards(self, through: psycopg.Connection[object]) -> None:
        assert through.execute("SELECT 1").fetchone() == (1,)

    def test_cuts_after_so_many_bytes(self, wire: Wire, through: psycopg.Connection[object]) -> None:
        wire.tell("limit 10")

        with pytest.raises(psycopg.OperationalError):
            through.execute("SELECT repeat('x', 1000)")

    def test_ends_what_went_deaf(self, wire: Wire, through: psycopg.Connection[object]) -> None:
        wire.tell("deaf")
        wire.tell("cut_deaf")

        with pytest.raises(psycopg.OperationalError):
            through.execute("SELECT 1")

    def test_delays(self, wire: Wire, through: psycopg.Connection[object]) -> None:
        wire.tell("delay 0.05")

        assert through.execute("SELECT 1").fetchone() == (1,)
