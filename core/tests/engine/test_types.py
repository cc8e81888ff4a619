"""Types registered in the documented ways work for SQLAlchemy, and never reach Django (contract line L13)."""

import enum
import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy
from django.db import connection, transaction
from psycopg.types import TypeInfo
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.json import set_json_loads
from sqlalchemy import event, text

from core import db
from core.pool import SharedPool

pytestmark = pytest.mark.real_pool


class GateState(enum.Enum):
    open = "open"
    shut = "shut"


@pytest.fixture
def types(django_pool: SharedPool) -> Iterator[None]:
    """An enum, a composite and something that is called hstore, in the database."""
    with db.get_engine().begin() as borrowed:
        for statement in (
            "CREATE TYPE gate_state AS ENUM ('open', 'shut')",
            "CREATE TYPE seat AS (block text, number int)",
        ):
            borrowed.execute(text(statement))
    yield
    connection.close()
    with db.get_engine().begin() as borrowed:
        borrowed.execute(text("DROP TYPE gate_state, seat"))
    # Its pools' connections know types that are gone.
    django_pool.drain()


@pytest.fixture
def on_connect(types: None) -> Iterator[Callable[[Callable[[Any], None]], None]]:
    """Listen to the engine's `connect` event, as SQLAlchemy's and pgvector's documents say."""
    listeners: list[Any] = []

    def listen(register: Callable[[Any], None]) -> None:
        def listener(dbapi_connection: Any, _record: Any) -> None:
            register(dbapi_connection)

        listeners.append(listener)
        event.listen(db.get_engine(), "connect", listener)

    yield listen
    for listener in listeners:
        event.remove(db.get_engine(), "connect", listener)


def register_both(dbapi_connection: Any) -> None:
    info = EnumInfo.fetch(dbapi_connection, "gate_state")
    assert info is not None
    register_enum(info, dbapi_connection, GateState)
    seat = CompositeInfo.fetch(dbapi_connection, "seat")
    assert seat is not None
    register_composite(seat, dbapi_connection)


def register_on_the_driver_connection(dbapi_connection: Any) -> None:
    register_both(dbapi_connection)


READ = "SELECT 'open'::gate_state, ROW('A', 7)::seat"


class TestAConnectListener:
    @pytest.mark.parametrize("in_a_block", [False, True])
    def test_registers_types_for_sqlalchemys_cursors(
        self, on_connect: Callable[[Callable[[Any], None]], None], in_a_block: bool
    ) -> None:
        on_connect(register_both)

        def read() -> Any:
            with db.get_engine().connect() as borrowed:
                return borrowed.execute(text(READ)).one()

        if in_a_block:
            with transaction.atomic():
                state, seat = read()
        else:
            state, seat = read()

        assert state is GateState.open
        assert (seat.block, seat.number) == ("A", 7)

    def test_binds_values_of_those_types(self, on_connect: Callable[[Callable[[Any], None]], None]) -> None:
        on_connect(register_both)

        with db.get_engine().connect() as borrowed:
            cursor = borrowed.connection.cursor()
            cursor.execute("SELECT %s::gate_state = 'shut'", [GateState.shut])

            assert cursor.fetchone() == (True,)

    def test_never_reaches_django(self, on_connect: Callable[[Callable[[Any], None]], None]) -> None:
        on_connect(register_both)
        with db.get_engine().connect() as borrowed:
            borrowed.execute(text(READ)).one()

        with connection.cursor() as cursor:
            cursor.execute(READ)
            assert cursor.fetchone() == ("open", "(A,7)")

    def test_loads_json_in_its_own_way(self, on_connect: Callable[[Callable[[Any], None]], None]) -> None:
        on_connect(lambda raw: set_json_loads(lambda data: ("mine", json.loads(data)), raw))

        with db.get_engine().connect() as borrowed:
            cursor = borrowed.connection.cursor()
            cursor.execute("SELECT '[1]'::jsonb")
            assert cursor.fetchone() == (("mine", [1]),)
        with connection.cursor() as cursor:
            cursor.execute("SELECT '[1]'::jsonb")
            assert cursor.fetchone() == ("[1]",)


class TestADriverConnection:
    def test_registers_types_as_well(self, types: None) -> None:
        with db.get_engine().connect() as borrowed:
            raw: Any = borrowed.connection.driver_connection
            register_both(raw)

            assert borrowed.execute(text(READ)).one()[0] is GateState.open

    def test_is_psycopgs_to_isinstance(self, django_pool: SharedPool) -> None:
        raw = db.get_engine().raw_connection()

        assert isinstance(raw.driver_connection, psycopg.Connection)

        raw.close()

    def test_forgets_what_was_registered_when_it_is_closed(self, types: None) -> None:
        with db.get_engine().connect() as borrowed:
            register_both(borrowed.connection.driver_connection)

        with db.get_engine().connect() as borrowed:
            assert borrowed.execute(text(READ)).one()[0] == "open"


class TestTheDialectsAdapters:
    def test_are_those_of_every_cursor(self, types: None) -> None:
        engine: Any = db._make_engine()
        with engine.connect() as borrowed:
            info = TypeInfo.fetch(borrowed.connection.driver_connection, "gate_state")
            assert info is not None
            engine.dialect.adapters.register_loader(info.oid, psycopg.types.string.TextBinaryLoader)

            assert borrowed.execute(text("SELECT 'open'::gate_state")).scalar_one() == "open"


class TestHstoreByName:
    """The embedded Postgres has no hstore: an enum of that name shows who reads the type's values."""

    @pytest.fixture
    def engine(self, django_pool: SharedPool) -> Iterator[sqlalchemy.Engine]:
        with db.get_independent_engine().begin() as borrowed:
            if borrowed.scalar(text("SELECT count(*) FROM pg_available_extensions WHERE name = 'hstore'")):
                pytest.skip("this server has hstore itself: core/tests/engine/test_values.py uses it")
            borrowed.execute(text("""CREATE TYPE hstore AS ENUM ('"gate"=>"north"')"""))
        # As the process's engine is, when it is first used in a database with hstore.
        yield db._make_engine()
        with db.get_independent_engine().begin() as borrowed:
            borrowed.execute(text("DROP TYPE hstore"))

    @pytest.mark.parametrize("in_a_block", [False, True])
    def test_is_a_dictionary_for_sqlalchemy_and_text_for_django(
        self, engine: sqlalchemy.Engine, in_a_block: bool
    ) -> None:
        statement = text("""SELECT '"gate"=>"north"'::hstore, ARRAY['"gate"=>"north"'::hstore]""")

        def read() -> Any:
            with engine.connect() as borrowed:
                return borrowed.execute(statement).one()

        if in_a_block:
            with transaction.atomic():
                row = read()
        else:
            row = read()

        assert row[0] == {"gate": "north"}
        with connection.cursor() as cursor:
            cursor.execute("""SELECT '"gate"=>"north"'::hstore""")
            assert cursor.fetchone() == ('"gate"=>"north"',)
        connection.close()
