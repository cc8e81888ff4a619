"""COPY through the door: the caller's transaction decides about the rows."""

from decimal import Decimal

import pytest
import sqlalchemy as sa
from django.db import transaction

from core import db
from core.pool import SharedPool

COLUMNS = {"name": "varchar", "price": "numeric"}
ROWS = [("tab\there, back\\slash, \\N", Decimal("0.10")), (None, Decimal(-3)), ("", None)]


def make_table(connection: sa.Connection) -> None:
    connection.execute(sa.text("CREATE TEMPORARY TABLE copied (name varchar(40), price numeric)"))


def found(connection: sa.Connection) -> list[tuple[str | None, Decimal | None]]:
    return [tuple(row) for row in connection.execute(sa.text("SELECT name, price FROM copied"))]


@pytest.mark.real_pool
class TestCopyRows:
    def test_adds_the_rows_as_they_are(self, django_pool: SharedPool) -> None:
        with db.get_engine().begin() as connection:
            make_table(connection)

            db.copy_rows(connection, "copied", columns=COLUMNS, rows=ROWS)

            assert found(connection) == ROWS
            connection.execute(sa.text("DROP TABLE copied"))

    def test_adds_what_was_encoded_before_there_was_a_connection(self, django_pool: SharedPool) -> None:
        many = ROWS * 1_000
        encoded, nothing = (db.encode_rows(COLUMNS.values(), rows) for rows in (many, []))
        assert django_pool.stats().open == 0

        with db.get_engine().begin() as connection:
            make_table(connection)
            for each in (encoded, nothing):
                db.copy_encoded(connection, "copied", columns=COLUMNS, encoded=each)

            assert found(connection) == many
            connection.execute(sa.text("DROP TABLE copied"))

    def test_is_undone_with_its_transaction(self, django_pool: SharedPool) -> None:
        with db.get_engine().connect() as connection:
            make_table(connection)
            connection.commit()

            db.copy_rows(connection, "copied", columns=COLUMNS, rows=ROWS)
            connection.rollback()

            assert found(connection) == []
            connection.execute(sa.text("DROP TABLE copied"))
            connection.commit()

    def test_joins_an_atomic_block(self, django_pool: SharedPool) -> None:
        with transaction.atomic():
            with db.get_engine().connect() as connection:
                make_table(connection)
                connection.commit()
                db.copy_rows(connection, "copied", columns=COLUMNS, rows=ROWS)
                connection.rollback()

                assert found(connection) == []
            transaction.set_rollback(True)

    def test_leaves_the_connection_usable_when_a_row_does_not_fit(self, django_pool: SharedPool) -> None:
        with db.get_engine().connect() as connection:
            make_table(connection)
            connection.commit()

            with pytest.raises(db.DriverError, match="too long"):
                db.copy_rows(connection, "copied", columns=COLUMNS, rows=[("x" * 41, None)])
            connection.rollback()

            assert found(connection) == []
            connection.execute(sa.text("DROP TABLE copied"))
            connection.commit()
        assert django_pool.stats().checked_out == 0
