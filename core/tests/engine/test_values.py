"""Values read and write as on a connection of each library's own (contract line L3)."""

import ipaddress
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from django.db import connection
from psycopg.types.range import Range as PsycopgRange
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql import Range

from core import db
from core.embedded import EmbeddedPostgres
from core.engine.creator import lend_to_sqlalchemy
from core.engine.pool import EnginePool
from core.pool import SharedPool

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NAIVE = datetime(2026, 11, 22, 12, 0)

# name: (SQLAlchemy type, value)
VALUES: dict[str, tuple[Any, Any]] = {
    "json": (sa.JSON(), {"a": [1, None, "é"]}),
    "jsonb": (pg.JSONB(), {"b": {"c": 2.5}}),
    "timestamptz": (sa.DateTime(timezone=True), NOON),
    "timestamp": (sa.DateTime(), NAIVE),
    "date": (sa.Date(), date(2026, 11, 22)),
    "naive range": (pg.TSRANGE(), Range(NAIVE, NAIVE.replace(hour=13))),
    "aware range": (pg.TSTZRANGE(), Range(NOON, NOON.replace(hour=13))),
    "integer range": (pg.INT4RANGE(), Range(1, 5)),
    "empty range": (pg.TSRANGE(), Range(empty=True)),
    "inet": (pg.INET(), ipaddress.ip_address("192.0.2.1")),
    "cidr": (pg.CIDR(), ipaddress.ip_network("192.0.2.0/24")),
    "uuid": (sa.Uuid(), uuid.UUID(int=7)),
    "text array": (pg.ARRAY(sa.Text()), ["a", "b,c", None]),
    "integer array": (pg.ARRAY(sa.Integer()), [1, 2]),
    "numeric": (sa.Numeric(12, 2), Decimal("1234567890.12")),
    "interval": (sa.Interval(), NOON - NOON.replace(hour=1)),
    "bytes": (sa.LargeBinary(), b"\x00\xff"),
    "text": (sa.Text(), "100 % 'quoted' \\ %(name)s"),
}


@pytest.fixture
def own_engine(postgres: EmbeddedPostgres) -> Iterator[sa.Engine]:
    """An engine with connections of its own, as SQLAlchemy makes them: what ours is compared with."""
    host = str(postgres.socket_dir)
    engine = sa.create_engine("postgresql+psycopg://postgres@/postgres", connect_args={"host": host})
    yield engine
    engine.dispose()


def round_trip(borrowed: sa.Connection, type_: Any, value: Any, *, stream: bool) -> Any:
    statement = sa.select(sa.literal(value, type_).label("value"))
    return borrowed.execution_options(stream_results=stream).execute(statement).scalar_one()


@pytest.mark.real_pool
@pytest.mark.parametrize("stream", [False, True], ids=["plain cursor", "server-side cursor"])
@pytest.mark.parametrize("name", VALUES)
class TestThroughSqlalchemy:
    def test_a_value_comes_back_as_on_a_connection_of_its_own(
        self, django_pool: SharedPool, own_engine: sa.Engine, name: str, stream: bool
    ) -> None:
        type_, value = VALUES[name]
        connection.ensure_connection()  # Django's adapters are on the connection that is handed over
        with own_engine.connect() as own:
            expected = round_trip(own, type_, value, stream=stream)

        with db.get_engine().connect() as borrowed:
            result = round_trip(borrowed, type_, value, stream=stream)

        assert result == expected
        assert type(result) is type(expected)

    def test_the_same_inside_an_atomic_block(
        self, db: None, own_engine: sa.Engine, name: str, stream: bool
    ) -> None:
        from core.db import get_engine

        type_, value = VALUES[name]
        with own_engine.connect() as own:
            expected = round_trip(own, type_, value, stream=stream)

        with get_engine().connect() as borrowed:
            assert round_trip(borrowed, type_, value, stream=stream) == expected


@pytest.mark.real_pool
class TestThroughDjango:
    """What Django reads is what its own backend reads, also after SQLAlchemy had the connection."""

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("'{\"a\": 1}'::jsonb", '{"a": 1}'),
            ("'{\"a\": 1}'::json", {"a": 1}),
            ("'192.0.2.1'::inet", "192.0.2.1"),
            ("'192.0.2.0/24'::cidr", "192.0.2.0/24"),
            ("'2026-11-22 12:00+00'::timestamptz", NOON),
            ("1.50::numeric", Decimal("1.50")),
            ("'00000000-0000-0000-0000-000000000007'::uuid", uuid.UUID(int=7)),
            ("ARRAY['a', NULL]", ["a", None]),
        ],
    )
    def test_a_value_reads_as_before(self, django_pool: SharedPool, expression: str, expected: Any) -> None:
        with db.get_engine().connect() as borrowed:
            borrowed.execute(sa.text("SELECT 1"))

        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {expression}")
            assert cursor.fetchone() == (expected,)

    def test_a_naive_range_is_written_as_djangos_dumper_does(self, django_pool: SharedPool) -> None:
        with db.get_engine().connect() as borrowed:
            borrowed.execute(sa.text("SELECT 1"))

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_typeof(%s)::text", [PsycopgRange(NAIVE, None)])  # type: ignore[list-item]
            assert cursor.fetchone() == ("tstzrange",)


@pytest.mark.real_pool
class TestHstore:
    def test_it_reads_and_writes_as_a_dictionary_on_every_connection(
        self, django_pool: SharedPool, outside: Any
    ) -> None:
        available = outside.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'hstore'").fetchone()
        if not available:
            pytest.skip("this Postgres comes without hstore")
        with db.get_engine().begin() as borrowed:
            borrowed.execute(sa.text("CREATE EXTENSION IF NOT EXISTS hstore"))

        with db.get_engine().connect() as first, db.get_engine().connect() as second:
            for borrowed in (first, second):
                assert round_trip(borrowed, pg.HSTORE(), {"a": "1", "b": None}, stream=False) == {
                    "a": "1",
                    "b": None,
                }


class TestTheEnginesOwnOptions:
    def test_a_json_deserializer_of_the_engine_is_used(self, django_pool: SharedPool) -> None:
        def lend() -> Any:
            return lend_to_sqlalchemy(engine.dialect.adapters)  # type: ignore[attr-defined]

        engine: sa.Engine = sa.create_engine(
            "postgresql+turnstile://",
            creator=lend,
            poolclass=EnginePool,
            json_deserializer=lambda raw: json.loads(raw, parse_float=Decimal),
            use_native_hstore=False,
        )

        with engine.connect() as borrowed:
            result = round_trip(borrowed, pg.JSONB(), {"price": 2.5}, stream=False)

        assert result == {"price": Decimal("2.5")}
