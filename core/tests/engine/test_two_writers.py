"""Neither library undoes the other's work inside atomic(), nor makes it permanent (contract lines L8, L9)."""

import gc
from collections.abc import Callable
from typing import Any, Self

import pytest
import sqlalchemy
from django.contrib.auth.models import Group
from django.db import DatabaseError, ProgrammingError, connection, transaction
from sqlalchemy import text

from core import db
from core.engine.joined import BlockEnded
from core.engine.turns import JoinConflict
from core.pool import SharedPool
from core.tables import table_for

GROUPS = table_for(Group)


class Undo(Exception):
    """Raised inside a block to make it roll back."""


def names() -> list[str]:
    connection.close()
    return sorted(Group.objects.values_list("name", flat=True))


def insert(borrowed: Any, name: str) -> None:
    borrowed.execute(GROUPS.insert().values(name=name))


@pytest.fixture
def groups(django_pool: SharedPool) -> SharedPool:
    return django_pool


def in_a_connection() -> None:
    with db.get_engine().connect() as borrowed:
        borrowed.execute(text("SELECT 1"))
        Group.objects.create(name="django")


def in_a_session() -> None:
    with db.get_session() as session:
        session.execute(text("SELECT 1"))
        Group.objects.create(name="django")


def in_a_connection_that_is_dropped() -> None:
    borrowed = db.get_engine().connect()
    borrowed.execute(text("SELECT 1"))
    Group.objects.create(name="django")


def in_a_session_that_stays_open() -> None:
    OPEN.append(db.get_session())
    OPEN[-1].execute(text("SELECT 1"))
    Group.objects.create(name="django")


def on_a_raw_connection() -> None:
    raw = db.get_engine().raw_connection()
    raw.cursor().execute("SELECT 1")
    Group.objects.create(name="django")
    raw.close()


def before_and_after_reading_again() -> None:
    with db.get_engine().connect() as borrowed:
        borrowed.execute(text("SELECT 1"))
        Group.objects.create(name="django")
        assert borrowed.execute(sqlalchemy.select(GROUPS.c.name)).scalars().all() == ["django"]


def with_an_explicit_rollback() -> None:
    with db.get_engine().connect() as borrowed:
        borrowed.execute(text("SELECT 1"))
        Group.objects.create(name="django")
        borrowed.rollback()


def from_a_stream() -> None:
    with db.get_engine().connect() as borrowed:
        rows = borrowed.execution_options(yield_per=2).execute(text("SELECT generate_series(1, 3)"))
        for (number,) in rows:
            if number == 3:
                Group.objects.create(name="django")


OPEN: list[Any] = []
READERS: list[Callable[[], None]] = [
    in_a_connection,
    in_a_session,
    in_a_connection_that_is_dropped,
    in_a_session_that_stays_open,
    on_a_raw_connection,
    before_and_after_reading_again,
    with_an_explicit_rollback,
    from_a_stream,
]


def close_what_stays_open() -> None:
    # Before the database is emptied, which waits for whoever reads.
    while OPEN:
        OPEN.pop().close()


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
class TestOneThatOnlyRead:
    @pytest.mark.real_pool
    def test_undoes_nothing_in_a_block(self, groups: SharedPool, read: Callable[[], None]) -> None:
        with transaction.atomic():
            read()
        close_what_stays_open()

        assert names() == ["django"]

    @pytest.mark.real_pool
    def test_undoes_nothing_without_one(self, groups: SharedPool, read: Callable[[], None]) -> None:
        read()
        close_what_stays_open()

        assert names() == ["django"]

    @pytest.mark.real_pool
    def test_undoes_nothing_in_an_inner_block(self, groups: SharedPool, read: Callable[[], None]) -> None:
        with transaction.atomic():
            with transaction.atomic():
                read()
            Group.objects.create(name="outer")
        close_what_stays_open()

        assert names() == ["django", "outer"]

    @pytest.mark.django_db
    def test_undoes_nothing_under_pytests_fixture(self, read: Callable[[], None]) -> None:
        read()
        close_what_stays_open()

        assert list(Group.objects.values_list("name", flat=True)) == ["django"]


@pytest.mark.real_pool
class TestOneThatWrote:
    def test_takes_back_only_its_own_when_django_read_since(self, groups: SharedPool) -> None:
        with transaction.atomic():
            Group.objects.create(name="django")
            with db.get_engine().connect() as borrowed:
                insert(borrowed, "gone")
                assert Group.objects.count() == 2
                borrowed.rollback()

        assert names() == ["django"]

    @pytest.mark.parametrize("end", ["rollback", "close"])
    def test_says_so_when_django_wrote_since(self, groups: SharedPool, end: str) -> None:
        borrowed = db.get_engine().connect

        def interleave() -> None:
            with transaction.atomic():
                connected = borrowed()
                insert(connected, "sqlalchemy")
                Group.objects.create(name="django")
                getattr(connected, end)()

        with pytest.raises(
            (JoinConflict, DatabaseError, sqlalchemy.exc.DBAPIError), match="cannot be undone"
        ):
            interleave()

        assert names() == []

    def test_that_is_still_open_at_the_end_of_the_block_says_so(self, groups: SharedPool) -> None:
        session = db.get_session()

        with pytest.raises(ProgrammingError, match="cannot be undone"), transaction.atomic():
            session.execute(GROUPS.insert().values(name="sqlalchemy"))
            Group.objects.create(name="django")

        session.close()
        assert names() == []

    def test_that_is_dropped_says_so_at_the_end_of_the_block(self, groups: SharedPool) -> None:
        def forget() -> None:
            borrowed = db.get_engine().connect()
            insert(borrowed, "sqlalchemy")
            Group.objects.create(name="django")

        def block() -> None:
            with transaction.atomic():
                forget()
                gc.collect()

        with pytest.raises((JoinConflict, ProgrammingError), match="cannot be undone"):
            block()

        assert names() == []

    def test_lets_the_block_only_roll_back_after_a_conflict(self, groups: SharedPool) -> None:
        with transaction.atomic():
            with db.get_engine().connect() as borrowed:
                insert(borrowed, "sqlalchemy")
                Group.objects.create(name="django")
                with pytest.raises(sqlalchemy.exc.ProgrammingError, match="cannot be undone"):
                    borrowed.rollback()
            with pytest.raises(transaction.TransactionManagementError):
                Group.objects.count()

        assert names() == []

    def test_may_commit_with_djangos_rows_between(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_session() as session:
            insert(session, "first")
            Group.objects.create(name="django")
            insert(session, "second")
            session.commit()

        assert names() == ["django", "first", "second"]

    def test_is_undone_where_it_wrote_after_django(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_engine().connect() as borrowed:
            borrowed.execute(text("SELECT 1"))
            Group.objects.create(name="django")
            insert(borrowed, "gone")
            borrowed.rollback()

        assert names() == ["django"]

    @pytest.mark.parametrize(
        "statement",
        [
            "WITH made AS (INSERT INTO auth_group (name) VALUES ('gone') RETURNING id) SELECT id FROM made",
            "SELECT write_one()",
            "DO $$ BEGIN INSERT INTO auth_group (name) VALUES ('sqlalchemy'); END $$",
        ],
    )
    def test_is_found_out_however_it_wrote(self, groups: SharedPool, statement: str) -> None:
        with db.get_engine().begin() as borrowed:
            borrowed.execute(
                text(
                    "CREATE OR REPLACE FUNCTION write_one() RETURNS void LANGUAGE sql AS "
                    "$$ INSERT INTO auth_group (name) VALUES ('sqlalchemy') $$"
                )
            )

        with transaction.atomic():
            Group.objects.create(name="django")
            with db.get_engine().connect() as borrowed:
                borrowed.execute(text(statement))

        assert names() == ["django"]

    def test_in_a_nested_transaction_does_not_undo_djangos(self, groups: SharedPool) -> None:
        def nest() -> None:
            with transaction.atomic(), db.get_session() as session:
                with pytest.raises(Undo), session.begin_nested():
                    insert(session, "sqlalchemy")
                    Group.objects.create(name="django")
                    raise Undo
                session.commit()

        with pytest.raises(
            (JoinConflict, sqlalchemy.exc.DBAPIError, AssertionError), match="cannot be undone"
        ):
            nest()

        assert names() == []

    def test_in_a_nested_transaction_is_undone_alone(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_session() as session:
            insert(session, "kept")
            Group.objects.create(name="django")
            with pytest.raises(Undo), session.begin_nested():
                insert(session, "gone")
                raise Undo
            session.commit()

        assert names() == ["django", "kept"]


def in_a_block() -> None:
    with transaction.atomic():
        Group.objects.create(name="django")


def between_savepoints_by_hand() -> None:
    savepoint = transaction.savepoint()
    Group.objects.create(name="django")
    transaction.savepoint_commit(savepoint)


@pytest.mark.real_pool
class TestSavepointsOfDjangos:
    """What was written since one stays written when the server has forgotten the savepoint's id."""

    @pytest.mark.parametrize("write", [in_a_block, between_savepoints_by_hand])
    @pytest.mark.parametrize("end", ["rollback", "close"])
    def test_are_not_undone_once_released(
        self, groups: SharedPool, write: Callable[[], None], end: str
    ) -> None:
        def interleave() -> None:
            with transaction.atomic():
                borrowed = db.get_engine().connect()
                insert(borrowed, "sqlalchemy")
                write()
                getattr(borrowed, end)()

        with pytest.raises((ProgrammingError, sqlalchemy.exc.DBAPIError), match="cannot be undone"):
            interleave()

        assert names() == []

    def test_keep_nothing_of_a_session_that_does_not_commit(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_session() as session:
            session.execute(text("SELECT 1"))
            savepoint = transaction.savepoint()
            insert(session, "gone")
            transaction.savepoint_commit(savepoint)

        assert names() == []

    def test_that_were_rolled_back_hide_no_later_write(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_engine().connect() as borrowed:
            borrowed.execute(text("SELECT 1"))
            savepoint = transaction.savepoint()
            Group.objects.create(name="gone")
            borrowed.execute(text("SELECT 1"))
            transaction.savepoint_rollback(savepoint)
            borrowed.rollback()
            insert(borrowed, "gone, too")
            borrowed.rollback()

        assert names() == []

    def test_that_were_released_hide_no_later_write(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_engine().connect() as borrowed:
            savepoint = transaction.savepoint()
            Group.objects.create(name="django")
            borrowed.execute(text("SELECT 1"))
            transaction.savepoint_commit(savepoint)
            insert(borrowed, "gone")
            borrowed.rollback()

        assert names() == ["django"]

    def test_are_there_after_a_rollback_of_sqlalchemys(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_engine().connect() as borrowed:
            insert(borrowed, "gone")
            outer, inner = transaction.savepoint(), transaction.savepoint()
            borrowed.rollback()
            transaction.savepoint_commit(inner)
            Group.objects.create(name="gone, too")
            transaction.savepoint_rollback(outer)
            Group.objects.create(name="django")

        assert names() == ["django"]


@pytest.mark.real_pool
class TestAConflictInAnInnerBlock:
    """The inner block rolls back and the outer may go on: what could not be undone is still to be undone."""

    def test_keeps_nothing_of_what_was_to_be_undone(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_session() as session:
            insert(session, "gone")
            with pytest.raises(sqlalchemy.exc.ProgrammingError), transaction.atomic():
                session.rollback()

        assert names() == []

    def test_is_one_for_the_outer_block_that_wrote_meanwhile(self, groups: SharedPool) -> None:
        def go_on() -> None:
            with transaction.atomic(), db.get_session() as session:
                insert(session, "sqlalchemy")
                with pytest.raises(sqlalchemy.exc.ProgrammingError), transaction.atomic():
                    session.rollback()
                Group.objects.create(name="django")

        with pytest.raises(ProgrammingError, match="cannot be undone"):
            go_on()

        assert names() == []

    def test_undoes_a_nested_transaction_though_the_one_around_it_commits(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_engine().connect() as borrowed:
            insert(borrowed, "kept")
            nested = borrowed.begin_nested()
            insert(borrowed, "gone")
            with pytest.raises(JoinConflict), transaction.atomic():
                nested.rollback()
            borrowed.commit()

        assert names() == ["kept"]

    def test_leaves_a_nested_transaction_to_the_rollback_of_the_one_around_it(
        self, groups: SharedPool
    ) -> None:
        with transaction.atomic(), db.get_session() as session:
            insert(session, "gone")
            nested = session.begin_nested()
            insert(session, "gone, too")
            with pytest.raises(JoinConflict), transaction.atomic():
                nested.rollback()
            session.rollback()
            Group.objects.create(name="django")

        assert names() == ["django"]

    def test_keeps_nothing_of_what_was_written_in_an_inner_block_before(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_engine().connect() as borrowed:
            borrowed.execute(text("SELECT 1"))
            with transaction.atomic():
                insert(borrowed, "gone")
            with pytest.raises(sqlalchemy.exc.ProgrammingError), transaction.atomic():
                borrowed.close()

        assert names() == []

    def test_at_its_end_leaves_the_outer_block_to_go_on(self, groups: SharedPool) -> None:
        session = db.get_session()
        with transaction.atomic():
            Group.objects.create(name="outer")
            with pytest.raises(ProgrammingError, match="cannot be undone"), transaction.atomic():
                insert(session, "sqlalchemy")
                Group.objects.create(name="inner")
            Group.objects.create(name="after")
        session.close()

        assert names() == ["after", "outer"]

    def test_at_its_end_is_told_to_the_session_as_well(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_session() as session:
            with pytest.raises(ProgrammingError, match="cannot be undone"), transaction.atomic():
                insert(session, "gone")
                Group.objects.create(name="gone, too")
            with pytest.raises(BlockEnded):
                session.connection().connection.cursor()

        assert names() == []


@pytest.mark.real_pool
class TestAnOpenSessionOfWhichDjangoUndidAPart:
    def test_leaves_nothing_behind(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_session() as session:
            insert(session, "gone")
            with pytest.raises(Undo), transaction.atomic():
                session.execute(text("SELECT 1"))
                raise Undo

        assert names() == []


@pytest.mark.real_pool
class TestACommitAfterAnError:
    """The server answers a COMMIT after an error with a rollback, and with no error."""

    def test_of_sqlalchemys_is_refused_and_takes_nothing_of_djangos(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_engine().connect() as borrowed:
            Group.objects.create(name="django")
            insert(borrowed, "gone")
            with pytest.raises(sqlalchemy.exc.DataError):
                borrowed.execute(text("SELECT 1 / 0"))
            with pytest.raises(sqlalchemy.exc.InternalError, match="cannot be committed"):
                borrowed.commit()

        assert names() == ["django"]

    def test_of_djangos_is_refused(self, groups: SharedPool) -> None:
        with pytest.raises(JoinConflict), transaction.atomic():
            session = db.get_session()
            insert(session, "gone")
            with pytest.raises(DatabaseError):
                Group.objects.create(id=0, name="x" * 151)
            with pytest.raises(sqlalchemy.exc.InternalError, match="cannot be committed"):
                session.commit()
            session.close()

        assert names() == []

    def test_is_refused_where_the_block_can_only_roll_back(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_session() as session:
            insert(session, "gone")
            transaction.set_rollback(True)
            with pytest.raises(transaction.TransactionManagementError):
                session.commit()

        assert names() == []


@pytest.mark.real_pool
class TestABlockWithoutASavepoint:
    def test_ends_what_joined_it_before_the_next_begins(self, groups: SharedPool) -> None:
        session = db.get_session()
        with transaction.atomic():
            with transaction.atomic(savepoint=False):
                insert(session, "gone")
            with transaction.atomic():
                Group.objects.create(name="django")
        session.close()

        assert names() == ["django"]


@pytest.mark.real_pool
class TestTwoJoinedConnections:
    def test_are_undone_in_any_order_where_that_can_be(self, groups: SharedPool) -> None:
        with transaction.atomic():
            first, second = db.get_engine().connect(), db.get_engine().connect()
            insert(first, "first")
            insert(second, "gone")
            second.rollback()
            first.commit()
            first.close()
            second.close()

        assert names() == ["first"]

    def test_never_undo_each_others_work(self, groups: SharedPool) -> None:
        def interleave() -> None:
            with transaction.atomic():
                first, second = db.get_engine().connect(), db.get_engine().connect()
                insert(first, "first")
                insert(second, "second")
                second.commit()
                first.rollback()

        with pytest.raises(sqlalchemy.exc.ProgrammingError, match="cannot be undone"):
            interleave()

        assert names() == []

    def test_end_in_the_order_that_they_began(self, groups: SharedPool) -> None:
        with transaction.atomic():
            first, second = db.get_engine().connect(), db.get_engine().connect()
            first.execute(text("SELECT 1"))
            insert(second, "second")
            first.close()
            second.commit()
            second.close()

        assert names() == ["second"]

    def test_a_thousand_short_ones_beside_a_long_one_leave_few_savepoints(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_session() as long:
            long.execute(text("SELECT 1"))
            for number in range(100):
                with db.get_engine().begin() as short:
                    insert(short, f"group {number}")
            ids = text(
                "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'transactionid'"
            )
            assert long.execute(ids).scalar_one() < 10

        assert len(names()) == 100


@pytest.mark.real_pool
class TestCallbacks:
    def test_of_one_that_only_read_fire(self, groups: SharedPool) -> None:
        fired: list[str] = []

        with transaction.atomic(), db.get_engine().connect() as borrowed:
            borrowed.execute(text("SELECT 1"))
            transaction.on_commit(lambda: fired.append("fired"))

        assert fired == ["fired"]

    def test_of_djangos_turn_survive_sqlalchemys_rollback(self, groups: SharedPool) -> None:
        fired: list[str] = []

        with transaction.atomic(), db.get_engine().connect() as borrowed:
            borrowed.execute(text("SELECT 1"))
            Group.objects.create(name="django")
            transaction.on_commit(lambda: fired.append("django"))
            insert(borrowed, "gone")
            transaction.on_commit(lambda: fired.append("sqlalchemy"))
            borrowed.rollback()

        assert fired == ["django"]
        assert names() == ["django"]


class ConnectionInTheBlock:
    """A connection that joins the block in which it is used first, as a session does."""

    def __init__(self) -> None:
        self._connection: sqlalchemy.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connected.close()

    @property
    def connected(self) -> sqlalchemy.Connection:
        if self._connection is None:
            self._connection = db.get_engine().connect()
        return self._connection

    def execute(self, statement: Any) -> Any:
        return self.connected.execute(statement)

    def commit(self) -> None:
        self.connected.commit()

    def rollback(self) -> None:
        self.connected.rollback()


def after_the_block(handle: Any) -> None:
    with transaction.atomic():
        insert(handle, "gone")
    handle.commit()


def in_the_next_block(handle: Any) -> None:
    with transaction.atomic():
        insert(handle, "gone")
    with transaction.atomic():
        Group.objects.count()
        handle.commit()


def in_an_outer_block(handle: Any) -> None:
    with transaction.atomic():
        with transaction.atomic():
            insert(handle, "gone")
        handle.commit()


def in_an_inner_block(handle: Any) -> None:
    with transaction.atomic():
        insert(handle, "gone")
        with transaction.atomic():
            handle.commit()


def after_a_rollback_to_a_manual_savepoint(handle: Any) -> None:
    with transaction.atomic():
        savepoint = transaction.savepoint()
        insert(handle, "gone")
        transaction.savepoint_rollback(savepoint)
        handle.commit()


def after_the_block_rolled_back(handle: Any) -> None:
    with pytest.raises(Undo), transaction.atomic():
        insert(handle, "gone")
        raise Undo
    handle.commit()


@pytest.mark.real_pool
@pytest.mark.parametrize("kind", [db.get_session, ConnectionInTheBlock], ids=["session", "connection"])
@pytest.mark.parametrize(
    "outlive",
    [
        after_the_block,
        in_the_next_block,
        in_an_outer_block,
        in_an_inner_block,
        after_a_rollback_to_a_manual_savepoint,
        after_the_block_rolled_back,
    ],
    ids=lambda outlive: outlive.__name__,
)
class TestAHandleThatOutlivedItsBlock:
    def test_never_says_that_it_is_done(
        self, groups: SharedPool, outlive: Callable[[Any], None], kind: Callable[[], Any]
    ) -> None:
        with kind() as handle:
            with pytest.raises((BlockEnded, sqlalchemy.exc.DBAPIError), match=r"block.*test_two_writers\.py"):
                outlive(handle)
            handle.rollback()

        assert names() == []


@pytest.mark.real_pool
class TestAnInnerBlock:
    def test_survives_the_commit_of_a_connection_from_outside(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_engine().connect() as borrowed:
            borrowed.execute(text("SELECT 1"))
            with transaction.atomic():
                Group.objects.create(name="inner")
                insert(borrowed, "sqlalchemy")
            borrowed.commit()

        assert names() == ["inner", "sqlalchemy"]

    def test_that_rolls_back_takes_only_its_own_part(self, groups: SharedPool) -> None:
        with transaction.atomic():
            add_in_its_own_transaction("outer")
            with pytest.raises(Undo), transaction.atomic():
                add_in_its_own_transaction("gone")
                Group.objects.create(name="gone, too")
                raise Undo
            add_in_its_own_transaction("after")

        assert names() == ["after", "outer"]

    def test_of_many_each_with_a_session_of_its_own(self, groups: SharedPool) -> None:
        with transaction.atomic():
            for number in range(5):
                with transaction.atomic(), db.get_session() as session:
                    insert(session, f"sqlalchemy {number}")
                    session.commit()
                    Group.objects.create(name=f"django {number}")

        assert len(names()) == 10


def add_in_its_own_transaction(name: str) -> None:
    with db.get_engine().begin() as borrowed:
        insert(borrowed, name)
