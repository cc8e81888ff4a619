"""Texts from a server-side cursor: as they are, in order, a few at a time, in the caller's transaction."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from core import db
from core.pool import SharedPool


@pytest.fixture
def connection(django_pool: SharedPool) -> Iterator[sa.Connection]:
    with db.get_engine().connect() as borrowed:
        yield borrowed


def numbers(count: int) -> sa.Select[Any]:
    number = sa.func.generate_series(1, count).column_valued("number")
    return sa.select(sa.cast(number, sa.Text)).order_by(number)


@pytest.mark.real_pool
class TestStreamedTexts:
    def test_are_as_they_came_over_the_wire(self, connection: sa.Connection) -> None:
        awkward = ["Łódź", 'a "quoted" word\r\n', "", None, "100 % :x"]
        rows = sa.select(sa.column("text", sa.Text)).select_from(
            sa.values(sa.column("text", sa.Text), name="rows").data([(text,) for text in awkward])
        )

        texts = [text for batch in db.stream_texts(connection, rows, size=2) for text in batch]

        assert texts == [None if text is None else text.encode() for text in awkward]

    @pytest.mark.parametrize(("count", "sizes"), [(0, []), (3, [3]), (6, [3, 3]), (7, [3, 3, 1])])
    def test_come_a_few_at_a_time_in_order(
        self, connection: sa.Connection, count: int, sizes: list[int]
    ) -> None:
        batches = list(db.stream_texts(connection, numbers(count), size=3))

        assert [len(batch) for batch in batches] == sizes
        assert [text for batch in batches for text in batch] == [b"%d" % each for each in range(1, count + 1)]

    def test_wait_on_the_server_until_they_are_asked_for(self, connection: sa.Connection) -> None:
        waiting = db.stream_texts(connection, numbers(10), size=3)

        next(waiting)

        cursors = sa.text("SELECT count(*) FROM pg_cursors WHERE name LIKE 'texts_%'")
        assert connection.execute(cursors).scalar_one() == 1
        assert len(list(waiting)) == 3
        assert connection.execute(cursors).scalar_one() == 0

    def test_can_be_left_half_read(self, connection: sa.Connection, django_pool: SharedPool) -> None:
        next(db.stream_texts(connection, numbers(10), size=3))

        connection.close()

        assert django_pool.stats().checked_out == 0
        with db.get_engine().connect() as again:
            assert len(list(db.stream_texts(again, numbers(10), size=10))) == 1

    def test_of_two_statements_do_not_mix(self, connection: sa.Connection) -> None:
        few = db.stream_texts(connection, numbers(2), size=1)
        many = db.stream_texts(connection, numbers(4), size=2)

        assert (next(few), next(many)) == ([b"1"], [b"1", b"2"])
        assert (next(few), next(many)) == ([b"2"], [b"3", b"4"])

    def test_say_what_postgres_said_as_sqlalchemy_does(self, connection: sa.Connection) -> None:
        number = sa.func.generate_series(1, 3).column_valued("number")
        by_zero = sa.select(sa.cast(sa.func.div(1, number - 2), sa.Text))

        with pytest.raises(sa.exc.DBAPIError, match="division by zero"):
            list(db.stream_texts(connection, by_zero, size=3))
