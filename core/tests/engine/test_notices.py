"""The server's notices, in SQLAlchemy's log (contract lines L2, L13)."""

import logging
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from sqlalchemy import text

from core import db

RAISE = text("DO $$ BEGIN RAISE NOTICE 'the gates are open'; END $$")
SAID = ["NOTICE: the gates are open"]
LOG = "sqlalchemy.dialects.postgresql"


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What SQLAlchemy's log holds, where somebody reads it."""
    found: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler = Handler()
    log = logging.getLogger(LOG)
    log.addHandler(handler)
    with caplog.at_level(logging.INFO, LOG):
        yield found
    log.removeHandler(handler)


def raise_a_notice() -> None:
    with db.get_engine().begin() as borrowed:
        borrowed.execute(RAISE)


def raise_one_through_the_orm() -> None:
    with connection.cursor() as cursor:
        cursor.execute(RAISE.text)


@pytest.mark.real_pool
@pytest.mark.usefixtures("django_pool")
class TestANotice:
    def test_of_sqlalchemys_statement_is_in_its_log_at_each_checkout_once(self, said: list[str]) -> None:
        raise_a_notice()
        raise_a_notice()

        assert said == SAID * 2

    def test_of_djangos_is_not_before_or_after(self, said: list[str]) -> None:
        raise_one_through_the_orm()
        raise_a_notice()
        raise_one_through_the_orm()

        assert said == SAID

    def test_in_a_block_is_there_once_however_many_joined_it(self, said: list[str]) -> None:
        with transaction.atomic():
            raise_one_through_the_orm()
            with db.get_session() as session, db.get_engine().connect() as other:
                session.execute(RAISE)
                assert said == SAID
                session.close()
                other.execute(RAISE)
            raise_one_through_the_orm()

        assert said == SAID * 2

    def test_has_no_handler_where_nobody_reads_it(self) -> None:
        with db.get_engine().connect() as borrowed:
            assert borrowed.connection.driver_connection.notice_handlers == []  # type: ignore[union-attr]
