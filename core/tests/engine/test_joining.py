"""SQLAlchemy inside `transaction.atomic()` (contract line L4)."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy
from django.contrib.auth.models import Group
from django.db import connection, transaction
from sqlalchemy import column, table, text

from core import db
from core.pool import SharedPool

GROUPS = table("auth_group", column("name"))


class Undo(Exception):
    """Raised to leave an atomic block with a rollback."""


def names_in_sqlalchemy() -> list[str]:
    with db.get_engine().connect() as borrowed:
        return list(borrowed.scalars(sqlalchemy.select(GROUPS.c.name).order_by(GROUPS.c.name)))


def names_in_django() -> list[str]:
    return list(Group.objects.order_by("name").values_list("name", flat=True))


def add(name: str) -> None:
    with db.get_engine().begin() as borrowed:
        borrowed.execute(GROUPS.insert().values(name=name))


@pytest.mark.django_db
class TestUnderPytestsDbFixture:
    """The ordinary `db` fixture: SQLAlchemy code is inside the test's transaction too."""

    def test_sqlalchemy_sees_the_orms_uncommitted_rows(self) -> None:
        Group.objects.create(name="north gate")

        assert names_in_sqlalchemy() == ["north gate"]

    def test_the_orm_sees_what_sqlalchemy_wrote(self) -> None:
        add("south gate")

        assert names_in_django() == ["south gate"]

    def test_nothing_is_left_of_the_tests_before(self) -> None:
        assert names_in_sqlalchemy() == names_in_django() == []


@pytest.fixture
def groups(django_pool: SharedPool) -> Iterator[SharedPool]:
    yield django_pool
    Group.objects.all().delete()


@pytest.mark.real_pool
class TestAnAtomicBlock:
    def test_both_libraries_share_its_connection(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_engine().connect() as borrowed:
            pid = borrowed.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                assert cursor.fetchone() == (pid,)
            assert groups.stats().checked_out == 1

    def test_its_rollback_undoes_what_sqlalchemy_committed(self, groups: SharedPool) -> None:
        with pytest.raises(Undo), transaction.atomic():
            add("gone")
            raise Undo

        assert names_in_django() == []

    def test_its_commit_keeps_what_sqlalchemy_committed(self, groups: SharedPool) -> None:
        with transaction.atomic():
            add("kept")

        connection.close()
        assert names_in_sqlalchemy() == ["kept"]

    def test_a_sqlalchemy_rollback_undoes_its_own_part_only(self, groups: SharedPool) -> None:
        with transaction.atomic():
            Group.objects.create(name="django")
            with db.get_engine().connect() as borrowed:
                borrowed.execute(GROUPS.insert().values(name="gone"))
                borrowed.rollback()
                borrowed.execute(GROUPS.insert().values(name="sqlalchemy"))
                borrowed.commit()

        assert names_in_django() == ["django", "sqlalchemy"]

    def test_an_error_in_sqlalchemy_leaves_the_block_usable(self, groups: SharedPool) -> None:
        with transaction.atomic():
            Group.objects.create(name="django")
            with pytest.raises(sqlalchemy.exc.IntegrityError):
                add("django")
            Group.objects.create(name="after")

        assert names_in_django() == ["after", "django"]

    def test_a_session_rolls_back_to_its_own_savepoint(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_session() as session:
            session.execute(GROUPS.insert().values(name="kept"))
            with pytest.raises(Undo), session.begin_nested():
                session.execute(GROUPS.insert().values(name="gone"))
                raise Undo
            session.commit()

        assert names_in_django() == ["kept"]

    def test_what_sqlalchemy_left_uncommitted_is_not_committed_with_it(self, groups: SharedPool) -> None:
        with transaction.atomic():
            Group.objects.create(name="django")
            session = db.get_session()
            session.execute(GROUPS.insert().values(name="gone"))

        session.close()
        assert names_in_django() == ["django"]

    def test_the_same_holds_for_an_inner_block(self, groups: SharedPool) -> None:
        with transaction.atomic():
            with transaction.atomic():
                session = db.get_session()
                session.execute(GROUPS.insert().values(name="gone"))
            Group.objects.create(name="django")
            session.close()

        assert names_in_django() == ["django"]

    def test_an_inner_rollback_undoes_what_sqlalchemy_committed_inside(self, groups: SharedPool) -> None:
        with transaction.atomic():
            add("outer")
            with pytest.raises(Undo), transaction.atomic():
                add("inner")
                raise Undo

        assert names_in_django() == ["outer"]

    def test_a_joined_connection_ends_with_its_block(self, groups: SharedPool) -> None:
        with transaction.atomic():
            borrowed = db.get_engine().connect()
            borrowed.execute(text("SELECT 1"))

        with pytest.raises(sqlalchemy.exc.OperationalError, match="has ended"):
            borrowed.execute(text("SELECT 1"))
        borrowed.close()

    def test_a_block_that_must_roll_back_takes_no_more_work(self, groups: SharedPool) -> None:
        with transaction.atomic():
            transaction.set_rollback(True)
            refused = pytest.raises(
                sqlalchemy.exc.StatementError, match=r"until the end of the .atomic. block"
            )
            with refused, db.get_engine().connect() as borrowed:
                borrowed.execute(text("SELECT 1"))

    def test_a_streamed_result_works_inside_it(self, groups: SharedPool) -> None:
        with transaction.atomic(), db.get_engine().connect() as borrowed:
            rows = borrowed.execution_options(yield_per=10).execute(text("SELECT generate_series(1, 25)"))
            assert len(list(rows)) == 25

    def test_closing_djangos_connection_inside_it_loses_both_parts(self, groups: SharedPool) -> None:
        with transaction.atomic():
            borrowed = db.get_engine().connect()
            borrowed.execute(GROUPS.insert().values(name="gone"))
            connection.close()
            borrowed.invalidate()

        assert names_in_django() == []


@pytest.mark.real_pool
class TestCallbacksOnCommit:
    def test_they_fire_once_and_only_after_the_outer_commit(self, groups: SharedPool) -> None:
        fired: list[str] = []

        with transaction.atomic():
            with db.get_engine().begin() as borrowed:
                borrowed.execute(text("SELECT 1"))
                transaction.on_commit(lambda: fired.append("fired"))
            assert fired == []

        assert fired == ["fired"]

    def test_they_are_forgotten_with_the_sqlalchemy_transaction_they_belong_to(
        self, groups: SharedPool
    ) -> None:
        fired: list[str] = []

        with transaction.atomic():
            transaction.on_commit(lambda: fired.append("outer"))
            with db.get_engine().connect() as borrowed:
                borrowed.execute(text("SELECT 1"))
                transaction.on_commit(lambda: fired.append("inner"))
                borrowed.rollback()

        assert fired == ["outer"]


@pytest.mark.real_pool
class TestIndependentCode:
    def test_it_commits_although_the_block_rolls_back(self, groups: SharedPool) -> None:
        with pytest.raises(Undo), transaction.atomic():
            Group.objects.create(name="gone")
            with db.independent():
                add("kept")
            raise Undo

        assert names_in_django() == ["kept"]

    def test_it_pays_with_a_second_connection(self, groups: SharedPool) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            with db.independent(), db.get_engine().connect():
                assert groups.stats().checked_out == 2

    @pytest.mark.parametrize("level", ["SERIALIZABLE", "AUTOCOMMIT"])
    def test_another_isolation_level_inside_the_block_names_the_way_out(
        self, groups: SharedPool, level: Any
    ) -> None:
        with transaction.atomic(), db.get_engine().connect() as borrowed:
            with pytest.raises(Exception, match=r"use core\.db\.independent\(\)"):
                borrowed.execution_options(isolation_level=level)
            borrowed.invalidate()


def test_raw_work_inside_a_block_is_undone_by_rollback(groups: SharedPool) -> None:
    with transaction.atomic():
        raw = db.get_engine().raw_connection()
        cursor: Any = raw.cursor()
        cursor.execute("INSERT INTO auth_group (name) VALUES ('gone')")
        raw.rollback()
        raw.close()

    assert names_in_django() == []


def test_the_pooled_connection_is_psycopgs(groups: SharedPool) -> None:
    check: Callable[[Any], bool] = lambda raw: isinstance(raw.driver_connection, psycopg.Connection)

    with transaction.atomic():
        raw = db.get_engine().raw_connection()
        assert check(raw)
        raw.close()
