"""A database that cannot serve ends `manage.py etl` with a sentence, a mistake with a traceback (R11)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from django.db import connection

from etl.tests.command import etl, json_lines, sales

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def loading_fails_with() -> Iterator[Callable[[str], None]]:
    """Let Postgres refuse each run with a SQLSTATE."""

    def arrange(sqlstate: str) -> None:
        cursor.execute(
            "CREATE FUNCTION refuse_run() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = '{sqlstate}'; END $$"
        )
        cursor.execute("CREATE TRIGGER refuse BEFORE INSERT ON etl_run_log EXECUTE FUNCTION refuse_run()")

    with ExitStack() as stack:
        cursor = stack.enter_context(connection.cursor())
        stack.callback(cursor.execute, "DROP FUNCTION refuse_run CASCADE")
        yield arrange


class TestARunThatPostgresRefuses:
    @pytest.mark.parametrize(
        ("sqlstate", "reason"), [("40P01", "conflict"), ("55P03", "busy"), ("53400", "out_of_resources")]
    )
    def test_ends_with_a_sentence_when_a_later_one_may_succeed(
        self, loading_fails_with: Callable[[str], None], tmp_path: Path, sqlstate: str, reason: str
    ) -> None:
        loading_fails_with(sqlstate)

        ended = etl("run", "--source", json_lines(tmp_path / "sales.jsonl", sales(1)))

        assert ended.code == 1
        assert f"the database cannot serve now ({reason}): not this one" in ended.error

    @pytest.mark.parametrize("sqlstate", ["54000", "3B001"])
    def test_keeps_its_traceback_when_it_never_will(
        self, loading_fails_with: Callable[[str], None], tmp_path: Path, sqlstate: str
    ) -> None:
        loading_fails_with(sqlstate)

        with pytest.raises(sa.exc.DBAPIError, match="not this one"):
            etl("run", "--source", json_lines(tmp_path / "sales.jsonl", sales(1)))
